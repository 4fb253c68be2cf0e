/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A record of the log as text.
 *
 * The text is evtlog's, "description; name='value', name2='value2'", or with
 * no tags "description;".  Built without evtlog it is the same to the byte,
 * because nothing is left for evtlog to escape: control bytes, bytes that are
 * no UTF-8, backslashes, and what ends a description, a name or a value are
 * \xNN already.  To read a line back: split it at "; ", "='" and "', ", then
 * undo every \xNN.
 */
#ifndef TIMED_JOURNAL_LINE_H
#define TIMED_JOURNAL_LINE_H

#include "base/log.h"

#include <stddef.h>

/* A byte of a record becomes four at most; its head and quotes are added. */
enum {
	LINE_BYTES = 4 * LOG_RECORD_MAX + 1024
};

/* One escaped record, and the line that it makes. */
struct line {
	void *events; /* evtlog's context, kept from line_open() on */
	enum log_level level;
	int tags;
	const char *description;
	const char *names[LOG_TAGS_MAX + 1]; /* and for syslog, who wrote it */
	const char *values[LOG_TAGS_MAX + 1];
	size_t body;   /* where the level begins, after the time */
	size_t length; /* without a newline */
	size_t used;
	char bytes[LINE_BYTES];
	char escaped[LINE_BYTES]; /* what the pointers point into */
};

/* Begin; there is one in a process, and it is used for line after line. */
void line_open(struct line *line);

/* Make the line of RECORD, in the place of the one before. */
void line_make(struct line *line, const struct log_parsed *record);

/*
 * Send the line that was made to syslog: its text and, because syslog knows
 * only the journal's pid, the tag from='worker 0[1234]'.  Blocks.
 */
void line_syslog(struct line *line);

void line_close(struct line *line);

/*
 * LENGTH bytes of TEXT, in which a file may have anything, as a line of the log
 * has them: control bytes and bytes that are no UTF-8 become \xNN.  TO has room
 * for four times as many; text[LENGTH] is there, and stays what it is.  How
 * many bytes it became.
 */
size_t line_clean(char *to, char *text, size_t length);

#endif
