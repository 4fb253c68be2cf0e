/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TIMED_TOOLS_TIMEC_STREAM_H
#define TIMED_TOOLS_TIMEC_STREAM_H

#include "tools/client.h"

/*
 * Print a stream, a line at a time, and tell what happens to the connection.
 * Returns the exit status.
 */
int timec_stream(struct client *client);

#endif
