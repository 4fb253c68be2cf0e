/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line that somebody typed, as words: blanks part them, '...' and "..."
 * keep what is between them together, and # at the beginning of a word makes
 * the rest a comment.  Nothing else is special.
 */
#ifndef TIMED_TOOLS_WORDS_H
#define TIMED_TOOLS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	WORDS_MOST = 32,
	WORDS_BYTES = 4096 /* of a line, with a NUL */
};

struct words {
	int count;
	char *list[WORDS_MOST + 1]; /* and a NULL behind them */
	char bytes[WORDS_BYTES];
};

/*
 * The words of LINE.  False with one line of text in ERROR: too long, too many,
 * a quote that does not end.
 */
bool words_split(struct words *words, const char *line, char *error,
		 size_t size);

/*
 * The same of a LINE that is being typed: its last word, which may be empty,
 * is the one that goes on.
 */
bool words_split_open(struct words *words, const char *line);

#endif
