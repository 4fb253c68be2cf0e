/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One load process: its share of the connections, from connect to reset.
 *
 * It connects in batches, says on a pipe that it is ready, checks every tick
 * until the window is over, says so, and resets its connections when it is
 * told to.  It is told by gates: pipes that nobody writes to, and that open
 * when the main process closes its end, or is gone.
 */
#ifndef TIMED_TOOLS_BENCH_LOAD_H
#define TIMED_TOOLS_BENCH_LOAD_H

#include "tools/bench.h"

enum bench_gate {
	GATE_GO,      /* the window is planned */
	GATE_STOP,    /* the window ends before its time */
	GATE_RELEASE, /* reset the connections and exit */
	GATES,
};

/* The share of one process, and its ways to the main process. */
struct bench_share {
	uint32_t first; /* the number of its first connection */
	uint32_t connections;
	uint32_t unread;
	int gates[GATES]; /* the ends to read */
	int report;	  /* a pipe: a byte when ready, a byte when over */
	/* The connection that the probe made, for the first; or -1. */
	int probe_fd;
	struct sequence probe;
};

/*
 * Bear the load until GATE_RELEASE opens.  Returns the exit status of the
 * process: 0, or EX_OSERR when it could not even begin.
 */
int bench_load(const struct bench_plan *plan, const struct bench_share *share,
	       struct bench_result *result);

#endif
