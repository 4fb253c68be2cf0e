/* SPDX-License-Identifier: BSD-2-Clause */
/* base/zonerule: what test_zone does not see of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/zone.h"
#include "base/zonerule.h"

enum {
	DAY = 86400
};

static void
bad_rules(void **state)
{
	static const char *const bad[] = {
		"E5",
		"EST25",
		"EST5EDT,M3.2.0",
		"EST5EDT,M13.2.0,M11.1.0",
		"EST5EDT,M3.0.0,M11.1.0",
		"EST5EDT,M3.6.0,M11.1.0",
		"EST5EDT,M3.2.7,M11.1.0",
		"EST5EDT,J0,J365",
		"EST5EDT,J1,J366",
		"EST5EDT,0,366",
		"EST5EDT,1/168,2",
		"EST5EDT,1/-168,2",
		"EST5EDT,1/2:60,2",
		"EST5EDT,1,2x",
		"EST5EDT,,",
		"<+1>-1",
		"<+01-1",
		"<+0_1>-1",
		"ABCDEFGHIJKLMNOP1",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ1",
		"EST5:",
		"EST5:00:60",
		"EST--5",
		"EST999999999999999999",
		"E\001ST5",
		"../etc/passwd",
		"AAA0BBB1,1/,2",
	};
	struct zonerule rule;
	char error[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("TZ", bad[i], 1);
		if (zonerule_parse(&rule, bad[i], strlen(bad[i])))
			fail_msg("taken for a rule: %s", bad[i]);
		error[0] = '\0';
		assert_null(zone_load("local", error, sizeof(error)));
		assert_true(strlen(error) > 0);
	}
	unsetenv("TZ");
	assert_false(zonerule_parse(&rule, "EST", 3));
	assert_false(zonerule_parse(&rule, "", 0));
	assert_true(zonerule_parse(&rule, "EST5EDT", 4));
	assert_false(rule.changes);
	assert_true(zonerule_parse(&rule, "EST5EDT", 7));
	assert_int_equal(rule.on.month, 3);
}

/* RFC 8536 3.3.1: never standard time, on either side of each new year. */
static void
summer_all_year(void **state)
{
	struct zonerule rule;

	(void)state;
	assert_true(zonerule_parse(&rule, "XXX3EDT4,0/0,J365/23", 20));
	for (int64_t year = 1896; year < 2108; year++) {
		int64_t start = zonerule_first_day(year) * DAY;

		for (int64_t near = -DAY; near <= DAY; near += 1800) {
			const struct zonerule_type *type =
				zonerule_at(&rule, start + near);

			assert_string_equal(type->name, "EDT");
			assert_int_equal(type->offset, -4 * 3600);
		}
	}
}

static void
calendar(void **state)
{
	int64_t day = zonerule_first_day(-1201);

	(void)state;
	assert_int_equal(zonerule_first_day(1970), 0);
	assert_int_equal(zonerule_first_day(2000), 10957);
	for (int64_t year = -1201; year < 3000; year++) {
		assert_int_equal(zonerule_first_day(year), day);
		for (int i = 0; i < 365 + zonerule_is_leap(year); i++)
			assert_int_equal(zonerule_year(day++), year);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_rules),
		cmocka_unit_test(summer_all_year),
		cmocka_unit_test(calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
