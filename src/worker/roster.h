/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom a worker serves, for an operator: the master passes the connection of
 * one on to each worker in turn, with a baton (ipc/command.h).
 *
 * Connections are written to the operator as {"client": {...}}, a few an event
 * and as many as its connection takes, so that no tick waits for it.  Each one
 * that is here all the while is told once.  Those that are on their way to
 * another worker are told there; this one keeps the baton until it has the
 * receipts for them, or has them back.
 *
 * An operator that leaves, or a master that takes the baton's other end away,
 * ends it.
 */
#ifndef TIMED_WORKER_ROSTER_H
#define TIMED_WORKER_ROSTER_H

#include "base/loop.h"
#include "base/timer.h"
#include "worker/conns.h"
#include "worker/handover.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	ROSTER_AT_ONCE = 64,  /* connections an event */
	ROSTER_ENTRY = 1024,  /* bytes of one, at most */
	ROSTER_BYTES = 16384, /* that are kept for the operator */
};

struct roster {
	struct loop_source asker; /* fd -1: nobody asks */
	struct loop_source baton;
	struct timer settling; /* while connections are under way */
	struct conns *conns;
	struct instance *instances;
	int instance_count;
	const struct handover *handover;
	unsigned worker; /* its number */
	bool kicks;
	uint64_t serial; /* of the connection to be ended */
	size_t used;
	size_t told;
	char bytes[ROSTER_BYTES];
};

/* 0, or -1 with errno. */
int roster_open(struct roster *roster, struct conns *conns,
		struct instance *instances, int instance_count,
		const struct handover *handover, unsigned worker);

/*
 * COMMAND_CLIENTS or, if KICKS, COMMAND_KICK came with ARGUMENT and the COUNT
 * descriptors in FDS, which become the roster's.
 */
void roster_begin(struct roster *roster, bool kicks, uint64_t argument,
		  const int *fds, int count);

/* Tell no more. */
void roster_end(struct roster *roster);

void roster_close(struct roster *roster);

#endif
