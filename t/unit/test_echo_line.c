/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line that ends an echo: whatever is sent, and however it is cut, what
 * comes out is the same.
 */
#include "service/echo_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ROOM = 4096
};

/* One client, and what it got. */
struct client {
	struct echo_line_word word;
	uint32_t place;
	bool over;
	char got[ROOM];
	size_t length;
};

static void
begin(struct client *client, const char *word)
{
	memset(client, 0, sizeof(*client));
	echo_line_word(&client->word, word);
}

static void
append(struct client *client, const char *bytes, size_t length)
{
	assert_true(client->length + length <= ROOM);
	memcpy(client->got + client->length, bytes, length);
	client->length += length;
}

static void
take(struct client *client, const char *bytes, size_t length)
{
	size_t held = echo_line_held(client->place);
	struct echo_line_cut cut;

	assert_false(client->over);
	cut = echo_line_take(&client->word, &client->place, bytes, length);
	assert_true(cut.held == 0 || cut.held == held);
	append(client, client->word.text, cut.held);
	append(client, bytes, cut.length);
	client->over = cut.over;
}

/* The end of file: what is held back comes, too. */
static void
finish(struct client *client)
{
	if (!client->over)
		append(client, client->word.text,
		       echo_line_held(client->place));
}

/* What comes of TEXT, said in a simpler way; whether a line ended it. */
static bool
expected(const char *word, const char *text, size_t length, size_t *echoed)
{
	size_t n = strlen(word), line = 0;

	*echoed = length;
	for (size_t i = 0; i < length && n > 0; i++) {
		size_t end = i;

		if (text[i] != '\n')
			continue;
		if (end > line && end - line == n + 1 && text[end - 1] == '\r')
			end--;
		if (end - line == n && memcmp(text + line, word, n) == 0) {
			*echoed = line;
			return true;
		}
		line = i + 1;
	}
	return false;
}

static void
expect(const struct client *client, const char *word, const char *text,
       size_t length)
{
	size_t echoed;
	bool over = expected(word, text, length, &echoed);

	assert_int_equal(client->over, over);
	assert_int_equal(client->length, echoed);
	assert_memory_equal(client->got, text, echoed);
}

static const char *const texts[] = {
	"exit\n",
	"exit\r\n",
	"exit",
	"exit\r",
	"exit\r\r\n",
	"exit\rexit\n",
	"exi",
	"exi\nexit\n",
	"a\nexit\nb\n",
	"a\nexit\r\nb\n",
	"exit now\nexit\n",
	" exit\nexit \nexitexit\nexit\n",
	"eexit\nexit\n",
	"\nexit\n",
	"\r\nexit\n",
	"\n\r\n\n",
	"no exit\nexit",
	"Exit\nEXIT\nexit\nexit\n",
	"",
};

enum {
	TEXTS = sizeof(texts) / sizeof(*texts)
};

/* Each bit of CUTS: whether there is one after that byte. */
static void
cut_up(const char *word, const char *text, size_t length, uint32_t cuts)
{
	struct client client;
	size_t from = 0;

	begin(&client, word);
	for (size_t i = 1; i <= length && !client.over; i++)
		if (i == length || cuts >> (i - 1) & 1) {
			take(&client, text + from, i - from);
			from = i;
		}
	finish(&client);
	expect(&client, word, text, length);
}

static void
cuts_change_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < TEXTS; i++) {
		size_t length = strlen(texts[i]);
		size_t cuts = length > 1 ? length - 1 : 0;

		if (cuts > 15)
			cuts = 15;
		for (uint32_t k = 0; k < UINT32_C(1) << cuts; k++) {
			cut_up("exit", texts[i], length, k);
			cut_up("", texts[i], length, k);
			cut_up("e", texts[i], length, k);
		}
	}
}

/* Random texts of the letters that matter, in random pieces. */
static void
nor_do_random_ones(void **state)
{
	static const char letters[] = "exit\r\nexit\n.";
	static const char *const words[] = { "exit", "x", "ee", "i t", "" };
	char text[300];

	(void)state;
	srandom(6);
	for (int round = 0; round < 20000; round++) {
		const char *word = words[random() % 5];
		size_t length = (size_t)random() % sizeof(text), from = 0;
		struct client client;

		for (size_t i = 0; i < length; i++)
			text[i] = letters[(size_t)random() %
					  (sizeof(letters) - 1)];
		begin(&client, word);
		while (from < length && !client.over) {
			size_t part = 1 + (size_t)random() % (length - from);

			if (random() % 2)
				part = 1;
			take(&client, text + from, part);
			from += part;
		}
		finish(&client);
		expect(&client, word, text, length);
	}
}

static void
no_byte_waits_for_longer_than_it_takes_to_tell(void **state)
{
	struct client client;

	(void)state;
	begin(&client, "exit");
	take(&client, "e", 1);
	take(&client, "xit", 3);
	take(&client, "\r", 1);
	assert_int_equal(client.length, 0);
	assert_int_equal(echo_line_held(client.place), 5);
	take(&client, "x", 1);
	assert_int_equal(client.length, 6);
	assert_memory_equal(client.got, "exit\rx", 6);
	/* In the middle of a line nothing is held. */
	take(&client, "exit", 4);
	assert_int_equal(client.length, 10);
	assert_int_equal(echo_line_held(client.place), 0);
	take(&client, "\nex", 3);
	assert_int_equal(client.length, 11);
	assert_int_equal(echo_line_held(client.place), 2);
	take(&client, "a", 1);
	assert_int_equal(client.length, 14);
}

/* NUL, too. */
static void
any_byte_is_one_like_others(void **state)
{
	char text[512];
	struct client client;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	begin(&client, "exit");
	take(&client, text, sizeof(text));
	finish(&client);
	expect(&client, "exit", text, sizeof(text));
}

static void
the_longest_word_is_found(void **state)
{
	char word[ECHO_LINE_WORD + 1], text[ECHO_LINE_WORD + 3];
	struct client client;

	(void)state;
	memset(word, 'w', ECHO_LINE_WORD);
	word[ECHO_LINE_WORD] = '\0';
	memset(text, 'w', ECHO_LINE_WORD);
	memcpy(text + ECHO_LINE_WORD, "\r\n", 3);
	begin(&client, word);
	for (size_t i = 0; text[i]; i++)
		take(&client, text + i, 1);
	assert_true(client.over);
	assert_int_equal(client.length, 0);
}

/* Where a line begins is known without a word, for one that is set later. */
static void
a_word_that_is_set_later_is_found(void **state)
{
	struct client client;

	(void)state;
	begin(&client, "");
	take(&client, "abc", 3);
	assert_int_equal(client.place, ECHO_LINE_OTHER);
	take(&client, "abc\n", 4);
	assert_int_equal(client.place, ECHO_LINE_BEGIN);
	echo_line_word(&client.word, "exit");
	take(&client, "exit\n", 5);
	assert_true(client.over);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_change_nothing),
		cmocka_unit_test(nor_do_random_ones),
		cmocka_unit_test(
			no_byte_waits_for_longer_than_it_takes_to_tell),
		cmocka_unit_test(any_byte_is_one_like_others),
		cmocka_unit_test(the_longest_word_is_found),
		cmocka_unit_test(a_word_that_is_set_later_is_found),
	};

	return cmocka_run_group_tests_name("echo_line", tests, NULL, NULL);
}
