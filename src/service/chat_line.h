/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to lines: what a chat client typed, however it is cut into
 * packets.
 *
 * A line ends with LF or CR LF.  One that is longer than CHAT_LINE bytes is
 * said to be so as soon as that is known, and the rest of it is dropped; so no
 * more than a line is ever kept while more is awaited.  What a telnet client
 * negotiates (RFC 854) is taken out and not answered: nobody is refused for
 * it, and bytes of 255 are not in UTF-8.
 */
#ifndef TIMED_SERVICE_CHAT_LINE_H
#define TIMED_SERVICE_CHAT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CHAT_LINE = 1024, /* bytes, without its end */
};

/*
 * Where a client's input is.  All zero: at the beginning.  Whatever the bytes
 * are, it is a place: an old worker may have written them.
 */
struct chat_line_place {
	uint8_t telnet;	  /* in the middle of a command */
	uint8_t option;	  /* bytes of that so far */
	uint8_t dropping; /* not 0: in a line that is too long */
};

enum chat_line_got {
	CHAT_LINE_NONE,	 /* its end is still to come */
	CHAT_LINE_WHOLE, /* *line */
	CHAT_LINE_LONG,	 /* it is too long, and dropped */
};

struct chat_line {
	const char *text; /* not terminated */
	size_t length;
};

/*
 * Take telnet's commands out of LENGTH bytes, in place; returns how many are
 * left.
 */
size_t chat_line_strip(struct chat_line_place *place, char *bytes,
		       size_t length);

/*
 * The first line in LENGTH bytes; *USED of them are through with.  After
 * CHAT_LINE_NONE the rest is to be kept, and comes before what arrives next.
 */
enum chat_line_got chat_line_cut(struct chat_line_place *place,
				 const char *bytes, size_t length,
				 struct chat_line *line, size_t *used);

/*
 * Why TEXT may not be said, or NULL: it is UTF-8 without control characters,
 * nor any that turn the direction of what follows.  Shown after "a line ".
 */
const char *chat_line_wrong(const char *text, size_t length);

/* Whether there is nothing in it but spaces. */
bool chat_line_blank(const char *text, size_t length);

/* Take the first word off *LINE, and the spaces around it. */
struct chat_line chat_line_word(struct chat_line *line);

#endif
