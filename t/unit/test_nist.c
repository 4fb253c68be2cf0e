/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time code of NIST: days, the count-down of daylight saving time, leap
 * seconds, and how far the second is off.
 */
#include "service/nist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct clock_state fine = { .synchronised = true };
static const struct clock_state insert = { .synchronised = true, .leap = 1 };
static const struct clock_state inserted = { .synchronised = true,
					     .in_leap_second = true };
static const struct clock_state delete = { .synchronised = true, .leap = -1 };
static const struct clock_state unknown = { .synchronised = false };

/* 23:59:58 UTC on 2026-06-30; the days of the tests are after it. */
static const int64_t EVE = 1782863998;

static struct zone *
zone(const char *name)
{
	char error[256];
	struct zone *zone = zone_load(name, error, sizeof(error));

	assert_non_null(zone);
	return zone;
}

static void
modified_julian_dates(void **state)
{
	(void)state;
	assert_int_equal(nist_mjd(0), 40587);
	assert_int_equal(nist_mjd(86399), 40587);
	assert_int_equal(nist_mjd(86400), 40588);
	assert_int_equal(nist_mjd(-1), 40586);
	assert_int_equal(nist_mjd(-86400), 40586);
	assert_int_equal(nist_mjd(-86401), 40585);
	assert_int_equal(nist_mjd(INT64_C(-3506716800)), 0); /* 1858-11-17 */
	assert_int_equal(nist_mjd(946684800), 51544);	     /* 2000-01-01 */
	assert_int_equal(nist_mjd(951782400), 51603);	     /* 2000-02-29 */
	assert_int_equal(nist_mjd(2085978496), 64730);	     /* 2036-02-07 */
	assert_int_equal(nist_mjd(4102444800), 88069);	     /* 2100-01-01 */
}

static void
next_is(int64_t now, const struct clock_state *state, int64_t seconds,
	bool leap, int advance)
{
	struct nist_second next = nist_next(now, state);

	assert_int_equal(next.seconds, seconds);
	assert_int_equal(next.leap, leap);
	assert_int_equal(next.advance, advance);
}

static void
the_next_second(void **state)
{
	(void)state;
	next_is(EVE * CLOCK_SECOND, &fine, EVE, false, 0);
	next_is(EVE * CLOCK_SECOND + 1, &fine, EVE + 1, false, 9999);
	next_is(EVE * CLOCK_SECOND + 587400000, &fine, EVE + 1, false, 4126);
	next_is(EVE * CLOCK_SECOND + 999999999, &fine, EVE + 1, false, 0);
	next_is(-CLOCK_SECOND / 2, &fine, 0, false, 5000);
}

/* 58, 59, 60, 00: the clock shows 59 twice. */
static void
an_inserted_second(void **state)
{
	const int64_t half = CLOCK_SECOND / 2;

	(void)state;
	next_is((EVE - 1) * CLOCK_SECOND + half, &insert, EVE, false, 5000);
	next_is(EVE * CLOCK_SECOND + half, &insert, EVE + 1, false, 5000);
	next_is((EVE + 1) * CLOCK_SECOND, &insert, EVE + 1, false, 0);
	next_is((EVE + 1) * CLOCK_SECOND + half, &insert, EVE + 1, true, 5000);
	next_is((EVE + 1) * CLOCK_SECOND, &inserted, EVE + 1, true, 0);
	next_is((EVE + 1) * CLOCK_SECOND + half, &inserted, EVE + 2, false,
		5000);
	next_is((EVE + 2) * CLOCK_SECOND + half, &fine, EVE + 3, false, 5000);
}

/* 58, 00: the clock never shows 59. */
static void
a_deleted_second(void **state)
{
	const int64_t half = CLOCK_SECOND / 2;

	(void)state;
	next_is((EVE - 1) * CLOCK_SECOND + half, &delete, EVE, false, 5000);
	next_is(EVE * CLOCK_SECOND, &delete, EVE, false, 0);
	next_is(EVE * CLOCK_SECOND + half, &delete, EVE + 2, false, 5000);
	next_is((EVE + 2) * CLOCK_SECOND, &fine, EVE + 2, false, 0);
}

/* Days of 2026 in Boulder: daylight saving time is from 8 March 9:00 UTC to
 * 1 November 8:00 UTC. */
