/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names and passwords: what may be one, and which two are the same.
 */
#include "base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name
good(const char *text)
{
	struct name name;
	const char *wrong = name_parse(text, strlen(text), &name);

	if (wrong)
		fail_msg("\"%s\": a name %s", text, wrong);
	return name;
}

static void
assert_bad(const char *bytes, size_t length, const char *wanted)
{
	struct name name;
	const char *wrong = name_parse(bytes, length, &name);

	assert_non_null(wrong);
	assert_string_equal(wrong, wanted);
}

static void
letters_digits_and_three_marks_are_names(void **state)
{
	(void)state;
	assert_string_equal(good("ada").text, "ada");
	assert_string_equal(good("Ada_L-1.x").text, "Ada_L-1.x");
	assert_string_equal(good("7").text, "7");
	assert_string_equal(good("Żółć").text, "Żółć");
	assert_string_equal(good("名前").text, "名前");
	/* Devanagari needs its vowel signs, which are marks. */
	assert_string_equal(good("हिन्दी").text, "हिन्दी");
}

static void
what_else_there_is_is_none(void **state)
{
	static const char *const others[] = {
		"a b",	    " a",	"a\n",	      "a\tb",	  "a\033[1m",
		"a/b",	    "a:b",	"<a>",	      "a\u200bb", "a\u202eb",
		"a\u00a0b", "a\u3164",	"a\u115fb",   "a\ufe0f",  "\u0301a",
		"-\u0301a", "a\u034fb", "\U0001f600", "a\u00adb",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_bad(others[i], strlen(others[i]),
			   "is made of letters, digits, _ - and .");
	assert_bad("a\0b", 3, "is made of letters, digits, _ - and .");
	assert_bad("", 0, "has at least one letter or digit");
	assert_bad("_-.", 3, "has at least one letter or digit");
}

static void
bytes_that_are_no_utf_8_are_none(void **state)
{
	(void)state;
	assert_bad("a\xff", 2, "must be UTF-8");
	assert_bad("\xc3", 1, "must be UTF-8");
	assert_bad("\xed\xa0\x80", 3, "must be UTF-8");
	assert_bad("\xc0\xaf", 2, "must be UTF-8");
}

static void
there_are_at_most_32_characters(void **state)
{
	char text[4 * 33 + 1] = "";
	char *many = malloc(1 << 20);

	(void)state;
	for (int i = 0; i < 32; i++)
		strcat(text, "\U00020000");
	assert_string_equal(good(text).text, text);
	strcat(text, "a");
	assert_bad(text, strlen(text), "has at most 32 characters");
	memset(text, 'a', 33);
	assert_bad(text, 33, "has at most 32 characters");
	good("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	memset(many, 'a', 1 << 20);
	assert_bad(many, 1 << 20, "has at most 32 characters");
	free(many);
	/* One character that is eighteen, in full. */
	assert_bad("\ufdfa\ufdfa", 6, "is made of letters, digits, _ - and .");
}

static void
assert_same(const char *one, const char *other)
{
	assert_string_equal(good(one).key, good(other).key);
}

static void
two_spellings_are_one_name(void **state)
{
	(void)state;
	assert_string_equal(good("Andr\u00e9").text, good("Andre\u0301").text);
	assert_same("Andr\u00e9", "Andre\u0301");
	assert_same("ada", "ADA");
	assert_same("stra\u00dfe", "STRASSE");
	assert_same("\u0391\u03a3", "\u03b1\u03c2");
	assert_same("\uff41\uff44\uff41", "ada"); /* full width */
	assert_same("\ufb01n", "fin");
	assert_string_not_equal(good("ada").key, good("adb").key);
}

static void
what_name_parse_made_is_a_name(void **state)
{
	static const char *const names[] = {
		"Andre\u0301", "\uff21da", "\ufb01n",	   "\u0130x",
		"\u1e9e",      "\u0390",   "\u03d2\u0301",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct name once = good(names[i]);
		struct name twice = good(once.text);

		assert_string_equal(once.text, twice.text);
		assert_string_equal(once.key, twice.key);
	}
}

static void
passwords_have_rules(void **state)
{
	struct name name = good("adalovelace");
	char text[300];

	(void)state;
	memset(text, 'x', sizeof(text));
#define CHECK(bytes) name_check_password(&name, bytes, strlen(bytes))
	assert_null(CHECK("correct horse"));
	assert_null(CHECK("12345678"));
	assert_null(CHECK("\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\u00fc\u00df"));
	assert_null(name_check_password(&name, text, 255));
	assert_string_equal(name_check_password(&name, text, 256),
			    "has at most 255 bytes");
	assert_string_equal(CHECK("1234567"), "has at least 8 characters");
	assert_string_equal(CHECK("\u00e4\u00f6\u00fc\u00df\u00e4\u00f6\u00fc"),
			    "has at least 8 characters");
	assert_string_equal(CHECK("AdaLovelace"), "must not be the name");
	assert_string_equal(CHECK("12345678\t"), "has no control characters");
	assert_string_equal(name_check_password(&name, "1234567\0", 8),
			    "has no control characters");
	assert_string_equal(CHECK("1234567\xff"), "must be UTF-8");
	assert_string_equal(CHECK(""), "has at least 8 characters");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_digits_and_three_marks_are_names),
		cmocka_unit_test(what_else_there_is_is_none),
		cmocka_unit_test(bytes_that_are_no_utf_8_are_none),
		cmocka_unit_test(there_are_at_most_32_characters),
		cmocka_unit_test(two_spellings_are_one_name),
		cmocka_unit_test(what_name_parse_made_is_a_name),
		cmocka_unit_test(passwords_have_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
