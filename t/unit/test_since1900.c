/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/since1900.h"

/* 2036-02-07 06:28:16 UTC: the 32 bits are zero again. */
#define ROLLOVER INT64_C(2085978496)

static void
the_numbers_of_the_standard(void **state)
{
	/* RFC 868, page 2. */
	static const struct {
		uint32_t wire;
		int64_t seconds;
	} cases[] = {
		{ 2208988800u, 0 },	    /* 1 Jan 1970 */
		{ 2398291200u, 189302400 }, /* 1 Jan 1976 */
		{ 2524521600u, 315532800 }, /* 1 Jan 1980 */
		{ 2629584000u, 420595200 }, /* 1 May 1983 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(since1900_unix(cases[i].wire, 1000000000),
				 cases[i].seconds);
	/* 17 Nov 1858, the negative one: nearer to then than to 1994. */
	assert_int_equal(since1900_unix((uint32_t)-1297728000, -2208988800),
			 -3506716800);
}

static void
eras_follow_the_clock(void **state)
{
	(void)state;
	assert_int_equal(since1900_unix(0, ROLLOVER - 5), ROLLOVER);
	assert_int_equal(since1900_unix(0, ROLLOVER + 5), ROLLOVER);
	assert_int_equal(since1900_unix(UINT32_MAX, ROLLOVER + 5),
			 ROLLOVER - 1);
	assert_int_equal(since1900_unix(UINT32_MAX, ROLLOVER - 5),
			 ROLLOVER - 1);
	assert_int_equal(since1900_unix(7, ROLLOVER), ROLLOVER + 7);
	/* The next one, in 2172. */
	assert_int_equal(since1900_unix(3, ROLLOVER + 4294967290),
			 ROLLOVER + 4294967296 + 3);
	/* A clock that lost its battery is right for another 16 years. */
	assert_int_equal(since1900_unix(0, 0), -2208988800 + 4294967296);
}

static void
every_time_comes_back(void **state)
{
	const int64_t near = 1800000000;

	(void)state;
	for (int64_t past = -2147483647; past < 2147483647; past += 9999991) {
		uint32_t wire = (uint32_t)(near + past + SINCE1900_EPOCH);

		assert_int_equal(since1900_unix(wire, near), near + past);
	}
}

static void
eras_are_counted(void **state)
{
	(void)state;
	assert_int_equal(since1900_era(-SINCE1900_EPOCH), 0);
	assert_int_equal(since1900_era(-SINCE1900_EPOCH - 1), -1);
	assert_int_equal(since1900_era(0), 0);
	assert_int_equal(since1900_era(ROLLOVER - 1), 0);
	assert_int_equal(since1900_era(ROLLOVER), 1);
	assert_int_equal(since1900_era(ROLLOVER + 4294967296), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_numbers_of_the_standard),
		cmocka_unit_test(eras_follow_the_clock),
		cmocka_unit_test(every_time_comes_back),
		cmocka_unit_test(eras_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
