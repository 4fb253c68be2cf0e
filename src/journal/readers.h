/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operators who are shown the log: each gets its lines straight from the
 * journal, over the connection that the master passed on (ipc/control.h).
 *
 * What is shown is what is in the file.  A reader has a place in it (tail.h),
 * and at most a block of lines that its connection has not taken: one that
 * stops reading stays where it is, and costs nobody else anything.  Each gets
 * a block an event, and while more records come than are written, one of them
 * does, in turn: writing the log comes first.  When another file
 * takes the place of the one that it reads, it reads that to its end and goes
 * on with the other; when the file is emptied, with what comes then.
 *
 * A line is {"line": "...", "file": "...", "at": 1234}: in which file it ends
 * where.  With these two a reader whose journal died goes on from there with
 * the next one.  "cut" is true when the line goes on in the next object.
 * Where reading begins is told to those who follow, by an object without a
 * line.  One with "gap" says that lines may be missing here, and why.
 */
#ifndef TIMED_JOURNAL_READERS_H
#define TIMED_JOURNAL_READERS_H

#include "base/loop.h"
#include "journal/journal.h"
#include "journal/output.h"
#include "journal/tail.h"

#include <jansson.h>
#include <stdbool.h>

enum {
	READERS_MOST = 24,
	READERS_FOLLOWING = 16, /* of them, who stay */
	/* Bytes of records that wait: there is no time to lose. */
	READERS_PRESSED = 16 * 1024,
	/* A byte becomes four, \xNN, and in JSON five at most. */
	READERS_CLEAN = 4 * TAIL_BLOCK,
	READERS_LINE = 5 * TAIL_BLOCK + 256, /* an object */
	READERS_LINES = READERS_LINE + 2 * TAIL_BLOCK,
};

struct reader;

struct readers {
	struct loop *loop;
	const struct output *output;
	int pipe; /* with the records that are still to be written */
	struct reader *places[READERS_MOST];
	int favoured; /* the place that is served while records press */
	/* While a block is made into objects. */
	char clean[READERS_CLEAN];
	char lines[READERS_LINES];
};

/* PIPE: where records come from, which the readers only look at. */
void readers_open(struct readers *readers, struct loop *loop,
		  const struct output *output, int pipe);

/* Show the log, as REQUEST says, to whom FD leads to; it is the readers'. */
void readers_show(struct readers *readers,
		  const struct journal_request *request, int fd);

/* The file was written to, or is another one now. */
void readers_wake(struct readers *readers);

/* Records were taken from the pipe: while they press, another has its turn. */
void readers_turn(struct readers *readers);

/* The file was emptied. */
void readers_rewind(struct readers *readers);

/*
 * That the log cannot be read or emptied, for the errno ERROR of
 * output_reader() or output_clear().
 */
json_t *readers_refusal(const struct readers *readers, int error);

/*
 * Show what there is, as far as it is taken at once, and let all go.  LAST:
 * no other journal comes; else they may ask that one.
 */
void readers_close(struct readers *readers, bool last);

#endif
