/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator's program says, line by line into the log.
 *
 * The program writes into a pipe, and all is bounded: how much is read at once
 * and in a second, so that one that writes without end waits instead of the
 * master; how long a line can be, of which the rest is counted; how many lines
 * of one run are logged.  Newlines and NULs end lines; empty ones are passed
 * over.  Nothing here ends the program.
 */
#ifndef TIMED_MASTER_HOOK_OUTPUT_H
#define TIMED_MASTER_HOOK_OUTPUT_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	HOOK_LINE_BYTES = 1000,
	HOOK_LINES = 1000, /* of one run, that are logged */
	HOOK_BYTES_A_SECOND = 1 << 20,
};

struct hook_output {
	struct loop_source source; /* -1: closed */
	struct loop *loop;
	const char *name; /* of the hook */
	pid_t pid;
	bool resting;	   /* it said enough for this second */
	size_t budget;	   /* bytes that it may still say in it */
	uint64_t lines;	   /* that it said */
	uint64_t left_out; /* of those, not logged */
	uint64_t cut;	   /* bytes of this line that found no room */
	size_t length;
	char line[HOOK_LINE_BYTES];
};

/*
 * Listen to FD, non-blocking, which is closed in the end: what comes is from
 * the run PID of the hook NAME.  The rest of OUTPUT is zero, or what was
 * carried over.  0, or -1 with errno; then FD is the caller's still.
 */
int hook_output_open(struct hook_output *output, struct loop *loop, int fd);

/* Another second: it may say more. */
void hook_output_refill(struct hook_output *output);

/*
 * The program is gone: log what waits in the pipe, and close it, whoever has
 * the other end.
 */
void hook_output_finish(struct hook_output *output);

#endif
