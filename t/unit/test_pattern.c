/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"

/* Wednesday 2024-07-03 04:05:06.007008999 in a zone that no file has. */
static const struct pattern_time july = {
	.tm = {
		.tm_year = 124,
		.tm_mon = 6,
		.tm_mday = 3,
		.tm_hour = 4,
		.tm_min = 5,
		.tm_sec = 6,
		.tm_wday = 3,
		.tm_yday = 184,
		.tm_isdst = 1,
		.tm_gmtoff = 20700,
		.tm_zone = "TEST",
	},
	.seconds = 1719960606,
	.nanoseconds = 7008999,
};

static void
becomes(const char *pattern, const char *text)
{
	char buffer[256];
	int length = pattern_format(buffer, sizeof(buffer), pattern, &july);

	assert_string_equal(buffer, text);
	assert_int_equal(length, strlen(text));
}

static void
conversions(void **state)
{
	(void)state;
	becomes("", "");
	becomes("plain", "plain");
	becomes("%Y-%m-%d %H:%M:%S", "2024-07-03 04:05:06");
	becomes("%z %Z", "+0545 TEST");
	becomes("%a %A %b %B %p %P %j %u %w", "Wed Wednesday Jul July AM am "
					      "185 3 3");
	becomes("%s", "1719960606");
	becomes("%f", "007008");
	becomes("%H.%f|%s%%", "04.007008|1719960606%");
	becomes("%n%t%%", "\n\t%");
}

static void
percent_signs(void **state)
{
	(void)state;
	becomes("%%f", "%f");
	becomes("%%s", "%s");
	becomes("%%%f", "%007008");
	becomes("%%%%f", "%%f");
	becomes("%%Y%Y", "%Y2024");
}

static void
flags_and_modifiers(void **state)
{
	(void)state;
	becomes("%-d|%_d|%e|%3d|%-H", "3| 3| 3|003|4");
	becomes("%^a %#Z %10Y", "WED test 0000002024");
	becomes("%Ey %OH %Ex", "24 04 07/03/24");
}

/* A text of a zone must not be read as a pattern. */
static void
no_second_look(void **state)
{
	struct pattern_time time = july;
	char buffer[64];

	(void)state;
	time.tm.tm_zone = "%f%Y";
	assert_int_equal(pattern_format(buffer, sizeof(buffer), "%Z", &time),
			 4);
	assert_string_equal(buffer, "%f%Y");
}

/* Neither  nor what the zone's rule would be has a say. */
static void
no_environment(void **state)
{
	(void)state;
	setenv("TZ", "XXX-9", 1);
	tzset();
	becomes("%s %z %Z %H", "1719960606 +0545 TEST 04");
	unsetenv("TZ");
	tzset();
}

static void
leap_second(void **state)
{
	struct pattern_time time = july;
	char buffer[64];

	(void)state;
	time.tm.tm_sec = 60;
	time.nanoseconds = 999999999;
	pattern_format(buffer, sizeof(buffer), "%T.%f", &time);
	assert_string_equal(buffer, "04:05:60.999999");
	time.seconds = -1;
	pattern_format(buffer, sizeof(buffer), "%s", &time);
	assert_string_equal(buffer, "-1");
}

/* Whatever does not fit is -1 and terminated; what just fits is not. */
static void
room(void **state)
{
	static const char *const patterns[] = { "abcdef", "%f", "%y%m%d",
						"ab%H%%%%", "%H%%%Ma" };
	char buffer[16];

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		for (size_t size = 0; size <= 8; size++) {
			int length;

			memset(buffer, 'x', sizeof(buffer));
			length = pattern_format(buffer, size, patterns[i],
						&july);
			assert_int_equal(length, size > 6 ? 6 : -1);
			if (size > 0)
				assert_true(strlen(buffer) < size);
			assert_int_equal(buffer[size], 'x');
		}
	}
	assert_int_equal(pattern_format(buffer, 1, "", &july), 0);
	assert_int_equal(
		pattern_format(buffer, sizeof(buffer), "%999999999d", &july),
		-1);
	assert_int_equal(pattern_format(buffer, sizeof(buffer), "a%", &july),
			 -1);
	assert_string_equal(buffer, "a");
}

