/* SPDX-License-Identifier: BSD-2-Clause */
/* What a chat client types: lines, however they are cut, and what is in them. */
#include "service/chat_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ROOM = 8192
};

/* A client as the service keeps one: what has no end yet is kept. */
struct typist {
	struct chat_line_place place;
	char kept[ROOM];
	size_t length;
	char heard[ROOM]; /* [line] of each, LONG of one that is too long */
};

static void
hear(struct typist *typist, enum chat_line_got got,
     const struct chat_line *line)
{
	size_t at = strlen(typist->heard);

	if (got == CHAT_LINE_LONG)
		snprintf(typist->heard + at, ROOM - at, "LONG");
	else
		snprintf(typist->heard + at, ROOM - at, "[%.*s]",
			 (int)line->length, line->text);
}

static void
type(struct typist *typist, const char *bytes, size_t length)
{
	char *fresh = typist->kept + typist->length;
	enum chat_line_got got;
	struct chat_line line;
	size_t at = 0, used;

	memcpy(fresh, bytes, length);
	typist->length += chat_line_strip(&typist->place, fresh, length);
	do {
		got = chat_line_cut(&typist->place, typist->kept + at,
				    typist->length - at, &line, &used);
		if (got != CHAT_LINE_NONE)
			hear(typist, got, &line);
		at += used;
	} while (got != CHAT_LINE_NONE);
	typist->length -= at;
	memmove(typist->kept, typist->kept + at, typist->length);
	/* This is what bounds a client's memory. */
	assert_true(typist->length <= CHAT_LINE + 1);
}

/* However BYTES are cut in two or into single ones, EXPECTED is heard. */
static void
expect(const char *bytes, size_t length, const char *expected)
{
	struct typist typist;

	for (size_t cut = 0; cut <= length; cut++) {
		memset(&typist, 0, sizeof(typist));
		type(&typist, bytes, cut);
		type(&typist, bytes + cut, length - cut);
		assert_string_equal(typist.heard, expected);
	}
	memset(&typist, 0, sizeof(typist));
	for (size_t i = 0; i < length; i++)
		type(&typist, bytes + i, 1);
	assert_string_equal(typist.heard, expected);
}

#define EXPECT(bytes, expected) expect(bytes, sizeof(bytes) - 1, expected)

static void
lines_end_with_lf_or_crlf(void **state)
{
	(void)state;
	EXPECT("one\ntwo\r\nthree", "[one][two]");
	EXPECT("\n\r\n \n", "[][][ ]");
	EXPECT("a\rb\n\r\r\n", "[a\rb][\r]");
}

static void
a_nul_is_a_byte_like_others(void **state)
{
	struct typist typist = { 0 };
	struct chat_line line;
	size_t used;

	(void)state;
	assert_int_equal(
		chat_line_cut(&typist.place, "a\0b\n", 4, &line, &used),
		CHAT_LINE_WHOLE);
	assert_int_equal(line.length, 3);
	assert_int_equal(used, 4);
}

/* "before", a line of LENGTH bytes with END, "after". */
static void
expect_long(size_t length, const char *end, bool refused)
{
	struct typist typist = { 0 };
	char *bytes = malloc(length + 64);
	char *expected = malloc(length + 64);
	size_t n = 0;

	n += (size_t)sprintf(bytes, "before\n");
	memset(bytes + n, 'x', length);
	n += length;
	n += (size_t)sprintf(bytes + n, "%safter\n", end);
	if (refused)
		sprintf(expected, "[before]LONG[after]");
	else
		sprintf(expected, "[before][%.*s][after]", (int)length,
			bytes + 7);
	for (size_t step = 1; step < 4096; step = step * 3 + 1) {
		memset(&typist, 0, sizeof(typist));
		for (size_t i = 0; i < n; i += step)
			type(&typist, bytes + i, n - i < step ? n - i : step);
		assert_string_equal(typist.heard, expected);
	}
	free(bytes);
	free(expected);
}

