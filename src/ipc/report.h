/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report pipe: what a worker tells the master has happened.
 *
 * One pipe a worker.  A record is written whole or not at all (at most
 * PIPE_BUF bytes, non-blocking).  Its end tells the master of a death, and
 * the worker that its master is gone.
 *
 * The reader believes nothing: a record whose length is not the one of its
 * type, or that names another slot or generation than the pipe's own, is
 * refused and counted, and the rest of what was read is dropped.
 */
#ifndef TIMED_IPC_REPORT_H
#define TIMED_IPC_REPORT_H

#include "base/histogram.h"
#include "ipc/scoreboard.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum report_type {
	REPORT_READY = 1, /* serves from now on */
	REPORT_BEAT,	  /* alive; once a second */
	REPORT_DRAINED,	  /* the last connection is gone; exits next */
	REPORT_FAILED,	  /* could not start; text says why */
};

struct report_header {
	uint16_t type;
	uint16_t length; /* of the whole record, bytes */
	uint32_t slot;
	uint32_t generation;
	uint32_t reserved;
};

/* What happened since the last beat that the pipe took. */
struct report_beat {
	struct report_header header;
	struct tally delta; /* all services together */
	uint64_t connections;
	uint64_t lateness_max; /* microseconds */
	uint32_t lateness[HISTOGRAM_BUCKETS];
};

struct report_failed {
	struct report_header header;
	int32_t error;	/* errno */
	char text[252]; /* terminated */
};

union report {
	struct report_header header;
	struct report_beat beat;
	struct report_failed failed;
};

_Static_assert(sizeof(union report) <= PIPE_BUF, "a report is atomic");

/* The worker's end. */
struct report_writer {
	int fd;
	uint32_t slot;
	uint32_t generation;
	uint64_t lost; /* records that the pipe could not take */
};

/* True when the pipe took it; false when it is full (counted) or broken. */
bool report_send(struct report_writer *writer, enum report_type type);
bool report_beat(struct report_writer *writer, struct report_beat *beat);
bool report_failed(struct report_writer *writer, int error, const char *text);

/* The master's end. */
struct report_reader {
	int fd;
	uint32_t slot;
	uint32_t generation;
	uint32_t held; /* bytes of a record that is not whole */
	char bytes[PIPE_BUF];
};

enum report_outcome {
	REPORT_GOT,	/* *report is a valid record */
	REPORT_REFUSED, /* nonsense arrived and was dropped */
	REPORT_EMPTY,	/* nothing more for now */
	REPORT_END,	/* the worker's end is closed */
};

/*
 * Next record.  Strings in it are terminated.  Never blocks, and reads no
 * more than PIPE_BUF bytes ahead.
 */
enum report_outcome report_next(struct report_reader *reader,
				union report *report);

#endif
