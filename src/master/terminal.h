/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timed -C: one terminal shows the log and takes commands.
 *
 * The process that was started becomes timedctl, with its prompt, and whoever
 * started it waits for that.  Its child goes on as timed in the foreground, in
 * a session of its own, so that keys signal timedctl alone; its standard error
 * is a pipe that timedctl reads.
 *
 * When nobody has the other end of that pipe any more, timedctl is gone,
 * however it went, and timed stops.  Nothing else is needed to know that, so it
 * holds over an upgrade too.
 */
#ifndef TIMED_MASTER_TERMINAL_H
#define TIMED_MASTER_TERMINAL_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct terminal {
	struct loop_source source; /* fd -1: nobody is watched */
	struct loop *loop;
	void (*gone)(void *context);
	void *context;
};

/*
 * Part: returns in the process that is to be timed, 0, or -1 with one line of
 * text in ERROR.  timedctl is the one that lies beside this program, or else
 * the installed one; it is told RUNTIME_DIR.
 */
int terminal_start(const char *runtime_dir, char *error, size_t size);

/* In timed: call GONE once timedctl is gone.  0, or -1 with errno. */
int terminal_watch(struct terminal *terminal, struct loop *loop,
		   void (*gone)(void *context), void *context);

void terminal_close(struct terminal *terminal);

#endif
