/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tools/amount.h"

static void
counts(void **state)
{
	static const struct {
		uint64_t count;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 99999, "99999" },
		{ 100000, "100k" },
		{ 123456, "123k" },
		{ 999999, "999k" },
		{ 1000000, "1.0M" },
		{ 12345678, "12.3M" },
		{ 999999999, "999M" },
		{ 1000000000, "1.0G" },
		{ UINT64_C(5000000000000), "5.0T" },
		{ UINT64_C(7000000000000000), "7.0P" },
		{ UINT64_MAX, "18.4E" },
	};
	char text[AMOUNT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		amount_count(text, sizeof(text), cases[i].count);
		assert_string_equal(text, cases[i].text);
	}
}

static void
rates(void **state)
{
	static const struct {
		double rate;
		const char *text;
	} cases[] = {
		{ -1, "-" },	    { 0, "0" },		{ 0.5, "0.5" },
		{ 9.94, "9.9" },    { 9.96, "10" },	{ 12.4, "12" },
		{ 12.6, "13" },	    { 250000, "250k" }, { 1e30, "much" },
		{ 0.0 / 0.0, "0" },
	};
	char text[AMOUNT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		amount_rate(text, sizeof(text), cases[i].rate);
		assert_string_equal(text, cases[i].text);
	}
}

static void
times(void **state)
{
	static const struct {
		uint64_t microseconds;
		const char *text;
	} cases[] = {
		{ AMOUNT_NO_TIME, "-" }, { 0, "0us" },
		{ 999, "999us" },	 { 1000, "1.0ms" },
		{ 9999, "9.9ms" },	 { 10000, "10ms" },
		{ 999999, "999ms" },	 { 1000000, "1.0s" },
		{ 12345678, "12.3s" },	 { 134217728, "134s" },
		{ 9999999999, "9999s" }, { 10000000000, "hours" },
	};
	char text[AMOUNT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		amount_time(text, sizeof(text), cases[i].microseconds);
		assert_string_equal(text, cases[i].text);
	}
}

/* Whatever it is, a column of five has room for it. */
static void
all_are_short(void **state)
{
	char text[AMOUNT_SIZE];

	(void)state;
	for (uint64_t n = 1; n < UINT64_MAX / 3; n = n * 3 + 1) {
		amount_count(text, sizeof(text), n);
		assert_in_range(strlen(text), 1, 5);
		amount_rate(text, sizeof(text), (double)n / 7);
		assert_in_range(strlen(text), 1, 5);
		amount_time(text, sizeof(text), n);
		assert_in_range(strlen(text), 1, 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(rates),
		cmocka_unit_test(times),
		cmocka_unit_test(all_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
