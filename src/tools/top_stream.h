/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `timedctl -j top`: what `timedctl -j status` says, once a second, a line
 * each.  While timed is not there, the lines are refusals.
 */
#ifndef TIMED_TOOLS_TOP_STREAM_H
#define TIMED_TOOLS_TOP_STREAM_H

#include "tools/operator.h"

/* Until nobody reads them any more; the exit status. */
int top_stream(const struct operator_options *options);

#endif
