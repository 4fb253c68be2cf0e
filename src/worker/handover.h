/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The old worker's side of the hand-off: pass every connection on.
 *
 * Each successor is at the other end of a handoff socket (ipc/handoff.h).
 * They get the same share each, in batches, a few of which may be under way
 * at a time; between them the loop goes on, so that ticks are sent to whoever
 * is still here.  A successor that dies, refuses or does not answer for
 * STALL is let go, and what it had no receipt for goes to the others.  While
 * there is no successor, connections are served here as before: the master
 * sends another one, or makes an end to it.
 */
#ifndef TIMED_WORKER_HANDOVER_H
#define TIMED_WORKER_HANDOVER_H

#include "base/loop.h"
#include "base/timer.h"
#include "ipc/handoff.h"
#include "worker/conns.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	HANDOVER_LINKS = 128, /* two generations of successors */
	HANDOVER_WINDOW = 4,  /* batches under way to one successor */
	HANDOVER_OFFERED = HANDOVER_WINDOW * HANDOFF_BATCH,
};

struct handover;

/* The way to one successor. */
struct handover_link {
	struct loop_source source; /* fd -1: there is none */
	struct handover *handover;
	uint64_t generation;
	uint64_t waiting_since; /* for a receipt; CLOCK_MONOTONIC, ns */
	uint64_t given;		/* connections that are its own now */
	int offered;		/* connections under way: without a receipt */
	int batches;		/* that these are in */
	int counts[HANDOVER_WINDOW];
};

struct handover {
	struct conns *conns;
	struct instance *instances;
	int instance_count;
	struct handover_link links[HANDOVER_LINKS];
	struct timer pulse; /* while connections are left */
	bool open;
	uint64_t generation; /* of those who get connections */
	uint64_t began;	     /* CLOCK_MONOTONIC, nanoseconds */
	uint64_t settled;    /* the same: the last receipt */
	uint64_t given;
	struct handoff_batch batch;
	char state[HANDOFF_STATE]; /* of the connection being added */
	/* By link, what is under way, oldest first. */
	struct conn *offered[HANDOVER_LINKS][HANDOVER_OFFERED];
};

/* 0, or -1 with errno.  Nothing is handed over yet. */
int handover_open(struct handover *handover, struct conns *conns,
		  struct instance *instances, int instance_count);

/*
 * Pass connections to the workers at the other ends of FDS, which become the
 * handover's, and to nobody of an earlier GENERATION any more.
 */
void handover_begin(struct handover *handover, uint64_t generation,
		    const int *fds, int count);

/* Connections are here that were not: pass them on, too. */
void handover_continue(struct handover *handover);

/* Whether connections are under way, which are nobody's for certain. */
bool handover_under_way(const struct handover *handover);

/*
 * Whether a successor may have still to do something about what it sent a
 * receipt for: it counts it over all workers.
 */
bool handover_settling(const struct handover *handover);

/* Let all successors go, and have back what is not theirs. */
void handover_cancel(struct handover *handover);

void handover_close(struct handover *handover);

#endif
