/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operators may have done: for each command of ipc/control.h that is not
 * timedctl's own, the function that does it.
 */
#ifndef TIMED_MASTER_OPERATE_H
#define TIMED_MASTER_OPERATE_H

#include "master/context.h"

/* PEER, an operator of MASTER (a struct master), asks for something. */
void operate(void *master, struct control_peer *peer);

#endif
