/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#include "tools/words.h"

static struct words words;
static char error[128];

/* LINE comes to WANTED, in which | is between words. */
static void
line_is(const char *line, const char *wanted)
{
	char joined[WORDS_BYTES * 2] = "";

	assert_true(words_split(&words, line, error, sizeof(error)));
	for (int i = 0; i < words.count; i++) {
		strlcat(joined, i > 0 ? "|" : "", sizeof(joined));
		strlcat(joined, words.list[i], sizeof(joined));
	}
	assert_string_equal(joined, wanted);
	assert_null(words.list[words.count]);
}

static void
blanks(void **state)
{
	(void)state;
	line_is("", "");
	line_is(" \t \n", "");
	line_is("status", "status");
	line_is("  log\t-n  20 -f \n", "log|-n|20|-f");
}

static void
quotes(void **state)
{
	(void)state;
	line_is("pause 'a b'", "pause|a b");
	line_is("pause \"it's\"", "pause|it's");
	line_is("a'b c'\"d\"e", "ab cde");
	line_is("x '' y", "x||y");
	line_is("a\\ b", "a\\|b");
	assert_false(words_split(&words, "pause 'a b", error, sizeof(error)));
	assert_string_equal(error, "a quote does not end");
	assert_false(words_split(&words, "\"", error, sizeof(error)));
}

static void
comments(void **state)
{
	(void)state;
	line_is("# all of it", "");
	line_is("  status # this", "status");
	line_is("a#b '#c'", "a#b|#c");
}

static void
bounds(void **state)
{
	char line[WORDS_BYTES + 2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[WORDS_BYTES - 1] = '\0';
	line_is(line, line);
	line[WORDS_BYTES - 1] = 'x';
	line[WORDS_BYTES] = '\0';
	assert_false(words_split(&words, line, error, sizeof(error)));
	assert_string_equal(error, "the line is too long");
	line[0] = '\0';
	for (int i = 0; i < WORDS_MOST; i++)
		strlcat(line, "w ", sizeof(line));
	assert_true(words_split(&words, line, error, sizeof(error)));
	assert_int_equal(words.count, WORDS_MOST);
	assert_false(words_split_open(&words, line));
	strlcat(line, "w", sizeof(line));
	assert_false(words_split(&words, line, error, sizeof(error)));
	assert_string_equal(error, "too many words");
	/* Nothing but quotes is one empty word. */
	memset(line, '"', WORDS_BYTES - 2);
	line[WORDS_BYTES - 2] = '\0';
	line_is(line, "");
	assert_int_equal(words.count, 1);
}

static void
a_line_that_goes_on(void **state)
{
	(void)state;
	assert_true(words_split_open(&words, ""));
	assert_int_equal(words.count, 1);
	assert_string_equal(words.list[0], "");
	assert_true(words_split_open(&words, "lo"));
	assert_int_equal(words.count, 1);
	assert_string_equal(words.list[0], "lo");
	assert_true(words_split_open(&words, "log "));
	assert_int_equal(words.count, 2);
	assert_string_equal(words.list[0], "log");
	assert_string_equal(words.list[1], "");
	assert_true(words_split_open(&words, "pause 'a b"));
	assert_int_equal(words.count, 2);
	assert_string_equal(words.list[1], "a b");
	assert_false(words_split_open(&words, "# no"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks),
		cmocka_unit_test(quotes),
		cmocka_unit_test(comments),
		cmocka_unit_test(bounds),
		cmocka_unit_test(a_line_that_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
