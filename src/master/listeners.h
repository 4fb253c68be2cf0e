/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The listening sockets: opened by the master, shared by all workers, kept
 * over a reload when the new configuration still asks for them.
 *
 * A new set is opened beside the one in use.  listeners_commit() then closes
 * what the new one does not keep; listeners_abort() closes what only the new
 * one has.  In between, both sets are open.
 */
#ifndef TIMED_MASTER_LISTENERS_H
#define TIMED_MASTER_LISTENERS_H

#include "base/addr.h"
#include "config/config.h"
#include "ipc/scoreboard.h"
#include "master/notify.h"
#include "master/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct listener {
	int fd;
	int service;	    /* index in the configuration */
	unsigned transport; /* ADDR_TCP, ADDR_UDP */
	struct addr wanted; /* as configured; port 0 stays 0 */
	struct addr bound;  /* as it is */
	bool kept;	    /* it was taken from the set before */
	bool passed;	    /* systemd opened it */
	bool paused;	    /* it is halted, or that is under way */
	uint64_t paused_at; /* CLOCK_MONOTONIC, nanoseconds */
	char service_name[SCOREBOARD_NAME];
};

struct listeners {
	struct listener items[SCOREBOARD_LISTENERS];
	int count;
};

/*
 * Open what CONFIG asks for, halted where its service is paused, taking from
 * CURRENT what is there already, and from SOCKETS (may be NULL) what systemd passed: a service that has any is
 * served on those alone.  0, or -1 with PROBLEM set and nothing opened.
 */
int listeners_open(struct listeners *next, const struct config *config,
		   const struct listeners *current,
		   const struct notify_sockets *sockets,
		   struct problem *problem);

/*
 * Close those of SOCKETS that no service took.  How many there were; the name
 * of the last one in NAME.
 */
int listeners_close_unclaimed(const struct listeners *listeners,
			      const struct notify_sockets *sockets,
			      char name[SCOREBOARD_NAME]);

/* NEXT is in use from now on: close what is in CURRENT alone. */
void listeners_commit(struct listeners *current, struct listeners *next);

/* NEXT will not be used: close what is in it alone. */
void listeners_abort(struct listeners *next);

/* Close all, and remove the files of unix sockets. */
void listeners_close(struct listeners *listeners);

/*
 * The name of the next service after *AT, 0 at first; NULL: there is none.  Each
 * has listeners, one after the other.
 */
const char *listeners_service(const struct listeners *listeners, int *at);

/* Write the list to the scoreboard. */
void listeners_publish(const struct listeners *listeners,
		       const struct config *config,
		       struct scoreboard_master *master);

#endif
