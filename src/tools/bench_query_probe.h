/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TIMED_TOOLS_BENCH_QUERY_PROBE_H
#define TIMED_TOOLS_BENCH_QUERY_PROBE_H

#include "tools/bench_query.h"

/*
 * The first request: whether anybody answers, and what answers look like.
 * Fills in the address and the rule of PLAN.  Blocks, for BENCH_PATIENCE_MS at
 * most for each address.  0; or -1, having said why on standard error.
 */
int query_probe(const struct bench_options *options, struct query_plan *plan);

#endif
