/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of ntp at times that a test cannot wait for: the rollover of 2036,
 * the end of a day with a leap second, and a clock that is set.
 */
#include "base/clock.h"
#include "base/ntp_packet.h"
#include "service/registry.h"
#include "worker/conns.h"
#include "worker/datagrams.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include <cmocka.h>

static const int64_t S = CLOCK_SECOND;
static const int64_t ERA_1 = INT64_C(2085978496) * CLOCK_SECOND;
/* The end of 2016, with a leap second before it. */
static const int64_t MIDNIGHT = INT64_C(1483228800) * CLOCK_SECOND;

static int64_t the_time;
static int kernel_state;
static struct timer *armed;
static int64_t armed_for;

int64_t __wrap_clock_realtime(void);
int __wrap_ntp_adjtime(struct timex *timex);
bool __wrap_timer_at(struct timer *timer, int64_t at);

int64_t
__wrap_clock_realtime(void)
{
	return the_time;
}

int
__wrap_ntp_adjtime(struct timex *timex)
{
	*timex = (struct timex){ .maxerror = 1000 };
	return kernel_state;
}

bool
__wrap_timer_at(struct timer *timer, int64_t at)
{
	armed = timer;
	armed_for = at;
	return true;
}

struct stand {
	struct loop loop;
	struct conns conns;
	struct service_config config;
	struct instance instance;
	char reply[DATAGRAM_REPLY];
};

static void
begin(struct stand *stand, int64_t now)
{
	the_time = now;
	assert_int_equal(stand->config.service->start(&stand->instance), 0);
}

static int
make_stand(void **state)
{
	struct stand *stand = calloc(1, sizeof(*stand));
	const struct service *ntp = registry_find("ntp");
	struct complaints complaints = { 0 };

	kernel_state = TIME_OK;
	assert_int_equal(loop_open(&stand->loop), 0);
	stand->conns.loop = &stand->loop;
	stand->config.service = ntp;
	stand->config.settings = calloc(1, ntp->settings_size);
	memcpy(stand->config.settings, ntp->defaults, ntp->settings_size);
	ntp->configure(&stand->config, NULL, &complaints);
	assert_int_equal(complaints.count, 0);
	stand->instance.config = &stand->config;
	stand->instance.conns = &stand->conns;
	*state = stand;
	return 0;
}

static int
free_stand(void **state)
{
	struct stand *stand = *state;

	stand->config.service->stop(&stand->instance);
	loop_close(&stand->loop);
	free(stand->config.settings);
	free(stand);
	return 0;
}

/* A datagram that came at RECEIVED from host HOST, and left at SENT. */
static struct ntp_packet
exchange_from(struct stand *stand, const struct ntp_packet *request,
	      uint32_t host, int64_t received, int64_t sent)
{
	const struct service *ntp = stand->config.service;
	struct datagram datagram = { .bytes = (const char *)request,
				     .length = sizeof(*request),
				     .received = received };
	struct ntp_packet answer;
	size_t length;

	datagram.from.length = sizeof(datagram.from.in);
	datagram.from.in.sin_family = AF_INET;
	datagram.from.in.sin_addr.s_addr = host;
	datagram.from.in.sin_port = 0xffff;
	memset(stand->reply, 0x55, sizeof(stand->reply));
	length = ntp->datagram(&stand->instance, &datagram, stand->reply);
	assert_int_equal(length, sizeof(answer));
	the_time = sent;
	ntp->stamp(&stand->instance, stand->reply, length);
	memcpy(&answer, stand->reply, sizeof(answer));
	return answer;
}

static struct ntp_packet
exchange(struct stand *stand, const struct ntp_packet *request,
	 int64_t received, int64_t sent)
{
	return exchange_from(stand, request, 1, received, sent);
}

static const struct ntp_packet PLAIN = { .lvm = 0x23, .transmit = 0x1234 };

/* What a client in interleaved mode sends after LAST. */
static struct ntp_packet
follow(const struct ntp_packet *last)
{
	return (struct ntp_packet){ .lvm = 0x23,
				    .origin = last->receive,
				    .receive = 0x5678,
				    .transmit = 0x1234 };
}

static void
across_2036(void **state)
{
	struct stand *stand = *state;
	struct ntp_packet answer;

	begin(stand, ERA_1 - S / 2);
	answer = exchange(stand, &PLAIN, ERA_1 - 2, ERA_1 - 1);
	assert_true(be64toh(answer.receive) == UINT64_MAX - 7);
	assert_true(be64toh(answer.transmit) == UINT64_MAX - 3);
	answer = exchange(stand, &PLAIN, ERA_1 - 1, ERA_1 + 1);
	assert_true(be64toh(answer.receive) == UINT64_MAX - 3);
	assert_true(be64toh(answer.transmit) == 5);
	/* A timestamp of zero would be none. */
	answer = exchange(stand, &PLAIN, ERA_1 - 1, ERA_1);
	assert_true(be64toh(answer.transmit) == 1);
	answer = exchange(stand, &PLAIN, ERA_1 + S, ERA_1 + 2 * S);
	assert_true(be64toh(answer.receive) == UINT64_C(1) << 32);
	assert_true(be64toh(answer.transmit) == UINT64_C(2) << 32);
	assert_int_equal(answer.stratum, 4);
}

