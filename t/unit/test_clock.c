/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundaries),
		cmocka_unit_test(boundary_properties),
		cmocka_unit_test(timespecs),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
