/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "tools/ntp_result.h"
#include "tools/since1900.h"
#include "tools/sntp.h"

#define COOKIE UINT64_C(0x0123456789abcdef)
/* 2026-11-21 00:00:00 and 2036-02-07 06:28:16 */
#define TODAY	 (INT64_C(1795219200) * CLOCK_SECOND)
#define ROLLOVER (INT64_C(2085978496) * CLOCK_SECOND)
/* As much as a wire's fraction of 2^-32 s can be off. */
#define ROUNDING 2

static void
put64(unsigned char *bytes, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> (56 - 8 * i));
}

/* A good reply to COOKIE that came at RECEIVE and left at TRANSMIT. */
static void
make(unsigned char packet[SNTP_BYTES], int64_t receive, int64_t transmit)
{
	static const unsigned char head[16] = {
		4 << 3 | 4, 1,	 6,    0xe9, /* precision: 2^-23 */
		0,	    1,	 0x80, 0,    /* root delay: 1.5 s */
		0,	    0,	 0x40, 0,    /* dispersion: 0.25 s */
		'G',	    'P', 'S',  0,
	};

	memcpy(packet, head, sizeof(head));
	put64(packet + 16, sntp_from_unix(receive - CLOCK_SECOND));
	put64(packet + 24, COOKIE);
	put64(packet + 32, sntp_from_unix(receive));
	put64(packet + 40, sntp_from_unix(transmit));
}

static void
near(int64_t value, int64_t wanted)
{
	if (value < wanted - ROUNDING || value > wanted + ROUNDING)
		fail_msg("%lld is not %lld", (long long)value,
			 (long long)wanted);
}

static void
requests(void **state)
{
	unsigned char packet[SNTP_BYTES];

	(void)state;
	sntp_request(packet, COOKIE);
	/* Leap 0, version 4, mode 3. */
	assert_int_equal(packet[0], 0x23);
	for (int i = 1; i < 40; i++)
		assert_int_equal(packet[i], 0);
	assert_int_equal(packet[40], 0x01);
	assert_int_equal(packet[47], 0xef);
}

static void
fields(void **state)
{
	unsigned char packet[SNTP_BYTES];
	struct sntp_reply reply;
	char text[SNTP_REFID_TEXT];

	(void)state;
	make(packet, TODAY, TODAY + 1000);
	sntp_parse(packet, &reply);
	assert_int_equal(reply.leap, 0);
	assert_int_equal(reply.version, 4);
	assert_int_equal(reply.mode, 4);
	assert_int_equal(reply.stratum, 1);
	assert_int_equal(reply.poll, 6);
	assert_int_equal(reply.precision, -23);
	assert_int_equal(reply.root_delay, 3 * CLOCK_SECOND / 2);
	assert_int_equal(reply.root_dispersion, CLOCK_SECOND / 4);
	assert_int_equal(reply.refid, 0x47505300);
	assert_true(reply.origin == COOKIE);
	near(sntp_to_unix(reply.transmit, TODAY), TODAY + 1000);
	sntp_refid(&reply, text);
	assert_string_equal(text, "GPS");
	reply.stratum = 2;
	sntp_refid(&reply, text);
	assert_string_equal(text, "71.80.83.0");
	/* What is no name is not shown as one. */
	reply.stratum = 1;
	reply.refid = 0x1b5b324a;
	sntp_refid(&reply, text);
	assert_string_equal(text, "27.91.50.74");
	reply.refid = 0x41004200;
	sntp_refid(&reply, text);
	assert_string_equal(text, "65.0.66.0");
}

static void
timestamps(void **state)
{
	(void)state;
	assert_true(sntp_from_unix(0) == UINT64_C(2208988800) << 32);
	assert_true(sntp_from_unix(CLOCK_SECOND / 2) ==
		    (UINT64_C(2208988800) << 32 | UINT64_C(1) << 31));
	assert_true(sntp_from_unix(-CLOCK_SECOND / 2) ==
		    (UINT64_C(2208988799) << 32 | UINT64_C(1) << 31));
	assert_true(sntp_from_unix(ROLLOVER) == 0);
	assert_true(sntp_from_unix(ROLLOVER - CLOCK_SECOND) ==
		    UINT64_C(0xffffffff) << 32);
	for (int64_t past = 0; past < CLOCK_SECOND; past += 99999989)
		near(sntp_to_unix(sntp_from_unix(TODAY + past), TODAY),
		     TODAY + past);
	/* Of both sides of 2036, seen from the other one. */
	near(sntp_to_unix(sntp_from_unix(ROLLOVER + 5), ROLLOVER - 5),
	     ROLLOVER + 5);
	near(sntp_to_unix(sntp_from_unix(ROLLOVER - 5), ROLLOVER + 5),
	     ROLLOVER - 5);
}

