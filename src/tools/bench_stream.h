/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timebench stream: the main process.  It probes the server, starts the load
 * processes, plans the window, looks at the server at both of its ends and
 * reports.
 */
#ifndef TIMED_TOOLS_BENCH_STREAM_H
#define TIMED_TOOLS_BENCH_STREAM_H

#include "tools/bench.h"

/*
 * Run it and report on standard output.  Returns the exit status: 0 all was
 * right, 1 something was not, EX_UNAVAILABLE nothing listens there, other
 * values of sysexits(3).  Call it once: it changes the signal mask and the
 * limits of the process.
 */
int bench_stream(const struct bench_options *options);

#endif
