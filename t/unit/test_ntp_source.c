/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said of a clock, for every state that the kernel can be in and for
 * what a server says of itself.
 */
#include "base/clock.h"
#include "service/ntp_source.h"

#include <endian.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t S = CLOCK_SECOND;
/* 2016-12-31 23:59:50 UTC, ten seconds before a leap second. */
static const int64_t LAST_DAY = INT64_C(1483228790) * CLOCK_SECOND;
static const int64_t MIDNIGHT = INT64_C(1483228800) * CLOCK_SECOND;

static int64_t the_time;
static uint64_t the_age;
static struct timex kernel;
static int kernel_state;

int64_t __wrap_clock_realtime(void);
uint64_t __wrap_clock_monotonic(void);
int __wrap_ntp_adjtime(struct timex *timex);

int64_t
__wrap_clock_realtime(void)
{
	return the_time;
}

uint64_t
__wrap_clock_monotonic(void)
{
	return the_age;
}

int
__wrap_ntp_adjtime(struct timex *timex)
{
	assert_int_equal(timex->modes, 0);
	*timex = kernel;
	return kernel_state;
}

/* A source, and the server that it asks. */
struct stand {
	struct loop loop;
	struct ntp_source_settings settings;
	struct ntp_source source;
	struct ntp_quality quality;
	struct sockaddr_in from; /* where the last request came from */
	struct ntp_packet request;
	int server;
	int changes;
};

static int
make_stand(void **state)
{
	struct stand *stand = calloc(1, sizeof(*stand));
	struct addr *address = &stand->settings.server;

	the_time = LAST_DAY;
	the_age = 1000 * (uint64_t)S;
	kernel = (struct timex){ .maxerror = 1500 };
	kernel_state = TIME_OK;
	assert_int_equal(loop_open(&stand->loop), 0);
	stand->server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	address->in.sin_family = AF_INET;
	address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address->length = sizeof(address->in);
	assert_int_equal(bind(stand->server, &address->sa, address->length), 0);
	assert_int_equal(
		getsockname(stand->server, &address->sa, &address->length), 0);
	stand->settings.kernel = true;
	stand->settings.stratum = 3;
	stand->settings.reference_id = ntp_source_id("GPS");
	*state = stand;
	return 0;
}

static int
free_stand(void **state)
{
	struct stand *stand = *state;

	ntp_source_close(&stand->source);
	close(stand->server);
	loop_close(&stand->loop);
	free(stand);
	return 0;
}

static void
changed(void *context)
{
	struct stand *stand = context;

	stand->changes++;
}

static void
begin(struct stand *stand)
{
	ntp_source_open(&stand->source, &stand->loop, &stand->settings, changed,
			stand);
}

static const struct ntp_quality *
look(struct stand *stand)
{
	ntp_source_read(&stand->source, &stand->quality);
	return &stand->quality;
}

static void
assert_unsynchronised(const struct ntp_quality *quality)
{
	assert_int_equal(quality->leap, NTP_LEAP_UNSYNCHRONISED);
	assert_int_equal(quality->stratum, NTP_STRATUM_NONE);
	assert_int_equal(quality->reference_id, 0x494e4954); /* INIT */
	assert_true(quality->reference == 0);
	assert_true(quality->dispersion == 16 * S);
}

static void
a_synchronised_kernel(void **state)
{
	struct stand *stand = *state;
	const struct ntp_quality *quality;

	begin(stand);
	quality = look(stand);
	assert_int_equal(quality->leap, NTP_LEAP_NONE);
	assert_int_equal(quality->stratum, 3);
	assert_int_equal(quality->reference_id, 0x47505300);
	assert_true(quality->delay == 0);
	assert_true(quality->dispersion == 1500 * CLOCK_MICROSECOND);
	assert_true(ntp_packet_time(quality->reference, the_time) == the_time);
}