static void
a_long_line_is_dropped_whole(void **state)
{
	(void)state;
	expect_long(CHAT_LINE, "\n", false);
	expect_long(CHAT_LINE, "\r\n", false);
	expect_long(CHAT_LINE + 1, "\n", true);
	expect_long(CHAT_LINE + 1, "\r\n", true);
	expect_long(100 * CHAT_LINE, "\n", true);
}

static void
telnet_is_taken_out(void **state)
{
	(void)state;
	EXPECT("a\xff\xfd\x06"
	       "b\n",
	       "[ab]");
	EXPECT("\xff\xfb\n\xff\xf4x\n", "[x]");
	EXPECT("a\xff\xfa\x1f\x00\n\x00\x18\xff\xf0z\n", "[az]");
	EXPECT("a\xff\xff"
	       "b\n",
	       "[ab]");
}

/* Bytes that look like the beginning of one do not swallow the rest. */
static void
a_subnegotiation_without_an_end_is_none(void **state)
{
	struct typist typist = { 0 };
	char bytes[200];

	(void)state;
	memset(bytes, 'y', sizeof(bytes));
	memcpy(bytes, "\xff\xfa", 2);
	type(&typist, bytes, sizeof(bytes));
	type(&typist, "\nnext\n", 6);
	assert_non_null(strstr(typist.heard, "[next]"));
}

static void
expect_wrong(const char *text, size_t length, const char *why)
{
	const char *wrong = chat_line_wrong(text, length);

	if (!why)
		assert_null(wrong);
	else
		assert_string_equal(wrong, why);
}

#define EXPECT_WRONG(text, why) expect_wrong(text, sizeof(text) - 1, why)

static void
what_may_be_said(void **state)
{
	static const char utf8[] = "must be UTF-8";
	static const char control[] = "must have no control characters";

	(void)state;
	EXPECT_WRONG("hello, w\xc3\xb6rld \xf0\x9f\x91\x8b", NULL);
	/* Joined with U+200D, as families are. */
	EXPECT_WRONG("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80", NULL);
	EXPECT_WRONG("\xc3", utf8);
	EXPECT_WRONG("\xc0\x80", utf8);
	EXPECT_WRONG("\xed\xa0\x80", utf8);
	EXPECT_WRONG("a\0b", control);
	EXPECT_WRONG("\033[2J", control);
	EXPECT_WRONG("a\tb", control);
	EXPECT_WRONG("a\rb", control);
	EXPECT_WRONG("\x7f", control);
	/* A control sequence in eight bits. */
	EXPECT_WRONG("\xc2\x9b"
		     "2J",
		     control);
	/* U+202E turns what follows around; U+2028 ends a line. */
	EXPECT_WRONG("\xe2\x80\xae"
		     "abc",
		     control);
	EXPECT_WRONG("\xe2\x80\xa8", control);
}

static void
words(void **state)
{
	struct chat_line line = { "  msg  ada  hello there", 23 };
	struct chat_line word;

	(void)state;
	word = chat_line_word(&line);
	assert_int_equal(word.length, 3);
	assert_memory_equal(word.text, "msg", 3);
	word = chat_line_word(&line);
	assert_memory_equal(word.text, "ada", 3);
	assert_int_equal(line.length, 11);
	assert_memory_equal(line.text, "hello there", 11);
	word = chat_line_word(&line);
	word = chat_line_word(&line);
	word = chat_line_word(&line);
	assert_int_equal(word.length, 0);
	assert_true(chat_line_blank("   ", 3));
	assert_true(chat_line_blank("", 0));
	assert_false(chat_line_blank("  x", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_with_lf_or_crlf),
		cmocka_unit_test(a_nul_is_a_byte_like_others),
		cmocka_unit_test(a_long_line_is_dropped_whole),
		cmocka_unit_test(telnet_is_taken_out),
		cmocka_unit_test(a_subnegotiation_without_an_end_is_none),
		cmocka_unit_test(what_may_be_said),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
