/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line that ends an echo, however its bytes are cut into packets.
 *
 * A line is what is between two LFs, without a CR before the second one.  What
 * may still become the one that is looked for is held back: the beginning of a
 * line, as long as it is a beginning of that line.  So no more is ever held
 * than the word and a CR, all of it is known from the word and its number of
 * bytes, and nobody who types something else waits for longer than the first
 * byte that tells.
 */
#ifndef TIMED_SERVICE_ECHO_LINE_H
#define TIMED_SERVICE_ECHO_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ECHO_LINE_WORD = 63, /* bytes, at most */
};

/* Made by echo_line_word(). */
struct echo_line_word {
	uint32_t length;	       /* 0: no line is looked for */
	char text[ECHO_LINE_WORD + 1]; /* with a CR after it */
};

/* Where a client is: so many bytes of a line are held back. */
enum {
	ECHO_LINE_BEGIN = 0,
	ECHO_LINE_OTHER = UINT16_MAX, /* in a line that is another one */
};

/* TEXT has at most ECHO_LINE_WORD bytes, and neither CR nor LF. */
void echo_line_word(struct echo_line_word *word, const char *text);

/* How many bytes are held back of a client at PLACE: the word's first ones. */
size_t echo_line_held(uint32_t place);

/* What becomes of bytes that arrived; the rest of them is held back. */
struct echo_line_cut {
	size_t held;   /* bytes held back till now that are to be echoed */
	size_t length; /* and after them so many of those that arrived */
	bool over;     /* then came the line that is looked for */
};

/* LENGTH bytes arrived of the client at *PLACE. */
struct echo_line_cut echo_line_take(const struct echo_line_word *word,
				    uint32_t *place, const char *bytes,
				    size_t length);

#endif