/* It is looked up at the half of a second; the day ends before that. */
static void
a_leap_second_is_announced_until_midnight(void **state)
{
	struct stand *stand = *state;

	kernel_state = TIME_INS;
	begin(stand, MIDNIGHT - S / 4);
	assert_int_equal(
		exchange(stand, &PLAIN, MIDNIGHT - 1, MIDNIGHT - 1).lvm >> 6,
		NTP_LEAP_INSERTED);
	assert_int_equal(exchange(stand, &PLAIN, MIDNIGHT, MIDNIGHT).lvm >> 6,
			 NTP_LEAP_NONE);
	/* The clock is set back for 23:59:60. */
	kernel_state = TIME_OOP;
	the_time = MIDNIGHT - S + 1000;
	armed->expired(armed, true);
	assert_int_equal(
		exchange(stand, &PLAIN, MIDNIGHT - 1, MIDNIGHT - 1).lvm >> 6,
		NTP_LEAP_INSERTED);
	kernel_state = TIME_WAIT;
	the_time = MIDNIGHT + S / 2;
	armed->expired(armed, false);
	assert_int_equal(
		exchange(stand, &PLAIN, MIDNIGHT + S, MIDNIGHT + S).lvm >> 6,
		NTP_LEAP_NONE);
}

static void
the_clock_is_looked_at_between_seconds(void **state)
{
	struct stand *stand = *state;

	begin(stand, 1000 * S);
	assert_true(armed_for == 1000 * S + S / 2);
	the_time = armed_for;
	armed->expired(armed, false);
	assert_true(armed_for == 1001 * S + S / 2);
	the_time = armed_for - 1;
	armed->expired(armed, false);
	assert_true(armed_for == 1001 * S + S / 2);
	kernel_state = TIME_ERROR;
	the_time = armed_for;
	assert_int_equal(exchange(stand, &PLAIN, the_time, the_time).stratum,
			 4);
	armed->expired(armed, false);
	assert_int_equal(exchange(stand, &PLAIN, the_time, the_time).stratum,
			 0);
}

static void
interleaved_answers(void **state)
{
	struct stand *stand = *state;
	struct ntp_packet answer, request;

	begin(stand, 1000 * S);
	answer = exchange(stand, &PLAIN, 1000 * S, 1000 * S + 10);
	request = follow(&answer);
	answer = exchange(stand, &request, 1001 * S, 1001 * S + 20);
	assert_true(answer.origin == 0x1234);
	request = follow(&answer);
	answer = exchange(stand, &request, 1002 * S, 1002 * S + 30);
	assert_true(answer.origin == 0x5678);
	assert_true(be64toh(answer.transmit) ==
		    ntp_packet_timestamp(1001 * S + 20));
	assert_true(be64toh(answer.receive) == ntp_packet_timestamp(1002 * S));
	/* Somebody else's is not his. */
	request = follow(&answer);
	answer = exchange_from(stand, &request, 2, 1003 * S, 1003 * S + 40);
	assert_true(answer.origin == 0x1234);
}

/* Two that came in the same nanosecond are told apart. */
static void
receive_timestamps_are_unique(void **state)
{
	struct stand *stand = *state;
	struct ntp_packet request = { .lvm = 0x23,
				      .origin = 1,
				      .transmit = 0x1234 };
	struct ntp_packet answers[8];

	begin(stand, 1000 * S);
	for (int i = 0; i < 3; i++) {
		answers[i] = exchange(stand, &request, 1000 * S,
				      1000 * S + 10 * (i + 1));
		for (int k = 0; k < i; k++)
			assert_true(answers[i].receive != answers[k].receive);
	}
	for (int i = 0; i < 3; i++) {
		request = follow(&answers[i]);
		assert_true(be64toh(exchange(stand, &request, (1001 + i) * S,
					     1010 * S)
					    .transmit) ==
			    ntp_packet_timestamp(1000 * S + 10 * (i + 1)));
	}
}

/* What the clock showed before is of no use to anybody. */
static void
a_step_ends_interleaved_mode(void **state)
{
	struct stand *stand = *state;
	struct ntp_packet request = { .lvm = 0x23,
				      .origin = 1,
				      .transmit = 0x1234 };
	struct ntp_packet answer;

	begin(stand, 1000 * S);
	answer = exchange(stand, &request, 1000 * S, 1000 * S + 10);
	the_time = 5000 * S;
	armed->expired(armed, true);
	request = follow(&answer);
	answer = exchange(stand, &request, 5000 * S, 5000 * S + 10);
	assert_true(answer.origin == 0x1234);
	assert_true(be64toh(answer.transmit) ==
		    ntp_packet_timestamp(5000 * S + 10));
	request = follow(&answer);
	assert_true(exchange(stand, &request, 5001 * S, 5001 * S).origin ==
		    0x5678);
}

/* The table is full many times over: the newest are found. */
static void
what_was_sent_is_remembered_for_thousands(void **state)
{
	struct stand *stand = *state;
	struct ntp_packet request = { .lvm = 0x23,
				      .origin = 1,
				      .transmit = 0x1234 };
	static struct ntp_packet answers[50000];
	int found = 0;

	begin(stand, 1000 * S);
	for (int i = 0; i < 50000; i++)
		answers[i] = exchange_from(stand, &request, (uint32_t)i % 7,
					   1000 * S + i * 977,
					   1000 * S + i * 977 + 500);
	for (int i = 46000; i < 50000; i++) {
		request = follow(&answers[i]);
		found += exchange_from(stand, &request, (uint32_t)i % 7,
				       2000 * S, 2000 * S)
				 .origin == 0x5678;
	}
	assert_true(found > 3600);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stand, free_stand)
	const struct CMUnitTest tests[] = {
		TEST(across_2036),
		TEST(a_leap_second_is_announced_until_midnight),
		TEST(the_clock_is_looked_at_between_seconds),
		TEST(interleaved_answers),
		TEST(receive_timestamps_are_unique),
		TEST(a_step_ends_interleaved_mode),
		TEST(what_was_sent_is_remembered_for_thousands),
	};

	return cmocka_run_group_tests_name("ntp", tests, NULL, NULL);
}
