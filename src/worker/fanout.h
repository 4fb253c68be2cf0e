/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One message to many connections.
 */
#ifndef TIMED_WORKER_FANOUT_H
#define TIMED_WORKER_FANOUT_H

#include "worker/message.h"
#include "worker/service.h"

#include <stdint.h>

/*
 * Send MESSAGE, which is due at BOUNDARY (CLOCK_REALTIME, nanoseconds), to
 * every connection of INSTANCE but those whose mark is BOUNDARY already:
 * they have seen it.  Counts what was sent and what was skipped, and how
 * late it went out.
 */
void fanout_tick(struct instance *instance, struct message *message,
		 int64_t boundary);

/* The same for one connection, which may be closed by it. */
void fanout_one(struct conn *conn, struct message *message, int64_t boundary);

#endif
