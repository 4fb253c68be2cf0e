/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One load process: its share of the connections, from connect to reset.
 *
 * It connects in batches, says that it is ready, checks every tick until the
 * window is over, says so, and resets its connections when it is told to.
 */
#ifndef TIMED_TOOLS_BENCH_LOAD_H
#define TIMED_TOOLS_BENCH_LOAD_H

#include "tools/bench.h"
#include "tools/bench_crew.h"

/* The share of one process, and its ways to the main process. */
struct bench_share {
	uint32_t first; /* the number of its first connection */
	uint32_t connections;
	uint32_t unread;
	struct crew_ends ends;
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
