/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tools/records.h"

static struct records records;
static char seen[8 * RECORDS_MAX]; /* what was emitted, '|' after each end */
static size_t seen_length;
static size_t parts;

static void
collect(void *context, const char *bytes, size_t length, bool end)
{
	assert_ptr_equal(context, &records);
	assert_true(seen_length + length + 1 < sizeof(seen));
	memcpy(seen + seen_length, bytes, length);
	seen_length += length;
	parts++;
	if (end)
		seen[seen_length++] = '|';
	seen[seen_length] = '\0';
}

static int
begin(void **state)
{
	(void)state;
	seen_length = parts = 0;
	seen[0] = '\0';
	records_open(&records, collect, &records);
	return 0;
}

static void
come(const char *text)
{
	records_bytes(&records, text, strlen(text));
}

static void
pause_after(const char *text)
{
	come(text);
	assert_true(records_waiting(&records));
	records_silence(&records);
	assert_false(records_waiting(&records));
}

static void
lines(void **state)
{
	(void)state;
	come("one\ntwo\n");
	come("th");
	assert_string_equal(seen, "one|two|");
	come("ree\n\nfo");
	come("ur\r");
	come("\n");
	assert_string_equal(seen, "one|two|three||four\r|");
	assert_false(records_waiting(&records));
	records_silence(&records);
	assert_string_equal(seen, "one|two|three||four\r|");
}

static void
a_byte_at_a_time(void **state)
{
	(void)state;
	for (const char *c = "12:00:00\n12:00:01\n"; *c; c++)
		records_bytes(&records, c, 1);
	assert_string_equal(seen, "12:00:00|12:00:01|");
}

/* A line that paused before its newline was known shows as two, but one. */
static void
a_newline_settles_it(void **state)
{
	(void)state;
	pause_after("12:0");
	assert_string_equal(seen, "12:0|");
	come("0:00\n12:00:01\n");
	assert_string_equal(seen, "12:0|0:00|12:00:01|");
	come("12:");
	assert_false(records_waiting(&records));
	come("00:02\n");
	assert_string_equal(seen, "12:0|0:00|12:00:01|12:00:02|");
}

static void
bare(void **state)
{
	(void)state;
	come("12:00:00");
	assert_string_equal(seen, "");
	assert_true(records_waiting(&records));
	records_silence(&records);
	assert_string_equal(seen, "12:00:00|");
	come("12:00:01");
	assert_string_equal(seen, "12:00:00|12:00:01|");
}

static void
bare_in_pieces(void **state)
{
	(void)state;
	come("12:0");
	come("0:00");
	come("!");
	records_silence(&records);
	assert_string_equal(seen, "12:00:00!|");
	come("12:00:01!12:00:02!12:");
	come("00:03!");
	assert_string_equal(seen, "12:00:00!|12:00:01!|12:00:02!|12:00:03!|");
}

/* Torn in two with a silence between them. */
static void
bare_with_a_pause(void **state)
{
	(void)state;
	pause_after("12:00:00!");
	pause_after("12:00");
	assert_string_equal(seen, "12:00:00!|");
	pause_after(":01!");
	assert_string_equal(seen, "12:00:00!|12:00:01!|");
	come("12:00:02!");
	assert_string_equal(seen, "12:00:00!|12:00:01!|12:00:02!|");
}

/* Connected just before a boundary: two reads, and no silence between. */
static void
bare_twice_at_first(void **state)
{
	(void)state;
	come("12:00:00");
	pause_after("12:00:01");
	assert_string_equal(seen, "12:00:00|12:00:01|");
	come("12:00:02");
	assert_string_equal(seen, "12:00:00|12:00:01|12:00:02|");
}

/* The same in one read: it shows with the next. */
static void
bare_length_corrected(void **state)
{
	(void)state;
	pause_after("12:00:0012:00:01");
	assert_string_equal(seen, "12:00:0012:00:01|");
	pause_after("12:00:02");
	come("12:00:03");
	assert_string_equal(seen, "12:00:0012:00:01|12:00:02|12:00:03|");
}

static void
bare_grows(void **state)
{
	(void)state;
	pause_after("Sunday");
	pause_after("Wednesday");
	assert_string_equal(seen, "Sunday|Wednes|day|");
	come("Wednesday");
	assert_string_equal(seen, "Sunday|Wednes|day|Wednesday|");
}

static void
bare_shrinks(void **state)
{
	(void)state;
	pause_after("Wednesday");
	pause_after("Thurs");
	pause_after("Thurs");
	pause_after("Thurs");
	seen_length = 0;
	come("Thurs");
	assert_string_equal(seen, "Thurs|");
}

static void
nuls(void **state)
{
	(void)state;
	records_bytes(&records, "a\0b\nc\0", 6);
	records_bytes(&records, "\n", 1);
	assert_int_equal(seen_length, 7);
	assert_memory_equal(seen, "a\0b|c\0|", 7);
}

static void
fill(size_t length)
{
	char some[1000];

	memset(some, 'x', sizeof(some));
	while (length > 0) {
		size_t n = length < sizeof(some) ? length : sizeof(some);

		records_bytes(&records, some, n);
		length -= n;
	}
}

/* In parts, with nothing lost, and never more held than there is room. */
static void
long_line(void **state)
{
	(void)state;
	fill(3 * RECORDS_MAX);
	assert_int_equal(parts, 2);
	assert_false(records_waiting(&records));
	come("\nnext\n");
	assert_int_equal(seen_length, 3 * RECORDS_MAX + 1 + 5);
	assert_string_equal(seen + 3 * RECORDS_MAX, "|next|");
}

static void
exactly_full(void **state)
{
	(void)state;
	fill(RECORDS_MAX);
	assert_int_equal(parts, 0);
	come("\n");
	assert_int_equal(parts, 1);
	assert_int_equal(seen_length, RECORDS_MAX + 1);
}

static void
longest_bare(void **state)
{
	(void)state;
	fill(RECORDS_MAX);
	records_silence(&records);
	assert_int_equal(seen_length, RECORDS_MAX + 1);
	fill(RECORDS_MAX);
	assert_int_equal(seen_length, 2 * (RECORDS_MAX + 1));
}

static void
ends(void **state)
{
	(void)state;
	records_end(&records);
	assert_string_equal(seen, "");
	come("whole\nhalf");
	records_end(&records);
	assert_string_equal(seen, "whole|half|");
	records_end(&records);
	assert_string_equal(seen, "whole|half|");
}

static void
empty_reads(void **state)
{
	(void)state;
	records_bytes(&records, "", 0);
	assert_false(records_waiting(&records));
	records_silence(&records);
	assert_string_equal(seen, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines, begin),
		cmocka_unit_test_setup(a_byte_at_a_time, begin),
		cmocka_unit_test_setup(a_newline_settles_it, begin),
		cmocka_unit_test_setup(bare, begin),
		cmocka_unit_test_setup(bare_in_pieces, begin),
		cmocka_unit_test_setup(bare_with_a_pause, begin),
		cmocka_unit_test_setup(bare_twice_at_first, begin),
		cmocka_unit_test_setup(bare_length_corrected, begin),
		cmocka_unit_test_setup(bare_grows, begin),
		cmocka_unit_test_setup(bare_shrinks, begin),
		cmocka_unit_test_setup(nuls, begin),
		cmocka_unit_test_setup(long_line, begin),
		cmocka_unit_test_setup(exactly_full, begin),
		cmocka_unit_test_setup(longest_bare, begin),
		cmocka_unit_test_setup(ends, begin),
		cmocka_unit_test_setup(empty_reads, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
