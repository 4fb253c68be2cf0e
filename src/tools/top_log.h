/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last lines of the log, for `timedctl top`: asked of timed, and followed.
 *
 * When timed refuses, that is what is shown, and it is not asked again; when
 * the connection ends, as it does when timed or its journal is another one, it
 * is asked anew at the next check.
 */
#ifndef TIMED_TOOLS_TOP_LOG_H
#define TIMED_TOOLS_TOP_LOG_H

#include "base/loop.h"
#include "tools/asking.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
	TOP_LOG_LINES = 200 /* that are kept */
};

struct top_log {
	struct loop_source source;
	struct loop *loop;
	const char *runtime_dir;
	struct asking asking;
	pid_t asked;  /* the timed that was asked; 0: none */
	pid_t refuse; /* the one that refused; 0: none */
	bool fresh;   /* what is kept is of the connection before */
	int count;
	char *lines[TOP_LOG_LINES]; /* the newest is the last one */
	char problem[256];	    /* why there are none; or "" */
};

void top_log_open(struct top_log *log, struct loop *loop,
		  const char *runtime_dir);

/* PID is the timed that runs, 0: none does.  Ask it, if that is to be done. */
void top_log_check(struct top_log *log, pid_t pid);

void top_log_close(struct top_log *log);

#endif
