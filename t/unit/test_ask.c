/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "tools/bench_ask.h"
#include "tools/sntp.h"

/* 2036-02-07 06:28:16 UTC: the 32 bits are zero again. */
#define ROLLOVER (INT64_C(2085978496) * CLOCK_SECOND)
/* At that moment itself a timestamp is zero, which is none. */
#define AFTER (ROLLOVER + CLOCK_SECOND / 2)

static const unsigned char *
bytes_of(const char *text)
{
	return (const unsigned char *)text;
}

static bool
learns(const struct ask *ask, struct ask_rule *rule, const char *text)
{
	return ask->learn(rule, bytes_of(text), strlen(text), 0);
}

static void
found_by_name(void **state)
{
	static const char *const names[] = { "daytime", "time", "ntp", "echo" };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(ask_find(names[i])->name, names[i]);
	assert_null(ask_find("stream"));
	assert_null(ask_find(""));
}

static void
lines(void **state)
{
	static const char *const good[] = {
		"12:34:56\r\n",
		"12:34:56\n",
		"\n61365 26-11-21 12:34:56 00 0 0 50.0 UTC(NIST) * \n",
		"f\xc3\xbcnf Uhr\r\n",
	};
	static const char *const bad[] = {
		"",
		"\n",
		"\r\n",
		"12:34:56",
		"12:34:5\033\n",
		"12:\r34:56\n",
		"12:34\n56\n",
		"12:34:56\r",
	};
	const struct ask *ask = ask_find("daytime");
	struct ask_rule rule = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(learns(ask, &rule, good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (learns(ask, &rule, bad[i]))
			fail_msg("taken for a line: %zu", i);
	assert_true(learns(ask, &rule, "12:34:56\r\n"));
	assert_int_equal(ask->check(&rule, bytes_of("23:59:60\r\n"), 10, 0),
			 ASK_RIGHT);
	assert_int_equal(ask->check(&rule, bytes_of("3:59:60\r\n"), 9, 0),
			 ASK_WRONG);
	assert_int_equal(ask->check(&rule, bytes_of("23:59:60\r\n"), 9, 0),
			 ASK_WRONG);
}

static enum ask_verdict
check_seconds(const struct ask_rule *rule, uint32_t seconds, int64_t now)
{
	unsigned char bytes[4] = {
		(unsigned char)(seconds >> 24),
		(unsigned char)(seconds >> 16),
		(unsigned char)(seconds >> 8),
		(unsigned char)seconds,
	};

	return ask_find("time")->check(rule, bytes, 4, now);
}

static void
seconds(void **state)
{
	const struct ask *ask = ask_find("time");
	struct ask_rule rule = { .slack = 3 * CLOCK_SECOND };
	const unsigned char zero[8] = { 0 };

	(void)state;
	assert_false(ask->learn(&rule, zero, 3, ROLLOVER));
	assert_false(ask->learn(&rule, zero, 5, ROLLOVER));
	/* A server that is ten seconds ahead, over the end of the era. */
	assert_true(ask->learn(&rule, zero, 4, ROLLOVER - 10 * CLOCK_SECOND));
	assert_int_equal(rule.ahead, 10 * CLOCK_SECOND);
	assert_int_equal(check_seconds(&rule, 0, ROLLOVER - 10 * CLOCK_SECOND),
			 ASK_RIGHT);
	assert_int_equal(check_seconds(&rule, 10, ROLLOVER), ASK_RIGHT);
	assert_int_equal(check_seconds(&rule, 7, ROLLOVER), ASK_RIGHT);
	assert_int_equal(check_seconds(&rule, 6, ROLLOVER), ASK_WRONG);
	assert_int_equal(check_seconds(&rule, 13, ROLLOVER), ASK_RIGHT);
	assert_int_equal(check_seconds(&rule, 14, ROLLOVER), ASK_WRONG);
	assert_int_equal(
		check_seconds(&rule, UINT32_MAX, ROLLOVER - 11 * CLOCK_SECOND),
		ASK_RIGHT);
	assert_int_equal(ask->check(&rule, zero, 5, ROLLOVER), ASK_WRONG);
}

static void
put64(unsigned char *bytes, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> (56 - 8 * i));
}

static void
packets(void **state)
{
	const struct ask *ask = ask_find("ntp");
	struct ask_rule rule = { .slack = CLOCK_SECOND };
	unsigned char packet[SNTP_BYTES + 4] = { 0x24, 1 };
	uint64_t cookie = 0;

	(void)state;
	put64(packet + 24, 77);
	put64(packet + 32, sntp_from_unix(AFTER));
	put64(packet + 40, sntp_from_unix(AFTER));
	assert_false(ask->whose(packet, SNTP_BYTES - 1, &cookie));
	assert_true(ask->whose(packet, SNTP_BYTES, &cookie));
	assert_int_equal(cookie, 77);
	assert_true(ask->learn(&rule, packet, SNTP_BYTES,
			       AFTER - 60 * CLOCK_SECOND));
	assert_int_equal(rule.ahead, 60 * CLOCK_SECOND);
	assert_int_equal(ask->check(&rule, packet, SNTP_BYTES,
				    AFTER - 60 * CLOCK_SECOND),
			 ASK_RIGHT);
	assert_int_equal(ask->check(&rule, packet, SNTP_BYTES, AFTER),
			 ASK_WRONG);
	rule.ahead = 0;
	assert_int_equal(ask->check(&rule, packet, SNTP_BYTES + 4, AFTER),
			 ASK_WRONG);
	packet[0] = 0xe4;
	assert_int_equal(ask->check(&rule, packet, SNTP_BYTES, AFTER),
			 ASK_UNSYNCED);
	packet[1] = 0;
	memcpy(packet + 12, "INIT", 4);
	assert_int_equal(ask->check(&rule, packet, SNTP_BYTES, AFTER),
			 ASK_UNSYNCED);
	assert_true(ask->learn(&rule, packet, SNTP_BYTES, AFTER));
	memcpy(packet + 12, "RATE", 4);
	assert_int_equal(ask->check(&rule, packet, SNTP_BYTES, AFTER),
			 ASK_REFUSED);
	assert_false(ask->learn(&rule, packet, SNTP_BYTES, AFTER));
	packet[0] = 0x23;
	assert_int_equal(ask->check(&rule, packet, SNTP_BYTES, AFTER),
			 ASK_WRONG);
}

/* Whatever is changed in an echo, it is wrong, and no other's. */
static void
messages(void **state)
{
	static const size_t lengths[] = { ASK_ECHO, 11, 17, 18, 19, 64, 1000 };
	const struct ask *ask = ask_find("echo");
	unsigned char bytes[1000], other[1000];
	uint64_t cookie;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		size_t length = lengths[i];
		struct ask_rule rule = { .length = (uint32_t)length };

		ask->make(bytes, length, UINT64_MAX - i);
		ask->make(other, length, UINT64_MAX - i - 1);
		assert_memory_not_equal(bytes, other, length);
		assert_null(memchr(bytes, '\n', length));
		assert_true(ask->whose(bytes, length, &cookie));
		assert_true(cookie == UINT64_MAX - i);
		assert_int_equal(ask->check(&rule, bytes, length, 0),
				 ASK_RIGHT);
		assert_int_equal(ask->check(&rule, bytes, length - 1, 0),
				 ASK_WRONG);
		for (size_t k = 0; k < length; k++) {
			bytes[k] ^= 0x80;
			assert_int_equal(ask->check(&rule, bytes, length, 0),
					 ASK_WRONG);
			bytes[k] ^= 0x80;
		}
		assert_false(ask->whose(bytes, ASK_ECHO - 1, &cookie));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_name), cmocka_unit_test(lines),
		cmocka_unit_test(seconds),	 cmocka_unit_test(packets),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
