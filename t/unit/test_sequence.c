/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tools/bench_sequence.h"

/* 2026-11-21 12:00:00 UTC */
#define NOON (INT64_C(1795262400) * CLOCK_SECOND)

static struct sequence_counts counts;
static struct sequence_check check;
static struct sequence sequence;
static int64_t zone; /* seconds */

/* The record for NOON and SECONDS. */
static const char *
record(int seconds, const char *ending)
{
	static char text[64];
	time_t time = NOON / CLOCK_SECOND + seconds + zone;
	struct tm tm;
	size_t n;

	gmtime_r(&time, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, "%s", ending);
	return text;
}

static void
come(const char *text, int64_t arrival)
{
	sequence_bytes(&sequence, &check, text, strlen(text), arrival);
}

/* The line for NOON and SECONDS, so many microseconds late. */
static void
line(int seconds, int64_t late)
{
	come(record(seconds, "\n"),
	     NOON + seconds * CLOCK_SECOND + late * CLOCK_MICROSECOND);
}

/* A second of interval, a window of NOON + 0.5 to NOON + 10.5. */
static void
open_check(int64_t interval, const char *first, bool newline)
{
	memset(&counts, 0, sizeof(counts));
	memset(&sequence, 0, sizeof(sequence));
	memset(&check, 0, sizeof(check));
	sequence_learn(&check.rule, interval, first, strlen(first), newline,
		       NOON);
	check.from = NOON + CLOCK_SECOND / 2;
	check.until = check.from + 10 * CLOCK_SECOND;
	check.counts = &counts;
}

static int
begin(void **state)
{
	(void)state;
	zone = 0;
	open_check(CLOCK_SECOND, record(0, ""), true);
	return 0;
}

static void
expect(uint64_t received, uint64_t missed, uint64_t doubled, uint64_t backwards,
       uint64_t garbled)
{
	assert_int_equal(counts.received, received);
	assert_int_equal(counts.missed, missed);
	assert_int_equal(counts.doubled, doubled);
	assert_int_equal(counts.backwards, backwards);
	assert_int_equal(counts.garbled, garbled);
}

static void
parsing(void **state)
{
	static const char *const wrong[] = {
		"2026-11-21T12:00:00", "2026-13-21 12:00:00",
		"2026-02-29 12:00:00", "2026-11-00 12:00:00",
		"2026-00-10 12:00:00", "2026-11-21 24:00:00",
		"2026-11-21 12:60:00", "2026-11-21 12:00:61",
		"2026-11-21 12:00:0 ", " 026-11-21 12:00:00",
		"2026-11-21 12:00:-1",
	};
	int64_t seconds;

	(void)state;
	assert_true(sequence_parse("2026-11-21 12:00:00", &seconds));
	assert_int_equal(seconds, NOON / CLOCK_SECOND);
	assert_true(sequence_parse("1970-01-01 00:00:00", &seconds));
	assert_int_equal(seconds, 0);
	assert_true(sequence_parse("2024-02-29 00:00:00", &seconds));
	assert_true(sequence_parse("2016-12-31 23:59:60", &seconds));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(sequence_parse(wrong[i], &seconds));
}

static void
learning(void **state)
{
	(void)state;
	assert_int_equal(check.rule.length, SEQUENCE_STAMP);
	assert_true(check.rule.stamped);
	assert_int_equal(check.rule.offset, 0);
	open_check(CLOCK_SECOND / 2, record(0, ""), true);
	assert_false(check.rule.stamped);
	open_check(CLOCK_SECOND, "12:00:00", true);
	assert_false(check.rule.stamped);
	assert_int_equal(check.rule.length, 8);
	zone = -12600; /* Newfoundland */
	open_check(CLOCK_SECOND, record(-1, " NST"), false);
	assert_int_equal(check.rule.offset, zone);
	assert_int_equal(check.rule.length, SEQUENCE_STAMP + 4);
}

