/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a tick is due, on a clock that the test sets: ordinary seconds, steps
 * in both directions, delays, and leap seconds inserted and left out.
 */
#include "base/clock.h"
#include "worker/conns.h"
#include "worker/ticker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const int64_t S = CLOCK_SECOND;
/* The last second of 2016, after which a leap second was inserted. */
static const int64_t LAST = INT64_C(1483228799) * CLOCK_SECOND;

static int64_t the_time;
static int64_t armed;
static bool leap_second;
static int steps_while_arming;

int64_t __wrap_clock_realtime(void);
bool __wrap_clock_in_leap_second(void);
bool __wrap_timer_at(struct timer *timer, int64_t at);

int64_t
__wrap_clock_realtime(void)
{
	return the_time;
}

bool
__wrap_clock_in_leap_second(void)
{
	return leap_second;
}

bool
__wrap_timer_at(struct timer *timer, int64_t at)
{
	(void)timer;
	armed = at;
	if (steps_while_arming == 0)
		return true;
	steps_while_arming--;
	the_time += 3600 * S;
	return false;
}

struct seen {
	int count;
	int64_t boundary;
	bool leap;
};
static struct seen seen;

static void
see(struct instance *instance, int64_t boundary, bool leap)
{
	(void)instance;
	seen.count++;
	seen.boundary = boundary;
	seen.leap = leap;
}

static const struct service watched = { .type = "watched", .tick = see };

struct stand {
	struct loop loop;
	struct conns conns;
	struct service_config config;
	struct instance instance;
	struct tally tally;
};

static int
make_stand(void **state)
{
	struct stand *stand = calloc(1, sizeof(*stand));

	memset(&seen, 0, sizeof(seen));
	leap_second = false;
	steps_while_arming = 0;
	the_time = 1000 * S + S / 2;
	assert_int_equal(loop_open(&stand->loop), 0);
	stand->config.service = &watched;
	stand->config.interval = S;
	stand->instance.config = &stand->config;
	stand->conns.loop = &stand->loop;
	stand->instance.conns = &stand->conns;
	stand->instance.tally = &stand->tally;
	*state = stand;
	return 0;
}

static int
free_stand(void **state)
{
	struct stand *stand = *state;

	ticker_stop(&stand->instance);
	loop_close(&stand->loop);
	free(stand);
	return 0;
}

/* The timer expires, or is cancelled by a step, at NOW. */
static void
fire(struct stand *stand, int64_t now, bool stepped)
{
	the_time = now;
	stand->instance.tick.expired(&stand->instance.tick, stepped);
}

static void
every_boundary_once(void **state)
{
	struct stand *stand = *state;

	assert_int_equal(ticker_start(&stand->instance), 0);
	assert_int_equal(armed, 1001 * S);
	for (int i = 1; i <= 5; i++) {
		fire(stand, (1000 + i) * S + 70000, false);
		assert_int_equal(seen.count, i);
		assert_int_equal(seen.boundary, (1000 + i) * S);
		assert_int_equal(armed, (1001 + i) * S);
	}
}

static void
intervals_follow_the_clock(void **state)
{
	static const int64_t intervals[] = { 50000000, 250000000, 2000000000,
					     86400000000000 };
	struct stand *stand = *state;

	for (int i = 0; i < 4; i++) {
		stand->config.interval = intervals[i];
		the_time = 86000 * S + 123456789;
		assert_int_equal(ticker_start(&stand->instance), 0);
		assert_int_equal(armed % intervals[i], 0);
		assert_true(armed > the_time);
		assert_true(armed - the_time <= intervals[i]);
		if (i < 3)
			ticker_stop(&stand->instance);
	}
}

static void
an_early_wake_up_is_no_tick(void **state)
{
	struct stand *stand = *state;

	assert_int_equal(ticker_start(&stand->instance), 0);
	fire(stand, 1001 * S - 1000, false);
	assert_int_equal(seen.count, 0);
	assert_int_equal(armed, 1001 * S);
}

