/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#include "tools/completion.h"
#include "tools/words.h"

/* " one two " */
static char found[4096];

static void
add(void *context, const char *word)
{
	(void)context;
	strlcat(found, word, sizeof(found));
	strlcat(found, " ", sizeof(found));
}

/* What LINE may become goes to `found`; no timed runs. */
static void
look(const char *line, bool prompt)
{
	const struct operator_options options = { .runtime_dir = "/nowhere" };
	struct completion completion = { .options = &options,
					 .prompt = prompt,
					 .found = add };
	struct words words;

	strcpy(found, " ");
	assert_true(words_split_open(&words, line));
	completion_find(&completion, words.list, words.count);
}

static void
becomes(const char *line, const char *wanted)
{
	look(line, true);
	assert_string_equal(found, wanted);
}

/* Once. */
static void
has(const char *word)
{
	char between[80];
	const char *at;

	snprintf(between, sizeof(between), " %s ", word);
	at = strstr(found, between);
	assert_non_null(at);
	assert_null(strstr(at + 1, between));
}

/* Nobody has to remember it here when there is one more. */
static void
every_command_is_offered(void **state)
{
	(void)state;
	for (int i = 0; i < CONTROL_COUNT; i++) {
		const char *name = control_commands[i].name;
		char first[64];
		const char *blank = strchr(name, ' ');

		strlcpy(first, name, sizeof(first));
		first[strcspn(first, " ")] = '\0';
		look("", false);
		has(first);
		look(name, false);
		has(blank ? blank + 1 : name);
	}
}

static void
by_how_they_begin(void **state)
{
	(void)state;
	becomes("rel", " reload ");
	becomes("xyz", " ");
	becomes("status ", " ");
	becomes("status x", " ");
	becomes("nonsense ", " ");
}

static void
what_the_prompt_does_itself(void **state)
{
	(void)state;
	becomes("qui", " quit ");
	becomes("help rel", " reload ");
	becomes("help qui", " ");
	becomes("help reload ", " ");
	look("qui", false);
	assert_string_equal(found, " ");
	look("hel", false);
	assert_string_equal(found, " help ");
	look("help rel", false);
	assert_string_equal(found, " reload ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_is_offered),
		cmocka_unit_test(by_how_they_begin),
		cmocka_unit_test(what_the_prompt_does_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
