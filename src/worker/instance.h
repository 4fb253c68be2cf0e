/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service in a worker: begun before its first client, ended after its last.
 */
#ifndef TIMED_WORKER_INSTANCE_H
#define TIMED_WORKER_INSTANCE_H

#include "worker/service.h"

#include <stdbool.h>

struct conns;
struct keeping;
struct scoreboard_slot;

/*
 * Begin: INSTANCE serves as CONFIG says, counts in SLOT and has its
 * connections among CONNS; KEEPING is for a service that wants it.  0, or -1
 * with errno.
 */
int instance_start(struct instance *instance,
		   const struct service_config *config, struct conns *conns,
		   struct keeping *keeping, struct scoreboard_slot *slot);

/* End what instance_start() began.  TICKING: ticker_stop() was not called. */
void instance_stop(struct instance *instance, bool ticking);

/* The worker stops: end all its connections in order. */
void instance_end(struct instance *instance);

/* The same: close them; those alone that are through, if SETTLED_ONLY. */
void instance_close(struct instance *instance, bool settled_only);

#endif
