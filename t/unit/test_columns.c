/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bsd/string.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tools/columns.h"

struct row {
	int number;
	char name[64];
	char place[64];
};

static void
number(const void *member, char *text, size_t size)
{
	snprintf(text, size, "%d", *(const int *)member);
}

static void
word(const void *member, char *text, size_t size)
{
	strlcpy(text, member, size);
}

static const struct column columns[] = {
	{ "NO", 3, 0, false, number, offsetof(struct row, number) },
	{ "NAME", 6, 1, true, word, offsetof(struct row, name) },
	{ "AGAIN", 5, 2, false, number, offsetof(struct row, number) },
	{ "PLACE", 0, 1, true, word, offsetof(struct row, place) },
};

static void
line_is(int width, const struct row *row, const char *wanted)
{
	char text[256];

	columns_line(columns, 4, columns_fit(columns, 4, width), width, row,
		     text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void
all_of_them(void **state)
{
	const struct row row = { 7, "stream", "127.0.0.1:6013 [::1]:6013" };

	(void)state;
	line_is(80, NULL, " NO NAME   AGAIN PLACE");
	line_is(80, &row, "  7 stream     7 127.0.0.1:6013 [::1]:6013");
	line_is(30, &row, "  7 stream     7 127.0.0.1:601");
}

static void
those_with_the_highest_rank_go_first(void **state)
{
	const struct row row = { 7, "stream", "here" };

	(void)state;
	/* 3 + 6 + 5 + 8 and three between them are 25. */
	assert_int_equal(columns_fit(columns, 4, 25), 0xf);
	assert_int_equal(columns_fit(columns, 4, 24), 0xb);
	assert_int_equal(columns_fit(columns, 4, 18), 0x3);
	assert_int_equal(columns_fit(columns, 4, 9), 0x1);
	assert_int_equal(columns_fit(columns, 4, 0), 0x1);
	line_is(24, &row, "  7 stream here");
	line_is(10, &row, "  7 stream");
	line_is(5, &row, "  7");
	line_is(2, &row, " 7");
}

static void
what_is_too_long_is_cut(void **state)
{
	const struct row row = { 12345, "a name that is long", "" };

	(void)state;
	line_is(80, &row, "123 a name 12345 ");
}

static void
widths_are_those_of_a_terminal(void **state)
{
	const struct row row = { 1, "\303\274ber", "" };
	const struct row wide = {
		1, "\346\227\245\346\234\254\350\252\236\346\231\202", ""
	};
	char text[64];

	(void)state;
	line_is(16, &row, "  1 \303\274ber  ");
	line_is(16, &wide, "  1 \346\227\245\346\234\254\350\252\236");
	/* Half of one is not shown. */
	assert_int_equal(columns_cut(wide.name, 3, text, sizeof(text)), 2);
}

static void
no_terminal_is_given_orders(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(columns_cut("a\033[2Jb\x7f\r\n\xff\xc3", 80, text,
				     sizeof(text)),
			 11);
	assert_string_equal(text, "a?[2Jb?????");
}

static void
no_more_than_there_is_room_for(void **state)
{
	char text[32], line[20];
	const struct row row = { 1, "stream", "127.0.0.1:6013" };

	(void)state;
	columns_cut("0123456789012345678901234567890123456789", 80, text,
		    sizeof(text));
	assert_true(strlen(text) < sizeof(text));
	columns_line(columns, 4, 0xf, 80, &row, line, sizeof(line));
	assert_true(strlen(line) < sizeof(line));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_them),
		cmocka_unit_test(those_with_the_highest_rank_go_first),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(widths_are_those_of_a_terminal),
		cmocka_unit_test(no_terminal_is_given_orders),
		cmocka_unit_test(no_more_than_there_is_room_for),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