/* It was corrected when the error became smaller. */
static void
the_reference_time_is_that_of_the_last_correction(void **state)
{
	static const struct {
		int maxerror; /* microseconds */
		int64_t ago;  /* seconds */
	} steps[] = { { 1500, 0 }, { 2000, 1 }, { 2500, 2 },
		      { 900, 0 },  { 900, 1 },	{ 1400, 2 } };
	struct stand *stand = *state;
	const struct ntp_quality *quality;

	begin(stand);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		kernel.maxerror = steps[i].maxerror;
		quality = look(stand);
		assert_true(ntp_packet_time(quality->reference, the_time) ==
			    the_time - steps[i].ago * S);
		assert_true(quality->dispersion ==
			    steps[i].maxerror * CLOCK_MICROSECOND);
		the_time += S;
		the_age += (uint64_t)S;
	}
}

static void
an_unsynchronised_kernel(void **state)
{
	struct stand *stand = *state;

	begin(stand);
	kernel.status = STA_UNSYNC;
	kernel_state = TIME_ERROR;
	assert_unsynchronised(look(stand));
	kernel_state = TIME_OK;
	assert_unsynchronised(look(stand));
	kernel.status = STA_CLOCKERR;
	kernel_state = TIME_ERROR;
	assert_unsynchronised(look(stand));
	kernel_state = -1;
	assert_unsynchronised(look(stand));
	kernel = (struct timex){ .maxerror = 100 };
	kernel_state = TIME_OK;
	assert_int_equal(look(stand)->stratum, 3);
}

static void
the_clock_of_an_isolated_network(void **state)
{
	struct stand *stand = *state;
	const struct ntp_quality *quality;

	stand->settings.local = 10;
	begin(stand);
	assert_int_equal(look(stand)->stratum, 3);
	kernel_state = TIME_ERROR;
	quality = look(stand);
	assert_int_equal(quality->leap, NTP_LEAP_NONE);
	assert_int_equal(quality->stratum, 10);
	assert_int_equal(quality->reference_id, 0x7f7f0101);
	assert_true(ntp_packet_time(quality->reference, the_time) == the_time);
	assert_true(quality->dispersion == 0);
	stand->settings.local = 1;
	assert_int_equal(look(stand)->reference_id, ntp_source_id("LOCL"));
}

static void
leap_seconds_of_the_kernel(void **state)
{
	static const struct {
		int64_t time;
		int state;
		enum ntp_leap leap;
	} cases[] = {
		{ LAST_DAY, TIME_OK, NTP_LEAP_NONE },
		{ LAST_DAY, TIME_INS, NTP_LEAP_INSERTED },
		{ LAST_DAY, TIME_DEL, NTP_LEAP_DELETED },
		{ LAST_DAY, TIME_OOP, NTP_LEAP_INSERTED },
		{ LAST_DAY, TIME_WAIT, NTP_LEAP_NONE },
		{ MIDNIGHT - 1, TIME_INS, NTP_LEAP_INSERTED },
		{ MIDNIGHT - 1, TIME_OOP, NTP_LEAP_INSERTED },
		{ MIDNIGHT, TIME_WAIT, NTP_LEAP_NONE },
		/* Not the last day: the day before, the day after. */
		{ MIDNIGHT - 86400 * CLOCK_SECOND - 1, TIME_INS,
		  NTP_LEAP_NONE },
		{ MIDNIGHT - 86400 * CLOCK_SECOND, TIME_INS,
		  NTP_LEAP_INSERTED },
		{ MIDNIGHT, TIME_INS, NTP_LEAP_NONE },
	};
	struct stand *stand = *state;

	begin(stand);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		the_time = cases[i].time;
		kernel_state = cases[i].state;
		assert_int_equal(look(stand)->leap, cases[i].leap);
		assert_true(stand->quality.leap_until ==
			    (cases[i].leap ? MIDNIGHT : 0));
	}
	the_time = LAST_DAY;
	kernel_state = TIME_INS;
	kernel.status = STA_UNSYNC;
	assert_unsynchronised(look(stand));
}

/* The request that came last, at the end of a patient wait. */
static void
hear(struct stand *stand)
{
	struct pollfd wanted = { .fd = stand->server, .events = POLLIN };
	socklen_t length = sizeof(stand->from);

	assert_int_equal(poll(&wanted, 1, 20000), 1);
	while (recvfrom(stand->server, &stand->request, sizeof(stand->request),
			0, (struct sockaddr *)&stand->from,
			&length) == sizeof(stand->request))
		;
}

