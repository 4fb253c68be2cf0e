/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker that went mad does to the listening sockets is done to those
 * of all: made blocking, shut, or deaf.  It outlives the worker, so the master
 * looks for it once a second.
 *
 * A unix socket that was shut stays so: there is no way back but a new one.
 */
#ifndef TIMED_MASTER_MEND_H
#define TIMED_MASTER_MEND_H

#include "master/listeners.h"

/* Have all be non-blocking, and those that are not paused hear clients. */
void mend_listeners(const struct listeners *listeners);

#endif
