/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status process: the page that operators look at, and the metrics that
 * Prometheus collects, over HTTP.
 *
 * It reads the scoreboard and asks the kernel how the clock is; nothing else
 * of timed is within its reach, and nothing of timed waits for it.  What is
 * slow, malformed or too much costs this process and nobody else.
 */
#ifndef TIMED_STATUS_STATUS_H
#define TIMED_STATUS_STATUS_H

#include "base/log.h"
#include "ipc/scoreboard.h"
#include "sandbox/sandbox.h"

enum {
	STATUS_LISTENERS = SCOREBOARD_PAGES,
};

struct status_plan {
	const struct scoreboard *scoreboard; /* the master's */
	int command; /* its end, or any byte, says: leave */
	int log;     /* write end of the log pipe */
	int history; /* see status/history.h */
	int listeners[STATUS_LISTENERS];
	int listener_count;
	int connections; /* at most */
	enum log_level log_level;
	unsigned log_rate;
	struct sandbox_identity identity;
	const char *root; /* the only directory, or NULL */
};

/* Whether this timed can have one: it was built with libmicrohttpd. */
bool status_possible(void);

/*
 * Be it until told to leave, or the master is gone.  Right after fork(2);
 * closes all that is not in PLAN, gives up privileges.  Returns the exit
 * status.
 */
int status_run(const struct status_plan *plan);

#endif