static void
differences(void **state)
{
	static const int64_t pasts[] = {
		0,
		1,
		-1,
		CLOCK_SECOND,
		-CLOCK_SECOND - 1,
		INT64_C(2147483000) * CLOCK_SECOND,
		INT64_C(-2147483000) * CLOCK_SECOND + 3,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pasts) / sizeof(pasts[0]); i++) {
		near(sntp_difference(sntp_from_unix(ROLLOVER + pasts[i]),
				     sntp_from_unix(ROLLOVER)),
		     pasts[i]);
		near(sntp_difference(sntp_from_unix(TODAY + pasts[i]),
				     sntp_from_unix(TODAY)),
		     pasts[i]);
	}
}

/* The server is AHEAD of us; so long is the way THERE, the work, and BACK. */
static void
measure(int64_t start, int64_t ahead, int64_t there, int64_t work, int64_t back,
	struct sntp_sample *sample)
{
	unsigned char packet[SNTP_BYTES];
	struct sntp_reply reply;
	int64_t receive = start + there + ahead;

	make(packet, receive, receive + work);
	assert_int_equal(sntp_check(packet, SNTP_BYTES, COOKIE, &reply, NULL),
			 SNTP_GOOD);
	sntp_measure(&reply, start, start + there + work + back, sample);
}

static void
offset_and_delay(void **state)
{
	static const int64_t aheads[] = {
		0,
		1000,
		-1000,
		3 * CLOCK_SECOND,
		-86400 * CLOCK_SECOND,
		INT64_C(2000000000) * CLOCK_SECOND,
		INT64_C(-2000000000) * CLOCK_SECOND,
	};
	static const int64_t starts[] = { TODAY, ROLLOVER - 10000, ROLLOVER };
	struct sntp_sample sample;

	(void)state;
	for (int i = 0; i < 7 * 3; i++) {
		int64_t ahead = aheads[i % 7];

		measure(starts[i / 7], ahead, 20000, 7000, 20000, &sample);
		near(sample.offset, ahead);
		near(sample.delay, 40000);
		/* Half of what one way is longer than the other is error. */
		measure(starts[i / 7], ahead, 50000, 7000, 10000, &sample);
		near(sample.offset, ahead + 20000);
		near(sample.delay, 60000);
	}
}

static void
root_distances(void **state)
{
	struct sntp_reply reply = {
		.root_delay = 4 * CLOCK_MILLISECOND,
		.root_dispersion = 3 * CLOCK_MILLISECOND,
		.precision = -20,
	};
	struct sntp_sample sample = { .delay = 2 * CLOCK_MILLISECOND };

	(void)state;
	/* 954 ns of precision, 30 ns of tolerance. */
	near(sntp_root_distance(&reply, &sample),
	     6 * CLOCK_MILLISECOND + 954 + 30);
	/* A clock that was set in between has no negative errors. */
	sample.delay = -CLOCK_SECOND;
	near(sntp_root_distance(&reply, &sample), 5 * CLOCK_MILLISECOND + 954);
	reply.precision = 127;
	assert_true(sntp_root_distance(&reply, &sample) > 0);
	reply.precision = -128;
	near(sntp_root_distance(&reply, &sample), 5 * CLOCK_MILLISECOND);
}

static enum sntp_verdict
check(const unsigned char *packet, size_t length, const char *part)
{
	struct sntp_reply reply;
	const char *why = "not told";
	enum sntp_verdict verdict =
		sntp_check(packet, length, COOKIE, &reply, &why);

	if (!part)
		assert_null(why);
	else if (!why || !strstr(why, part))
		fail_msg("%s does not have %s", why ? why : "(null)", part);
	return verdict;
}

static void
verdicts(void **state)
{
	unsigned char packet[SNTP_BYTES + 4] = { 0 };

	(void)state;
	make(packet, TODAY, TODAY);
	assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_GOOD);
	packet[0] = 3 << 6 | 4 << 3 | 4;
	assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_UNSYNCED);
	packet[0] = 1 << 6 | 4 << 3 | 4;
	assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_GOOD);
	packet[1] = 16;
	assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_UNSYNCED);
	packet[1] = 15;
	assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_GOOD);
	/* Whatever else is said at stratum 0 is of a clock that is not set. */
	packet[1] = 0;
	assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_UNSYNCED);
	memcpy(packet + 12, "INIT", 4);
	assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_UNSYNCED);
	/* A kiss needs no time. */
	memset(packet + 32, 0, 16);
	assert_int_equal(check(packet, SNTP_BYTES, "no time"), SNTP_BOGUS);
	for (int i = 0; i < 3; i++) {
		memcpy(packet + 12, &"DENYRATERSTR"[4 * i], 4);
		assert_int_equal(check(packet, SNTP_BYTES, NULL), SNTP_KISS);
	}
}

