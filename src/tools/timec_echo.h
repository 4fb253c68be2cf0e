/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TIMED_TOOLS_TIMEC_ECHO_H
#define TIMED_TOOLS_TIMEC_ECHO_H

#include "tools/client.h"

/*
 * Send standard input to an echo and print what comes back, until all of it
 * has.  Over UDP a line is a datagram.  Returns the exit status.
 */
int timec_echo(struct client *client);

#endif