static void
a_delay_shows_the_present_and_counts_the_past(void **state)
{
	struct stand *stand = *state;
	struct conn conn = { .skipped = 0 };
	struct conn *members[] = { &conn };

	assert_int_equal(ticker_start(&stand->instance), 0);
	stand->instance.members = members;
	stand->instance.member_count = 1;
	fire(stand, 1005 * S + S / 4, false);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.boundary, 1005 * S);
	assert_int_equal(stand->tally.skipped, 4);
	assert_int_equal(conn.skipped, 4);
	assert_int_equal(armed, 1006 * S);
	stand->instance.member_count = 0;
}

static void
after_a_step_the_next_tick_is_right(void **state)
{
	struct stand *stand = *state;

	assert_int_equal(ticker_start(&stand->instance), 0);
	fire(stand, 500 * S + S / 3, true); /* back */
	assert_int_equal(seen.count, 0);
	assert_int_equal(armed, 501 * S);
	fire(stand, 501 * S, false);
	assert_int_equal(seen.boundary, 501 * S);
	fire(stand, 90000 * S + S / 3, true); /* forward */
	assert_int_equal(seen.count, 1);
	assert_int_equal(armed, 90001 * S);
	assert_int_equal(stand->tally.skipped, 0);
}

static void
a_step_while_arming_is_noticed(void **state)
{
	struct stand *stand = *state;

	steps_while_arming = 2;
	assert_int_equal(ticker_start(&stand->instance), 0);
	assert_int_equal(armed, 8201 * S);
}

/* 23:59:59, 23:59:60, 00:00:00: the clock steps back for the second one. */
static void
an_inserted_leap_second_is_a_boundary(void **state)
{
	struct stand *stand = *state;

	the_time = LAST - S / 2;
	assert_int_equal(ticker_start(&stand->instance), 0);
	fire(stand, LAST, false);
	assert_int_equal(seen.boundary, LAST);
	assert_false(seen.leap);
	leap_second = true;
	fire(stand, LAST + 2000, true);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.boundary, LAST);
	assert_true(seen.leap);
	assert_int_equal(armed, LAST + S);
	leap_second = false;
	fire(stand, LAST + S, false);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.boundary, LAST + S);
	assert_false(seen.leap);
}

static void
parts_of_a_leap_second_know_that_they_are(void **state)
{
	struct stand *stand = *state;

	stand->config.interval = S / 4;
	the_time = LAST + S / 2;
	leap_second = true;
	assert_int_equal(ticker_start(&stand->instance), 0);
	fire(stand, LAST + 3 * S / 4, false);
	assert_true(seen.leap);
}

/* 23:59:58, 00:00:00: the clock steps over a second. */
static void
a_second_left_out_is_not_shown(void **state)
{
	struct stand *stand = *state;

	the_time = LAST - 2 * S + S / 2;
	assert_int_equal(ticker_start(&stand->instance), 0);
	fire(stand, LAST - S, false);
	assert_int_equal(seen.boundary, LAST - S);
	fire(stand, LAST + S + 1000, true);
	assert_int_equal(armed, LAST + 2 * S);
	fire(stand, LAST + 2 * S, false);
	assert_int_equal(seen.boundary, LAST + 2 * S);
	assert_false(seen.leap);
	assert_int_equal(stand->tally.skipped, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stand, free_stand)
	const struct CMUnitTest tests[] = {
		TEST(every_boundary_once),
		TEST(intervals_follow_the_clock),
		TEST(an_early_wake_up_is_no_tick),
		TEST(a_delay_shows_the_present_and_counts_the_past),
		TEST(after_a_step_the_next_tick_is_right),
		TEST(a_step_while_arming_is_noticed),
		TEST(an_inserted_leap_second_is_a_boundary),
		TEST(parts_of_a_leap_second_know_that_they_are),
		TEST(a_second_left_out_is_not_shown),
	};

	return cmocka_run_group_tests_name("ticker", tests, NULL, NULL);
}