static void
fractions(void **state)
{
	(void)state;
	assert_true(pattern_has_fraction("%f"));
	assert_true(pattern_has_fraction("%H:%M:%S.%f"));
	assert_true(pattern_has_fraction("%%%f"));
	assert_false(pattern_has_fraction("%%f"));
	assert_false(pattern_has_fraction("f %Hf"));
	assert_false(pattern_has_fraction(""));
	assert_false(pattern_has_fraction("%"));
}

static void
refused(void **state)
{
	static const char *const bad[] = {
		"%",	     "abc%",
		"%%%",	     "%5",
		"%E",	     "%O",
		"%-",	     "%Q",
		"%i",	     "%N",
		"%Ed",	     "%OY",
		"%3f",	     "%Ef",
		"%-s",	     "%010s",
		"%L",	     "%v",
		"%100d",     "%+",
		"%\n",	     "% d",
		"%E%",	     "%----------------d",
		"%\303\244", "%99999999999999999999d",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *wrong = pattern_check(bad[i], 4096);

		if (!wrong)
			fail_msg("accepted: %s", bad[i]);
		assert_true(strlen(wrong) > 0);
	}
}

/* How many conversions are accepted; each is one that strftime(3) knows. */
static int
count_known(const char *modifier)
{
	char pattern[8], buffer[64];
	int accepted = 0;

	for (int c = 1; c < 128; c++) {
		snprintf(pattern, sizeof(pattern), "%%%s%c", modifier, c);
		if (pattern_check(pattern, 4096))
			continue;
		accepted++;
		assert_true(pattern_format(buffer, sizeof(buffer), pattern,
					   &july) > 0);
		/* glibc copies what it does not know. */
		assert_string_not_equal(buffer, pattern);
	}
	return accepted;
}

static void
known(void **state)
{
	(void)state;
	assert_int_equal(count_known(""), 42);
	assert_int_equal(count_known("E"), 6);
	assert_int_equal(count_known("O"), 16);
	assert_int_equal(count_known("_10"), 40); /* not %f, not %s */
	assert_null(pattern_check("%EY %Ec %Od %OB %-e %_10H %^a", 4096));
}

static void
limits(void **state)
{
	(void)state;
	assert_null(pattern_check("", 0));
	assert_null(pattern_check("abc", 3));
	assert_non_null(pattern_check("abcd", 3));
	assert_null(pattern_check("%f%%", 7));
	assert_non_null(pattern_check("%f%%", 6));
	/* September, Wednesday: not what today's names happen to be. */
	assert_null(pattern_check("%B%A", 18));
	assert_non_null(pattern_check("%B%A", 17));
	assert_non_null(pattern_check("%50d%50d", 99));
	assert_null(pattern_check("%50d%50d", 100));
	assert_null(pattern_check("%Y-%m-%d %H:%M:%S.%f %z %Z %s", 128));
}

/* What is accepted for a limit fits it, whatever the time. */
static void
never_longer(void **state)
{
	static const char *const patterns[] = {
		"%c",	    "%x %X",	   "%A %B %d %p",    "%Y %G %C %g",
		"%D %F %r", "%s %f %Z %z", "%h %n %U %V %W", "%Ey %EY %EC",
		"%P%l%k",
	};
	char buffer[256];

	(void)state;
	srandom(1);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		size_t limit = 0;

		while (pattern_check(patterns[i], limit))
			limit++;
		assert_in_range(limit, 5, 100);
		for (int j = 0; j < 3000; j++) {
			struct pattern_time time = july;

			time.seconds = random() * (random() % 2 ? 1 : -1);
			time.tm.tm_mon = (int)(random() % 12);
			time.tm.tm_wday = (int)(random() % 7);
			time.tm.tm_mday = 1 + (int)(random() % 31);
			time.tm.tm_hour = (int)(random() % 24);
			time.tm.tm_yday = (int)(random() % 366);
			time.tm.tm_year =
				j % 3	? (int)(random() % 8000)
				: j % 2 ? INT_MAX - (int)(random() % 9)
					: INT_MIN + (int)(random() % 9);
			assert_in_range(pattern_format(buffer, limit + 1,
						       patterns[i], &time),
					1, limit);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversions),
		cmocka_unit_test(percent_signs),
		cmocka_unit_test(flags_and_modifiers),
		cmocka_unit_test(no_second_look),
		cmocka_unit_test(no_environment),
		cmocka_unit_test(leap_second),
		cmocka_unit_test(room),
		cmocka_unit_test(fractions),
		cmocka_unit_test(refused),
		cmocka_unit_test(known),
		cmocka_unit_test(limits),
		cmocka_unit_test(never_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
