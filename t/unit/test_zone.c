/* SPDX-License-Identifier: BSD-2-Clause */
/* base/zone, beside the C library and with bad input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/zone.h"

#define YEAR_1900 INT64_C(-2208988800)
#define YEAR_1971 INT64_C(31536000)
#define YEAR_2500 INT64_C(16725225600)

enum {
	DAY = 86400,
	SOME_TIMES = 4000,
};

static char error[256];

static const char *const zones[] = {
	"Europe/Berlin",       "America/New_York",
	"Australia/Lord_Howe", "Africa/Casablanca",
	"Africa/El_Aaiun",     "Asia/Kathmandu",
	"America/St_Johns",    "Pacific/Apia",
	"Europe/Dublin",       "Asia/Gaza",
	"Antarctica/Troll",    "UTC",
	"Etc/GMT+12",	       "Etc/GMT-14",
	"America/Sao_Paulo",   "Asia/Tehran",
	"Asia/Kolkata",	       "Pacific/Chatham",
	"Pacific/Kiritimati",  "America/Nuuk",
	"America/Santiago",    "Europe/London",
	"Europe/Moscow",       "Asia/Jerusalem",
	"Africa/Cairo",	       "Africa/Monrovia",
	"Australia/Sydney",    "EST5EDT",
	"Asia/Tokyo",	       "America/Asuncion",
};

static void
set_tz(const char *value)
{
	if (value)
		setenv("TZ", value, 1);
	else
		unsetenv("TZ");
	tzset();
}

static bool
same(const struct tm *a, const struct tm *b)
{
	return a->tm_sec == b->tm_sec && a->tm_min == b->tm_min &&
	       a->tm_hour == b->tm_hour && a->tm_mday == b->tm_mday &&
	       a->tm_mon == b->tm_mon && a->tm_year == b->tm_year &&
	       a->tm_wday == b->tm_wday && a->tm_yday == b->tm_yday &&
	       a->tm_isdst == b->tm_isdst && a->tm_gmtoff == b->tm_gmtoff &&
	       strcmp(a->tm_zone, b->tm_zone) == 0;
}

/* Compare with localtime_r(), which has the same zone in $TZ. */
static void
compare(const struct zone *zone, const char *name, int64_t seconds)
{
	time_t when = (time_t)seconds;
	char got[64], want[64];
	struct tm mine, theirs;

	memset(&mine, 0x55, sizeof(mine));
	zone_time(zone, seconds, &mine);
	assert_non_null(localtime_r(&when, &theirs));
	if (same(&mine, &theirs))
		return;
	strftime(got, sizeof(got), "%F %T %j %w %z %Z", &mine);
	strftime(want, sizeof(want), "%F %T %j %w %z %Z", &theirs);
	fail_msg("%s at %lld: %s dst %d, the C library: %s dst %d", name,
		 (long long)seconds, got, mine.tm_isdst, want, theirs.tm_isdst);
}

static bool
same_type(int64_t a, int64_t b)
{
	time_t first = (time_t)a, second = (time_t)b;
	struct tm one, two;

	localtime_r(&first, &one);
	localtime_r(&second, &two);
	return one.tm_gmtoff == two.tm_gmtoff && one.tm_isdst == two.tm_isdst &&
	       strcmp(one.tm_zone, two.tm_zone) == 0;
}

/* Find a change between A and B, as the C library sees it. */
static int64_t
find_change(int64_t a, int64_t b)
{
	while (b - a > 1) {
		int64_t middle = a + (b - a) / 2;

		if (same_type(a, middle))
			a = middle;
		else
			b = middle;
	}
	return b;
}

static void
compare_all(const struct zone *zone, const char *name, int64_t from)
{
	const int64_t step = 9 * DAY + 4321;

	for (int i = 0; i < SOME_TIMES; i++) {
		uint64_t much = (uint64_t)random() << 31 | (uint64_t)random();

		compare(zone, name,
			from + (int64_t)(much % (uint64_t)(YEAR_2500 - from)));
	}
	for (int64_t at = from; at < YEAR_2500; at += step) {
		int64_t change;

		compare(zone, name, at);
		if (same_type(at, at + step))
			continue;
		change = find_change(at, at + step);
		for (int64_t near = -2; near <= 2; near++)
			compare(zone, name, change + near);
	}
}

