/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first connection: whether anybody listens, and what its records look
 * like.  It goes on as the first connection of the load.
 */
#ifndef TIMED_TOOLS_BENCH_PROBE_H
#define TIMED_TOOLS_BENCH_PROBE_H

#include "tools/bench.h"

/*
 * Connect to the target and read until a record is whole.  Fills in the
 * address and the rule of PLAN, and SEQUENCE with that record.  Blocks, for
 * BENCH_PATIENCE_MS at most for each of the two.
 *
 * Returns the connected socket; or -1, having said why on standard error.
 */
int bench_probe(const struct bench_options *options, struct bench_plan *plan,
		struct sequence *sequence);

#endif
