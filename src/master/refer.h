/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the journal answers: operators who want the log are passed on to it.
 * The master carries none of what it says.
 */
#ifndef TIMED_MASTER_REFER_H
#define TIMED_MASTER_REFER_H

#include "master/context.h"

void refer_log(struct master *master, struct control_peer *peer);
void refer_log_clear(struct master *master, struct control_peer *peer);

#endif