static void
bogus_replies(void **state)
{
	unsigned char packet[SNTP_BYTES + 4] = { 0 };

	(void)state;
	make(packet, TODAY, TODAY);
	for (size_t length = 0; length <= sizeof(packet); length++)
		if (length != SNTP_BYTES)
			assert_int_equal(check(packet, length, "48 bytes"),
					 SNTP_BOGUS);
	for (unsigned char first = 0; first < 64; first++) {
		bool mode = (first & 7) == 4;
		bool version = first >> 3 >= 1 && first >> 3 <= 4;

		packet[0] = first;
		if (mode && version)
			assert_int_equal(check(packet, SNTP_BYTES, NULL),
					 SNTP_GOOD);
		else
			assert_int_equal(check(packet, SNTP_BYTES,
					       mode ? "version" : "mode"),
					 SNTP_BOGUS);
	}
	make(packet, TODAY, TODAY);
	packet[31] ^= 1;
	assert_int_equal(check(packet, SNTP_BYTES, "origin"), SNTP_BOGUS);
	/* Nor a kiss that anybody could send. */
	packet[1] = 0;
	memcpy(packet + 12, "DENY", 4);
	assert_int_equal(check(packet, SNTP_BYTES, "origin"), SNTP_BOGUS);
	make(packet, TODAY, TODAY);
	memset(packet + 40, 0, 8);
	assert_int_equal(check(packet, SNTP_BYTES, "no time"), SNTP_BOGUS);
	make(packet, TODAY, TODAY - CLOCK_MILLISECOND);
	assert_int_equal(check(packet, SNTP_BYTES, "before"), SNTP_BOGUS);
}

static void
leaps(void **state)
{
	(void)state;
	assert_string_equal(sntp_leap(0), "none");
	assert_string_equal(sntp_leap(1), "insert");
	assert_string_equal(sntp_leap(2), "delete");
	assert_string_equal(sntp_leap(3), "unsynchronised");
}

/* Samples go in with nothing shown: the client is done. */
static void
add(struct ntp_result *result, enum sntp_verdict verdict, int64_t offset,
    int64_t delay)
{
	struct client client = { .done = true };
	struct sntp_sample sample = { offset, delay };
	struct sntp_reply reply = { .stratum = 2 };

	ntp_result_add(&client, result, &reply, verdict, TODAY, &sample);
}

static void
jitter(void **state)
{
	struct client client = { .done = true };
	struct ntp_result result;

	(void)state;
	ntp_result_open(&client, &result);
	assert_true(ntp_result_jitter(&result) == 0);
	add(&result, SNTP_GOOD, 5 * CLOCK_SECOND + 4000, 70000);
	assert_true(ntp_result_jitter(&result) == 0);
	add(&result, SNTP_GOOD, 5 * CLOCK_SECOND, 50000);
	add(&result, SNTP_GOOD, 5 * CLOCK_SECOND - 3000, 60000);
	assert_int_equal(result.best.offset, 5 * CLOCK_SECOND);
	/* The root of (4000^2 + 3000^2) / 2. */
	assert_true(ntp_result_jitter(&result) > 3.5355e-6 &&
		    ntp_result_jitter(&result) < 3.5356e-6);
}

static void
synchronised_samples_win(void **state)
{
	struct client client = { .done = true };
	struct ntp_result result;

	(void)state;
	ntp_result_open(&client, &result);
	add(&result, SNTP_UNSYNCED, 1, 10);
	assert_int_equal(result.best.offset, 1);
	add(&result, SNTP_GOOD, 2, 1000);
	assert_int_equal(result.best.offset, 2);
	add(&result, SNTP_UNSYNCED, 3, 5);
	assert_int_equal(result.best.offset, 2);
	assert_int_equal(result.count, 1);
	assert_int_equal(result.good, 1);
	assert_int_equal(result.answered, 3);
	assert_true(ntp_result_jitter(&result) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(fields),
		cmocka_unit_test(timestamps),
		cmocka_unit_test(differences),
		cmocka_unit_test(offset_and_delay),
		cmocka_unit_test(root_distances),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(bogus_replies),
		cmocka_unit_test(leaps),
		cmocka_unit_test(jitter),
		cmocka_unit_test(synchronised_samples_win),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
