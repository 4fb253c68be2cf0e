/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/words.h"

#include <stdio.h>
#include <string.h>

static const char blanks[] = " \t\r\n\v\f";

static bool
fail(char *error, size_t size, const char *text)
{
	snprintf(error, size, "%s", text);
	return false;
}

/*
 * Copy the word at FROM to *TO, with a NUL, without its quotes.  Where it ends,
 * or NULL when a quote does not; then all of it was copied.
 */
static const char *
copy_word(const char *from, char **to)
{
	char quote = '\0';

	for (; *from && (quote || !strchr(blanks, *from)); from++) {
		if (quote ? *from == quote : *from == '\'' || *from == '"')
			quote = quote ? '\0' : *from;
		else
			*(*to)++ = *from;
	}
	*(*to)++ = '\0';
	return quote ? NULL : from;
}

bool
words_split(struct words *words, const char *line, char *error, size_t size)
{
	char *to = words->bytes;

	words->count = 0;
	words->list[0] = NULL;
	/* What is taken out of it never grows. */
	if (strlen(line) >= sizeof(words->bytes))
		return fail(error, size, "the line is too long");
	while (*(line += strspn(line, blanks)) && *line != '#') {
		if (words->count == WORDS_MOST)
			return fail(error, size, "too many words");
		words->list[words->count++] = to;
		words->list[words->count] = NULL;
		line = copy_word(line, &to);
		if (!line)
			return fail(error, size, "a quote does not end");
	}
	return true;
}

bool
words_split_open(struct words *words, const char *line)
{
	size_t length = strlen(line);
	bool after_blank = length == 0 || strchr(blanks, line[length - 1]);
	char error[64];

	if (!words_split(words, line, error, sizeof(error)))
		/* The quote is one that goes on. */
		return words->count > 0 && words->count < WORDS_MOST;
	if (!after_blank)
		return words->count > 0;
	if (words->count == WORDS_MOST)
		return false;
	words->bytes[sizeof(words->bytes) - 1] = '\0';
	words->list[words->count++] = &words->bytes[sizeof(words->bytes) - 1];
	words->list[words->count] = NULL;
	return true;
}
