/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Becoming a daemon whose launcher knows whether it started.
 *
 * The launching process stays until the daemon says how its start went, and
 * exits with that.  The daemon has the launcher's standard error aside for
 * what keeps it from starting; its own, and so its children's, is /dev/null
 * from the beginning, so that nobody holds a terminal or a pipe open.
 */
#ifndef TIMED_MASTER_START_H
#define TIMED_MASTER_START_H

struct launcher {
	int status;    /* write end of a pipe to the launcher; -1: none */
	int complaint; /* where to say what went wrong */
};

/* In the foreground there is no launcher but the terminal. */
#define LAUNCHER_NONE             \
	(struct launcher)         \
	{                         \
		-1, STDERR_FILENO \
	}

/*
 * Fork into the background.  Returns in the daemon only; the launcher exits
 * in here.  0, or -1 with errno when there was no daemon to be made.
 */
int start_background(struct launcher *launcher);

/* One line, "timed: TEXT", for whoever started it. */
void start_complain(const struct launcher *launcher, const char *text);

/* Let the launcher exit with STATUS, if there is one. */
void start_tell(struct launcher *launcher, int status);

#endif
