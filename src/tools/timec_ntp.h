/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timec ntp: how far the clocks are apart, in one sample or several, and what
 * the server says of its own.  Returns the exit status.
 */
#ifndef TIMED_TOOLS_TIMEC_NTP_H
#define TIMED_TOOLS_TIMEC_NTP_H

#include "tools/client.h"

int timec_ntp(struct client *client);

#endif