/* What a good server says to it. */
static struct ntp_packet
good_answer(const struct stand *stand)
{
	return (struct ntp_packet){
		.lvm = ntp_packet_lvm(NTP_LEAP_NONE, 4, NTP_MODE_SERVER),
		.stratum = 2,
		.delay = htobe32(0x10000),
		.dispersion = htobe32(0x8000),
		.reference_id = htobe32(0xc0000201),
		.reference = htobe64(ntp_packet_timestamp(the_time - 64 * S)),
		.origin = stand->request.transmit,
		.receive = htobe64(ntp_packet_timestamp(the_time)),
		.transmit = htobe64(ntp_packet_timestamp(the_time)),
	};
}

/* Send it, and let the source have it. */
static void
say(struct stand *stand, const struct ntp_packet *answer, size_t length)
{
	struct loop_source *source = &stand->source.mirror.source;
	struct pollfd wanted = { .fd = source->fd, .events = POLLIN };

	assert_int_equal(sendto(stand->server, answer, length, 0,
				(struct sockaddr *)&stand->from,
				sizeof(stand->from)),
			 (ssize_t)length);
	assert_int_equal(poll(&wanted, 1, 20000), 1);
	source->ready(source, EPOLLIN);
}

static void
exchange(struct stand *stand, const struct ntp_packet *changes)
{
	struct ntp_packet answer;

	ntp_source_poll(&stand->source);
	hear(stand);
	answer = good_answer(stand);
	if (changes) {
		answer.lvm = changes->lvm;
		answer.stratum = changes->stratum;
	}
	say(stand, &answer, sizeof(answer));
}

static void
begin_with_server(struct stand *stand)
{
	stand->settings.kernel = false;
	begin(stand);
	hear(stand);
}

/* A request says nothing of who asks, and none is like the other. */
static void
requests_have_nothing_in_them(void **state)
{
	struct stand *stand = *state;
	struct ntp_packet nothing = { .lvm = 0x23 };
	uint64_t before;

	begin_with_server(stand);
	before = stand->request.transmit;
	ntp_source_poll(&stand->source);
	hear(stand);
	assert_true(stand->request.transmit != before);
	nothing.transmit = stand->request.transmit;
	assert_memory_equal(&nothing, &stand->request, sizeof(nothing));
}

static void
a_server_is_mirrored(void **state)
{
	struct stand *stand = *state;
	const struct ntp_quality *quality;

	begin_with_server(stand);
	assert_unsynchronised(look(stand));
	exchange(stand, NULL);
	assert_int_equal(stand->changes, 1);
	quality = look(stand);
	assert_int_equal(quality->leap, NTP_LEAP_NONE);
	assert_int_equal(quality->stratum, 2);
	assert_int_equal(quality->reference_id, 0xc0000201);
	assert_true(ntp_packet_time(quality->reference, the_time) ==
		    the_time - 64 * S);
	assert_true(quality->delay == S);
	assert_true(quality->dispersion == S / 2);
	/* 15 parts in a million from then on, for eight seconds. */
	the_age += 8 * (uint64_t)S;
	assert_true(look(stand)->dispersion == S / 2 + 120 * CLOCK_MICROSECOND);
	the_age++;
	assert_unsynchronised(look(stand));
	exchange(stand, NULL);
	assert_int_equal(look(stand)->stratum, 2);
}

static void
a_server_that_is_not_synchronised(void **state)
{
	static const struct ntp_packet answers[] = {
		{ .lvm = 0xe4, .stratum = 2 },	 { .lvm = 0x24, .stratum = 0 },
		{ .lvm = 0x24, .stratum = 16 },	 { .lvm = 0xe4, .stratum = 0 },
		{ .lvm = 0x24, .stratum = 255 },
	};
	struct stand *stand = *state;

	begin_with_server(stand);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		exchange(stand, NULL);
		assert_int_equal(look(stand)->stratum, 2);
		exchange(stand, &answers[i]);
		assert_unsynchronised(look(stand));
	}
	stand->settings.local = 5;
	assert_int_equal(look(stand)->stratum, 5);
}

