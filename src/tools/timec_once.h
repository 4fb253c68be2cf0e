/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timec daytime and timec time: a question, one answer, and what it means.
 * Both return the exit status.
 */
#ifndef TIMED_TOOLS_TIMEC_ONCE_H
#define TIMED_TOOLS_TIMEC_ONCE_H

#include "tools/client.h"

int timec_daytime(struct client *client);
int timec_time(struct client *client);

#endif
