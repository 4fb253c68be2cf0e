/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper process: it alone opens STATE/timed.db, with the users and the
 * history of the room, and writes the ring.
 *
 * It has no network.  Workers ask it over a socket pair each
 * (ipc/keeper_wire.h), which the master makes and sends to both sides, for
 * each new worker and again for all after a keeper has gone.  What waits goes
 * into one transaction; only when that is committed are lines published to the
 * ring and acknowledged.
 *
 * Without its store it lives on: it says so to whoever asks, logs it once a
 * minute, and tries again.
 */
#ifndef TIMED_KEEPER_KEEPER_H
#define TIMED_KEEPER_KEEPER_H

#include "base/log.h"
#include "base/zone.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum keeper_durability {
	KEEPER_PROCESS, /* what is acknowledged survives any crash of timed */
	KEEPER_POWER,	/* and of the system, and a loss of power */
};

/* What a service wants of it; see worker/service.h. */
struct keeper_settings {
	int durability;	   /* enum keeper_durability */
	bool registration; /* new names are let in */
	/* Messages that are kept, or 1,024 if that is more; 0: all. */
	int history_keep;
	int ring_size;		 /* bytes, a power of two */
	const struct zone *zone; /* for the times that lines show */
};

/* What the master sends on the command socket (SOCK_SEQPACKET). */
enum keeper_order_type {
	/* A worker, of slot `argument`, is at the other end of fds[0]; wake
	 * it with the eventfd fds[1]. */
	KEEPER_ORDER_JOIN = 1,
	/* Finish what is under way, and leave. */
	KEEPER_ORDER_LEAVE,
	/* An operator's question, `text`, to be answered to fds[0]; see
	 * keeper/operator.h. */
	KEEPER_ORDER_ANSWER,
};

enum {
	KEEPER_ORDER_FDS = 2,
	KEEPER_ORDER_TEXT = 1024,
};

struct keeper_order {
	uint32_t type;	 /* enum keeper_order_type */
	uint32_t length; /* of text, bytes */
	uint64_t argument;
	char text[KEEPER_ORDER_TEXT];
};

struct keeper_plan {
	int command; /* from the master */
	int log;     /* write end of the log pipe */
	int ring;    /* writable */
	enum log_level log_level;
	unsigned log_rate;
	char state_dir[PATH_MAX];
	struct keeper_settings settings;
};

/*
 * Be the keeper until told to leave, or the master is gone; privileges are
 * dropped already.  Returns the exit status.
 */
int keeper_run(const struct keeper_plan *plan);

#endif