/* Many servers announce a leap second for a whole month. */
static void
leap_seconds_of_a_server(void **state)
{
	static const struct ntp_packet inserted = { .lvm = 0x64, .stratum = 1 };
	static const struct ntp_packet deleted = { .lvm = 0xa4, .stratum = 1 };
	struct stand *stand = *state;

	begin_with_server(stand);
	exchange(stand, &inserted);
	assert_int_equal(look(stand)->leap, NTP_LEAP_INSERTED);
	assert_true(stand->quality.leap_until == MIDNIGHT);
	exchange(stand, &deleted);
	assert_int_equal(look(stand)->leap, NTP_LEAP_DELETED);
	the_time -= 86400 * S;
	exchange(stand, &inserted);
	assert_int_equal(look(stand)->leap, NTP_LEAP_NONE);
	assert_int_equal(stand->quality.stratum, 1);
}

static void
what_is_no_answer_is_none(void **state)
{
	struct stand *stand = *state;
	struct ntp_packet answer;

	begin_with_server(stand);
	answer = good_answer(stand);
	say(stand, &answer, sizeof(answer) - 1);
	answer.origin++;
	say(stand, &answer, sizeof(answer));
	answer = good_answer(stand);
	answer.lvm = 0x23;
	say(stand, &answer, sizeof(answer));
	assert_int_equal(stand->changes, 0);
	assert_unsynchronised(look(stand));
	answer = good_answer(stand);
	say(stand, &answer, sizeof(answer));
	assert_int_equal(stand->changes, 1);
	/* The same once more is no news. */
	the_age += 5 * (uint64_t)S;
	say(stand, &answer, sizeof(answer));
	assert_int_equal(stand->changes, 1);
}

/* The server has a clock of its own, three seconds ahead or behind. */
static void
a_server_with_another_clock(void **state)
{
	static const int64_t offsets[] = { 3, -3 };
	struct stand *stand = *state;
	struct ntp_packet answer;

	begin_with_server(stand);
	for (size_t i = 0; i < 2; i++) {
		uint64_t stamp = htobe64(
			ntp_packet_timestamp(the_time + offsets[i] * S));

		ntp_source_poll(&stand->source);
		hear(stand);
		answer = good_answer(stand);
		answer.receive = answer.transmit = stamp;
		the_time += S / 10;
		say(stand, &answer, sizeof(answer));
		/* It was on the way for so long, if it is ahead. */
		assert_true(look(stand)->dispersion ==
			    S / 2 + 3 * S - (i == 0 ? S / 10 : 0));
	}
}

static void
across_2036(void **state)
{
	struct stand *stand = *state;

	the_time = INT64_C(2085978496) * S - 1;
	begin_with_server(stand);
	exchange(stand, NULL);
	the_time += 2;
	assert_true(look(stand)->dispersion == S / 2);
	exchange(stand, NULL);
	assert_true(look(stand)->dispersion == S / 2);
	assert_true(stand->quality.reference < UINT64_MAX);
	assert_true(ntp_packet_time(stand->quality.reference, the_time) ==
		    the_time - 64 * S);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stand, free_stand)
	const struct CMUnitTest tests[] = {
		TEST(a_synchronised_kernel),
		TEST(the_reference_time_is_that_of_the_last_correction),
		TEST(an_unsynchronised_kernel),
		TEST(the_clock_of_an_isolated_network),
		TEST(leap_seconds_of_the_kernel),
		TEST(requests_have_nothing_in_them),
		TEST(a_server_is_mirrored),
		TEST(a_server_that_is_not_synchronised),
		TEST(leap_seconds_of_a_server),
		TEST(what_is_no_answer_is_none),
		TEST(a_server_with_another_clock),
		TEST(across_2036),
	};

	return cmocka_run_group_tests_name("ntp_source", tests, NULL, NULL);
}
