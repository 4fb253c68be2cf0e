/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include <sys/timex.h>

/* What the kernel says of the clock, and how often it was asked. */
static struct timex kernel;
static int kernel_answer;
static int asked;
/* Added to the monotonic clock, nanoseconds. */
static int64_t later;

int __wrap_adjtimex(struct timex *state);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int
__wrap_adjtimex(struct timex *state)
{
	/* Nothing is to be changed. */
	assert_int_equal(state->modes, 0);
	asked++;
	*state = kernel;
	return kernel_answer;
}

int
__wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	if (clock == CLOCK_MONOTONIC)
		*now = clock_timespec(now->tv_sec * CLOCK_SECOND +
				      now->tv_nsec + later);
	return result;
}

static void
boundaries(void **state)
{
	static const struct {
		int64_t now, interval, boundary;
	} cases[] = {
		{ 0, CLOCK_SECOND, 0 },
		{ 1, CLOCK_SECOND, 0 },
		{ CLOCK_SECOND - 1, CLOCK_SECOND, 0 },
		{ CLOCK_SECOND, CLOCK_SECOND, CLOCK_SECOND },
		{ CLOCK_SECOND + 1, CLOCK_SECOND, CLOCK_SECOND },
		{ -1, CLOCK_SECOND, -CLOCK_SECOND },
		{ -CLOCK_SECOND, CLOCK_SECOND, -CLOCK_SECOND },
		{ -CLOCK_SECOND - 1, CLOCK_SECOND, -2 * CLOCK_SECOND },
		{ 299 * CLOCK_MILLISECOND, 100 * CLOCK_MILLISECOND,
		  200 * CLOCK_MILLISECOND },
		{ -299 * CLOCK_MILLISECOND, 100 * CLOCK_MILLISECOND,
		  -300 * CLOCK_MILLISECOND },
		{ -7, 1, -7 },
		{ INT64_MAX, 1, INT64_MAX },
		{ INT64_MAX, CLOCK_SECOND, 9223372036 * CLOCK_SECOND },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			clock_boundary(cases[i].now, cases[i].interval),
			cases[i].boundary);
}

/* What a boundary is, at many times on both sides of the epoch. */
static void
boundary_properties(void **state)
{
	static const int64_t intervals[] = {
		1, 3, 1000000, 999999937, CLOCK_SECOND, 3600 * CLOCK_SECOND
	};
	const int64_t end = INT64_C(9000000000) * CLOCK_SECOND;
	const int64_t step = end / 5000 - 7;

	(void)state;
	for (size_t i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++) {
		for (int64_t now = -end; now < end; now += step) {
			int64_t boundary = clock_boundary(now, intervals[i]);

			assert_true(boundary <= now);
			assert_true(now - boundary < intervals[i]);
			assert_true(boundary % intervals[i] == 0);
		}
	}
}

static void
timespecs(void **state)
{
	struct timespec spec = clock_timespec(1500 * CLOCK_MILLISECOND);

	(void)state;
	assert_int_equal(spec.tv_sec, 1);
	assert_int_equal(spec.tv_nsec, 500 * CLOCK_MILLISECOND);
	spec = clock_timespec(0);
	assert_int_equal(spec.tv_sec, 0);
	assert_int_equal(spec.tv_nsec, 0);
}

static void
clocks_run(void **state)
{
	uint64_t first = clock_monotonic();
	int64_t realtime = clock_realtime();
	int64_t apart = realtime / CLOCK_SECOND - (int64_t)time(NULL);

	(void)state;
	assert_true(first > 0);
	assert_true(clock_monotonic() >= first);
	assert_true(apart >= -2 && apart <= 2);
}

static void
says(int answer, int status, bool synchronised, int leap, bool in_leap_second)
{
	struct clock_state state;

	kernel = (struct timex){ .status = status };
	kernel_answer = answer;
	state = clock_state();
	assert_int_equal(state.synchronised, synchronised);
	assert_int_equal(state.leap, leap);
	assert_int_equal(state.in_leap_second, in_leap_second);
	assert_int_equal(clock_in_leap_second(), in_leap_second);
}

static void
what_the_kernel_knows(void **state)
{
	(void)state;
	says(TIME_OK, STA_PLL, true, 0, false);
	says(TIME_INS, STA_PLL | STA_INS, true, 1, false);
	says(TIME_OOP, STA_PLL | STA_INS, true, 0, true);
	/* It is over; the status is as it was until somebody clears it. */
	says(TIME_WAIT, STA_PLL | STA_INS, true, 0, false);
	says(TIME_DEL, STA_PLL | STA_DEL, true, -1, false);
	says(TIME_WAIT, STA_PLL | STA_DEL, true, 0, false);
	says(TIME_ERROR, STA_UNSYNC, false, 0, false);
	says(TIME_ERROR, STA_UNSYNC | STA_INS, false, 1, false);
	/* It may not be asked at all. */
	says(-1, 0, false, 0, false);
}

static void
synchronised_is_asked_once_a_second(void **state)
{
	(void)state;
	kernel = (struct timex){ .status = STA_UNSYNC };
	kernel_answer = TIME_ERROR;
	later += 2 * CLOCK_SECOND;
	assert_false(clock_synchronised());
	asked = 0;
	later += CLOCK_SECOND;
	for (int i = 0; i < 1000; i++)
		assert_false(clock_synchronised());
	assert_in_range(asked, 1, 2);
	kernel.status = 0;
	kernel_answer = TIME_OK;
	later += CLOCK_SECOND;
	assert_true(clock_synchronised());
	kernel_answer = -1;
	later += CLOCK_SECOND;
	assert_false(clock_synchronised());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundaries),
		cmocka_unit_test(boundary_properties),
		cmocka_unit_test(timespecs),
		cmocka_unit_test(clocks_run),
		cmocka_unit_test(what_the_kernel_knows),
		cmocka_unit_test(synchronised_is_asked_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
