/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `timedctl top`: what timed is doing, live.
 *
 * It looks at the scoreboard once in a while and shows what changed since it
 * looked last.  When timed goes away it says so, and goes on when one is there
 * again; when there is none at the start, that is an error.
 */
#ifndef TIMED_TOOLS_TOP_H
#define TIMED_TOOLS_TOP_H

#include "tools/operator.h"

/*
 * Until a key or a signal ends it; with JSON, an object of status a second,
 * until a signal does or nobody reads them.  Returns the exit status.
 */
int top_run(const struct operator_options *options);

#endif
