/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where lines go: the log file, standard error and syslog.
 *
 * Lines for the file and for standard error are gathered until
 * output_flush(), so that many of them cost one write(2); syslog gets each at
 * once.  The file and standard error fail apart from each other.  Neither
 * ends the process: a line that could not be written is counted, the next
 * one is tried again, and when that works a line goes first that says how
 * many are missing and why.  A line that was cut in two is counted too, and
 * the one after it begins on a line of its own.
 *
 * Everything here may block.  SIGPIPE and SIGXFSZ must be ignored.
 */
#ifndef TIMED_JOURNAL_OUTPUT_H
#define TIMED_JOURNAL_OUTPUT_H

#include "journal/journal.h"
#include "journal/line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OUTPUT_BATCH = 128 * 1024, /* bytes that are gathered */
	OUTPUT_DECORATION = 16,	   /* bytes that a style adds to a line */
};

enum output_style {
	OUTPUT_PLAIN,
	OUTPUT_COLOUR,	/* a terminal's */
	OUTPUT_SYSTEMD, /* "<N>" for the level, and no time */
};

struct output_stream {
	int fd; /* -1: off */
	enum output_style style;
	bool torn;     /* what was written last is no whole line */
	int reason;    /* the errno of the last failure */
	uint64_t lost; /* lines, not yet said */
	size_t used;
	char bytes[OUTPUT_BATCH + LINE_BYTES + OUTPUT_DECORATION];
};

struct output {
	struct journal_config config;
	struct line line;
	struct output_stream file;
	unsigned opened;	       /* times that it became another */
	struct output_stream terminal; /* standard error */
};

/* Open what CONFIG names.  0, or -1 with errno when the file cannot be. */
int output_open(struct output *output, const struct journal_config *config);

/* Flush, and close everything. */
void output_close(struct output *output);

void output_record(struct output *output, const struct log_parsed *record);

void output_flush(struct output *output);

/*
 * Open the file anew, because it was renamed.  When that fails the old one
 * stays open and is told why.
 */
void output_reopen(struct output *output);

/* Take on CONFIG; when its file cannot be opened, all stays as it was. */
void output_configure(struct output *output,
		      const struct journal_config *config);

/*
 * Empty the file; the first line in it then says that UID did so, in the
 * process PID, and how many bytes it had, which go to *BYTES.  0, or -1 with
 * errno, as of output_reader(): then it is as it was.
 */
int output_clear(struct output *output, uint32_t uid, int32_t pid,
		 uint64_t *bytes);

/*
 * A descriptor of the log file, which is written to now, to read it by.  -1
 * with errno: ENOENT when there is no log file, ESPIPE when it is no file that
 * keeps what is written.
 */
int output_reader(const struct output *output);

/* Whether FD has the file open that is written to now. */
bool output_writes(const struct output *output, int fd);

/* Make a record of the journal's own, for output_record(). */
void output_own(struct log_parsed *record, enum log_level level,
		const char *description);

/* Add a tag to it; VALUE must stay until the record was written. */
void output_own_tag(struct log_parsed *record, const char *name,
		    const char *value);

#endif