static void
in_order(void **state)
{
	(void)state;
	for (int i = 0; i <= 10; i++)
		line(i, 100 * i);
	sequence_end(&sequence, &check, false);
	expect(10, 0, 0, 0, 0);
	assert_int_equal(counts.lateness.max, 1000);
	assert_int_equal(histogram_total(&counts.lateness), 10);
	assert_int_equal(counts.early, 0);
}

/* The first record is for no boundary; what is outside the window neither. */
static void
window(void **state)
{
	(void)state;
	line(3, 0);
	line(4, 0);
	line(5, 0);
	for (int i = 6; i < 15; i++)
		line(i, 0);
	sequence_end(&sequence, &check, false);
	expect(7, 0, 0, 0, 0);
}

static void
another_zone(void **state)
{
	(void)state;
	zone = 7200;
	open_check(CLOCK_SECOND, record(0, ""), true);
	line(0, 0);
	line(1, 50);
	expect(1, 0, 0, 0, 0);
	assert_int_equal(counts.lateness.max, 50);
}

static void
missed(void **state)
{
	(void)state;
	line(0, 0);
	line(1, 0);
	line(4, 0);
	expect(2, 2, 0, 0, 0);
	sequence_end(&sequence, &check, false);
	expect(2, 2 + 6, 0, 0, 0);
}

static void
doubled(void **state)
{
	(void)state;
	line(0, 0);
	line(1, 0);
	line(1, 10);
	line(2, 0);
	expect(2, 0, 1, 0, 0);
}

static void
backwards(void **state)
{
	(void)state;
	line(5, 0);
	line(6, 0);
	line(3, 0);
	line(4, 0);
	expect(2, 0, 0, 1, 0);
}

static void
early(void **state)
{
	(void)state;
	line(0, 0);
	line(1, -2000);
	expect(1, 0, 0, 0, 0);
	assert_int_equal(counts.early, 1);
	assert_int_equal(counts.lateness.max, 0);
}

static void
garbled(void **state)
{
	(void)state;
	line(0, 0);
	come("2026-11-21 12:00:0x\n", NOON + CLOCK_SECOND);
	come("short\n", NOON + CLOCK_SECOND);
	come(record(1, "!\n"), NOON + CLOCK_SECOND);
	come("\n", NOON + CLOCK_SECOND);
	expect(0, 0, 0, 0, 4);
	line(1, 0);
	expect(1, 0, 0, 0, 4);
}

/* Records in pieces and several at once are no fault. */
static void
torn_reads(void **state)
{
	char all[128];
	int64_t arrival = NOON + 2 * CLOCK_SECOND + CLOCK_MILLISECOND;

	(void)state;
	strcpy(all, record(0, "\n"));
	strcat(all, record(1, "\n"));
	strcat(all, record(2, "\n"));
	for (size_t cut = 0; cut <= strlen(all); cut++) {
		open_check(CLOCK_SECOND, record(0, ""), true);
		sequence_bytes(&sequence, &check, all, cut, arrival);
		sequence_bytes(&sequence, &check, all + cut, strlen(all) - cut,
			       arrival);
		expect(2, 0, 0, 0, 0);
		assert_int_equal(sequence.held, 0);
	}
}

static void
bare(void **state)
{
	char all[128];

	(void)state;
	open_check(CLOCK_SECOND, record(0, ""), false);
	strcpy(all, record(0, ""));
	strcat(all, record(1, ""));
	come(all, NOON + CLOCK_SECOND);
	sequence_bytes(&sequence, &check, record(2, ""), 7,
		       NOON + 2 * CLOCK_SECOND);
	sequence_bytes(&sequence, &check, record(2, "") + 7, 12,
		       NOON + 2 * CLOCK_SECOND);
	expect(2, 0, 0, 0, 0);
}