static void
days_to_daylight_saving(void **state)
{
	struct zone *boulder = zone("America/Denver");
	static const struct {
		int64_t seconds;
		int code;
	} days[] = {
		{ 1767268800, 0 },  /* 01-01 12:00 UTC */
		{ 1772323200, 0 },  /* 03-01 00:00, still February there */
		{ 1772348399, 0 },  /* its last second */
		{ 1772348400, 58 }, /* 03-01 07:00: a week and the day itself */
		{ 1772366400, 58 }, /* 03-01 12:00 */
		{ 1772884800, 52 }, /* 03-07 12:00 */
		{ 1772953199, 52 }, /* 03-08 06:59:59 */
		{ 1772953200, 51 }, /* 03-08 07:00, midnight there */
		{ 1772960399, 51 }, /* 03-08 08:59:59 */
		{ 1772960400, 50 }, /* 03-08 09:00 */
		{ 1774958400, 50 }, /* 03-31 12:00 */
		{ 1782907200, 50 }, /* 07-01 12:00 */
		{ 1793448000, 50 }, /* 10-31 12:00, the month before */
		{ 1793512799, 50 }, /* 11-01 05:59:59, October there */
		{ 1793512800, 1 },  /* 11-01 06:00, midnight there */
		{ 1793519999, 1 },  /* 11-01 07:59:59 */
		{ 1793520000, 0 },  /* 11-01 08:00 */
		{ 1795262400, 0 },  /* 11-21 12:00 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
		assert_int_equal(nist_dst(boulder, days[i].seconds),
				 days[i].code);
	zone_free(boulder);
}

/* In Berlin it ends on the last Sunday of October: a long count-down. */
static void
a_long_count_down(void **state)
{
	struct zone *berlin = zone("Europe/Berlin");
	int64_t october = 1790805600; /* 2026-10-01 00:00 there */

	(void)state;
	assert_int_equal(nist_dst(berlin, october - 1), 50);
	for (int day = 0; day < 24; day++)
		assert_int_equal(nist_dst(berlin, october + day * 86400),
				 25 - day);
	assert_int_equal(nist_dst(berlin, 1792889999), 1);
	assert_int_equal(nist_dst(berlin, 1792890000), 0);
	zone_free(berlin);
}

static void
zones_without(void **state)
{
	struct zone *utc = zone("UTC");
	struct zone *tokyo = zone("Asia/Tokyo");

	(void)state;
	for (int64_t at = EVE; at < EVE + 400 * 86400; at += 86400 / 2) {
		assert_int_equal(nist_dst(utc, at), 0);
		assert_int_equal(nist_dst(tokyo, at), 0);
	}
	zone_free(utc);
	zone_free(tokyo);
}

static void
is_line(int64_t now, const struct clock_state *state, const char *zone_name,
	const char *expected)
{
	struct zone *where = zone(zone_name);
	struct nist_second next = nist_next(now, state);
	char line[NIST_LENGTH + 1];

	nist_line(line, &next, state, where);
	assert_string_equal(line, expected);
	assert_int_equal(strlen(line), NIST_LENGTH);
	zone_free(where);
}

static void
lines(void **state)
{
	const int64_t eve = EVE * CLOCK_SECOND;
	const int64_t half = CLOCK_SECOND / 2;

	(void)state;
	is_line(1795274518 * CLOCK_SECOND + 587400000, &fine, "America/Denver",
		"61365 26-11-21 15:21:59 00 0 0 412.6 UTC(timed) *");
	is_line(eve, &fine, "UTC",
		"61221 26-06-30 23:59:58 00 0 0   0.0 UTC(timed) *");
	is_line(eve + half, &fine, "Europe/Berlin",
		"61221 26-06-30 23:59:59 50 0 0 500.0 UTC(timed) *");
	is_line(eve + CLOCK_SECOND + half, &insert, "UTC",
		"61221 26-06-30 23:59:60 00 1 0 500.0 UTC(timed) *");
	is_line(eve + CLOCK_SECOND + half, &inserted, "UTC",
		"61222 26-07-01 00:00:00 00 1 0 500.0 UTC(timed) *");
	is_line(eve + half, &delete, "UTC",
		"61222 26-07-01 00:00:00 00 2 0 500.0 UTC(timed) *");
	is_line(eve + half, &unknown, "UTC",
		"61221 26-06-30 23:59:59 00 0 3 500.0 UTC(timed) *");
	is_line(0, &unknown, "UTC",
		"40587 70-01-01 00:00:00 00 0 3   0.0 UTC(timed) *");
	is_line(INT64_C(4102444800) * CLOCK_SECOND, &fine, "UTC",
		"88069 00-01-01 00:00:00 00 0 0   0.0 UTC(timed) *");
}

/* Only the five bytes of it change. */
static void
the_advance_alone(void **state)
{
	struct zone *utc = zone("UTC");
	struct nist_second second = { .seconds = EVE, .advance = 9999 };
	char line[NIST_LENGTH + 1];

	(void)state;
	nist_line(line, &second, &fine, utc);
	assert_string_equal(
		line, "61221 26-06-30 23:59:58 00 0 0 999.9 UTC(timed) *");
	second.advance = 7;
	nist_advance(line, &second);
	assert_string_equal(
		line, "61221 26-06-30 23:59:58 00 0 0   0.7 UTC(timed) *");
	second.advance = 1000;
	nist_advance(line, &second);
	assert_string_equal(
		line, "61221 26-06-30 23:59:58 00 0 0 100.0 UTC(timed) *");
	zone_free(utc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modified_julian_dates),
		cmocka_unit_test(the_next_second),
		cmocka_unit_test(an_inserted_second),
		cmocka_unit_test(a_deleted_second),
		cmocka_unit_test(days_to_daylight_saving),
		cmocka_unit_test(a_long_count_down),
		cmocka_unit_test(zones_without),
		cmocka_unit_test(lines),
		cmocka_unit_test(the_advance_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
