/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The new worker's side of the hand-off: take connections over and serve them
 * under the configuration of this worker.
 *
 * A batch becomes ours with the receipt for it.  A connection whose service or
 * listener is not in the configuration any more is closed, and that is logged.
 * What arrives is checked for its form: an old worker that went mad can give
 * its own connections away badly, and no more than that.
 */
#ifndef TIMED_WORKER_TAKEOVER_H
#define TIMED_WORKER_TAKEOVER_H

#include "base/loop.h"
#include "ipc/handoff.h"
#include "worker/accept.h"
#include "worker/conns.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	TAKEOVER_SOURCES = 256
};

struct takeover;

/* The way from one old worker. */
struct takeover_source {
	struct loop_source source; /* fd -1: there is none */
	struct takeover *takeover;
	uint64_t from; /* pid */
	uint64_t taken;
	uint64_t began; /* CLOCK_MONOTONIC, nanoseconds */
};

struct takeover {
	struct conns *conns;
	struct scoreboard_slot *slot;
	struct instance *instances;
	int instance_count;
	const struct accept_listener *listeners;
	int listener_count;
	/* Connections came, or an old worker has no more. */
	void (*changed)(struct takeover *takeover);
	int open; /* sources */
	struct takeover_source *sources[TAKEOVER_SOURCES];
	struct handoff_batch batch;
	struct census_seats seats[HANDOFF_BATCH]; /* of those in it */
};

void takeover_open(struct takeover *takeover, struct conns *conns,
		   struct scoreboard_slot *slot, struct instance *instances,
		   int instance_count, const struct accept_listener *listeners,
		   int listener_count,
		   void (*changed)(struct takeover *takeover));

/* Take over what comes through FD from the worker with the pid FROM. */
void takeover_begin(struct takeover *takeover, int fd, uint64_t from);

/* Take no more; what has no receipt stays the old workers'. */
void takeover_close(struct takeover *takeover);

#endif