static void
like_the_c_library(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		struct zone *zone = zone_load(zones[i], error, sizeof(error));

		if (!zone)
			fail_msg("%s: %s", zones[i], error);
		set_tz(zones[i]);
		compare_all(zone, zones[i], YEAR_1900);
		zone_free(zone);
	}
	set_tz(NULL);
}

/* glibc takes the years before 1970 for 1970 when it has a rule alone. */
static void
rules_in_tz(void **state)
{
	static const char *const good[] = {
		"UTC0",
		"EST5EDT,M3.2.0,M11.1.0",
		"CET-1CEST,M3.5.0,M10.5.0/3",
		"<+0330>-3:30<+0430>,J80/0,J264/0",
		"<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
		"IST-1GMT0,M10.5.0,M3.5.0/1",
		"EET-2EEST,M3.4.4/50,M10.4.4/50",
		"AAA-1BBB-3:00:30,59/1:02:03,300/-2:30",
		"NZST-12NZDT,M9.5.0,M4.1.0/3",
		"AAA1BBB,J60/0,J300/0",
		"AAA1BBB,59/0,365/0",
		":UTC",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct zone *zone;

		set_tz(good[i]);
		zone = zone_load("local", error, sizeof(error));
		if (!zone)
			fail_msg("%s: %s", good[i], error);
		compare_all(zone, good[i], YEAR_1971);
		zone_free(zone);
	}
	set_tz(NULL);
}

static void
extreme_times(void **state)
{
	static const char *const names[] = { "UTC", "Europe/Berlin",
					     "Pacific/Apia", "Asia/Kolkata" };
	struct tm tm;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct zone *zone = zone_load(names[i], error, sizeof(error));

		assert_non_null(zone);
		zone_time(zone, INT64_MAX, &tm);
		assert_int_equal(tm.tm_year, INT_MAX);
		assert_int_equal(tm.tm_yday, 364);
		assert_int_equal(tm.tm_sec, 59);
		zone_time(zone, INT64_MIN, &tm);
		assert_int_equal(tm.tm_year, INT_MIN);
		assert_int_equal(tm.tm_yday, 0);
		assert_int_equal(tm.tm_sec, 0);
		zone_free(zone);
	}
}

static void
names(void **state)
{
	static const char *const bad[] = {
		"",
		"/etc/localtime",
		"../zoneinfo/UTC",
		"Europe/../UTC",
		"..",
		"Europe/..",
		".",
		"./UTC",
		"Europe//Berlin",
		"Europe/",
		"Europe",
		"Europe/Berlin\n",
		"Eur ope",
		"No/Such_Zone",
		"EST5EDT,M3.2.0,M11.1.0",
		"zone.tab",
		"%n%n",
		":UTC",
		"right/UTC",
	};
	char long_name[PATH_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error[0] = '\0';
		if (zone_load(bad[i], error, sizeof(error)))
			fail_msg("loaded: %s", bad[i]);
		assert_true(strlen(error) > 0);
		assert_null(strchr(error, '\n'));
	}
	memset(long_name, 'a', PATH_MAX);
	long_name[PATH_MAX] = '\0';
	assert_null(zone_load(long_name, error, sizeof(error)));
	zone_free(NULL);
}

/* $TZ may name a path, and leads to /etc/localtime when it is not there. */
static void
local_zone(void **state)
{
	static const char *const values[] = {
		NULL,
		":Asia/Kathmandu",
		"/usr/share/zoneinfo/America/St_Johns",
		":/usr/share/zoneinfo/Europe/Dublin",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct zone *zone;

		set_tz(values[i]);
		zone = zone_load("local", error, sizeof(error));
		assert_non_null(zone);
		for (int64_t at = YEAR_1900; at < YEAR_2500; at += 99 * DAY)
			compare(zone, values[i] ? values[i] : "none", at);
		zone_free(zone);
	}
	set_tz(":../zoneinfo/Europe/Berlin");
	assert_null(zone_load("local", error, sizeof(error)));
	set_tz("/etc/passwd");
	assert_null(zone_load("local", error, sizeof(error)));
	set_tz(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_the_c_library),
		cmocka_unit_test(rules_in_tz),
		cmocka_unit_test(local_zone),
		cmocka_unit_test(extreme_times),
		cmocka_unit_test(names),
	};

	unsetenv("TZDIR");
	srandom(20240229); /* a failure can be seen again */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