static void
torn_at_the_end(void **state)
{
	struct sequence whole;

	(void)state;
	for (int i = 0; i <= 10; i++)
		line(i, 0);
	whole = sequence;
	come("2026-11-2", NOON + 11 * CLOCK_SECOND);
	sequence_end(&sequence, &check, false);
	expect(10, 0, 0, 0, 0);
	sequence_end(&sequence, &check, true);
	expect(10, 0, 0, 0, 1);
	sequence_end(&whole, &check, true);
	expect(10, 0, 0, 0, 1);
}

/* Without a stamp the boundary before the arrival counts. */
static void
by_arrival(void **state)
{
	const int64_t interval = CLOCK_SECOND / 10;

	(void)state;
	open_check(interval, "tick", true);
	check.from = NOON;
	come("tick\n", NOON + interval / 2);
	come("tick\n", NOON + interval + CLOCK_MILLISECOND);
	come("tick\n", NOON + 2 * interval - CLOCK_MICROSECOND); /* clocks */
	expect(2, 0, 0, 0, 0);
	come("tick\n", NOON + 2 * interval + CLOCK_MILLISECOND);
	expect(2, 0, 1, 0, 0);
	come("tick\n", NOON + 5 * interval);
	expect(3, 2, 1, 0, 0);
	assert_int_equal(counts.early, 1);
}

/* The first record shows the current second, not a boundary. */
static void
long_interval(void **state)
{
	(void)state;
	open_check(5 * CLOCK_SECOND, record(3, ""), true);
	line(3, 0);
	line(5, 0);
	line(10, 0);
	expect(2, 0, 0, 0, 0);
	sequence_end(&sequence, &check, false);
	expect(2, 0, 0, 0, 0);
}

static void
endless_line(void **state)
{
	char some[4096];

	(void)state;
	memset(some, '7', sizeof(some));
	line(0, 0);
	for (int i = 0; i < 100; i++)
		sequence_bytes(&sequence, &check, some, sizeof(some), NOON);
	come("\n", NOON);
	expect(0, 0, 0, 0, 1);
}

static void
boundaries(void **state)
{
	(void)state;
	assert_int_equal(sequence_boundaries(0, 0, 10), 0);
	assert_int_equal(sequence_boundaries(5, 15, 10), 1);
	assert_int_equal(sequence_boundaries(5, 10, 10), 1);
	assert_int_equal(sequence_boundaries(10, 19, 10), 0);
	assert_int_equal(sequence_boundaries(5, 105, 10), 10);
	assert_int_equal(sequence_boundaries(105, 5, 10), 0);
}

static void
merging(void **state)
{
	struct sequence_counts sum = { 0 };

	(void)state;
	line(0, 0);
	line(2, 77);
	line(2, 0);
	line(1, 0);
	come("?\n", NOON);
	sequence_merge(&sum, &counts);
	sequence_merge(&sum, &counts);
	counts = sum;
	expect(2, 2, 2, 2, 2);
	assert_int_equal(counts.lateness.max, 77);
	assert_int_equal(histogram_total(&counts.lateness), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(parsing, begin),
		cmocka_unit_test_setup(learning, begin),
		cmocka_unit_test_setup(in_order, begin),
		cmocka_unit_test_setup(window, begin),
		cmocka_unit_test_setup(another_zone, begin),
		cmocka_unit_test_setup(missed, begin),
		cmocka_unit_test_setup(doubled, begin),
		cmocka_unit_test_setup(backwards, begin),
		cmocka_unit_test_setup(early, begin),
		cmocka_unit_test_setup(garbled, begin),
		cmocka_unit_test_setup(torn_reads, begin),
		cmocka_unit_test_setup(bare, begin),
		cmocka_unit_test_setup(torn_at_the_end, begin),
		cmocka_unit_test_setup(by_arrival, begin),
		cmocka_unit_test_setup(long_interval, begin),
		cmocka_unit_test_setup(endless_line, begin),
		cmocka_unit_test_setup(boundaries, begin),
		cmocka_unit_test_setup(merging, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
