/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal process: reads records from the log pipe and writes them, one
 * line each, to the log file, to syslog and (in the foreground) to standard
 * error.  It alone may block on a disk or a syslog daemon.
 *
 * Its lines: 2026-11-21T10:02:03.456Z info worker 0[1234]: client connected;
 * service='stream', peer='127.0.0.1:40112', active='12'
 *
 * It ends when the log pipe does, that is, when every writer is gone; then
 * all that was in the pipe is written.  Told to leave, it ends when it holds no
 * part of a record, and leaves the rest in the pipe to the next one.  It
 * reports through `ready` once its outputs are open, and takes messages from
 * the master on `command`.  Operators who want to see the log come through
 * there too, and are answered by it (readers.h).
 */
#ifndef TIMED_JOURNAL_JOURNAL_H
#define TIMED_JOURNAL_JOURNAL_H

#include "base/log.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* Where lines go. */
struct journal_config {
	char file[PATH_MAX]; /* empty: no log file */
	bool syslog;
	bool to_stderr; /* -f; coloured when it is a terminal */
};

/* What the master sends on the command socket (SOCK_SEQPACKET). */
enum journal_order {
	JOURNAL_REOPEN = 1,    /* the file was rotated */
	JOURNAL_CONFIGURE = 2, /* with a new config */
	JOURNAL_LEAVE = 3,     /* another one goes on with the pipe */
	JOURNAL_SHOW = 4,      /* the log to an operator, who comes with it */
	JOURNAL_CLEAR = 5,     /* the log, as an operator wishes: the same */
};

/* What an operator wants; its connection is the descriptor of the message. */
struct journal_request {
	uint32_t lines; /* the last ones */
	bool follow;	/* and those to come */
	bool resume;	/* in their place, those from `at` of `file` on */
	int64_t at;	/* bytes */
	char file[64];	/* as the object of a line called it (tail.h) */
	uint32_t uid;	/* who asks */
	int32_t pid;
};

struct journal_command {
	uint32_t order; /* enum journal_order */
	union {
		struct journal_config config;
		struct journal_request request;
	};
};

/* What it writes to `ready`, once: 0, or an errno and what failed. */
struct journal_ready {
	int32_t error;
	char text[512]; /* "/var/log/timed/timed.log: Permission denied" */
};

struct journal_plan {
	int log_pipe; /* read end */
	int command;  /* SOCK_SEQPACKET from the master */
	int ready;    /* write end of a pipe; closed once it was written to */
	struct journal_config config;
};

/*
 * Be the journal; privileges are dropped already, signals are unblocked by
 * it.  Returns the exit status: 0 once the pipe ended, EX_NOPERM or
 * EX_CANTCREAT for the log file, EX_OSERR or EX_IOERR (sysexits(3)).
 * A log file that cannot be opened is fatal at the start and reported
 * through `ready`; at JOURNAL_REOPEN or JOURNAL_CONFIGURE the old outputs
 * stay, and a line in them says why.
 */
int journal_run(const struct journal_plan *plan);

#endif
