/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The census: who is connected, counted over all workers, and whether there is
 * room for one more.
 *
 * It is a mapping that all workers share, and that nobody else looks at.  It
 * has a row for each service, one for all of them, and one for each address
 * that is limited; each worker has a column, in which it counts its own.  What
 * is connected is the sum of a row over the columns of those workers that live,
 * which the kernel keeps true (ipc/turn.h): a worker that dies takes what it
 * counted along, in the same moment as its connections.
 *
 * Two rules make it exact.  Whoever wants to come in is first counted and then
 * looked at: of two who come at once, at least one sees the other, so there are
 * never too many, whatever the order.  And that is done by one at a time, so
 * that of two the first one does stay.  Without his turn, because another
 * worker is stopped in the middle of it, nobody comes in who is too many, and
 * perhaps one is refused who would not have been.
 *
 * It has many writers, as nothing else here has.  A worker that means harm can
 * spoil the counts, and so have clients refused, or too many let in, which it
 * can do anyway with the listeners that it has.  It can do no more: there are
 * no pointers, and every index is one's own.
 *
 * How often an address comes is a table of buckets beside it (base/bucket.h).
 */
#ifndef TIMED_IPC_CENSUS_H
#define TIMED_IPC_CENSUS_H

#include "ipc/scoreboard.h"
#include "ipc/turn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CENSUS_LAYOUT = 1,		  /* of the mapping */
	CENSUS_ALL = SCOREBOARD_SERVICES, /* all services together */
	CENSUS_ADDRESSES = 65536,	  /* that can be counted at a time */
	CENSUS_SOURCES = 16384,		  /* whose last coming is known */
};

/* What is allowed to; 0 each: without a limit. */
struct census_quota {
	int connections;
	int per_address;
	double per_second; /* connections from one address; 0.001 to 1000000 */
};

/* Where one client is counted; zeroed: nowhere. */
struct census_seat {
	uint32_t service; /* its row, and one more */
	uint32_t address;
};

/* In its service and in all of them. */
struct census_seats {
	struct census_seat own;
	struct census_seat all;
};

/* Somebody who wants to come in. */
struct census_client {
	int service;	 /* index in the scoreboard */
	uint64_t source; /* as of addr_source(); ADDR_LOCAL has no address */
	bool stays;	 /* else he is answered at once, and has no seat */
	const struct census_quota *own; /* of the service; NULL: none */
	const struct census_quota *all; /* of all together; NULL: none */
};

struct census_shared;

/* A worker's view.  It must not be moved. */
struct census {
	struct census_shared *shared;
	uint32_t *mine; /* the own column */
	struct turn turn;
	int living[TURN_MEMBERS]; /* in the sum that is being made */
	int living_count;
};

/* For the master: a new one, as a descriptor; or -1 with errno. */
int census_create(void);

/* Whether FD has one with the layout LAYOUT that this program understands. */
bool census_fits(int fd, int layout);

/*
 * Become the owner of the column SLOT of what FD has, which stays the
 * caller's.  0, or -1 with errno.
 */
int census_open(struct census *census, int fd, int slot);

void census_close(struct census *census);

/*
 * Let CLIENT in, with *SEATS, if there is room at NOW (CLOCK_MONOTONIC,
 * nanoseconds).  REFUSALS: he is; or why not, and he has no seats.
 */
enum refusal census_admit(struct census *census,
			  const struct census_client *client,
			  struct census_seats *seats, uint64_t now);

/* He is gone. */
void census_leave(struct census *census, struct census_seats *seats);

/* Which member the process PID is, as far as it counts anybody; else -1. */
int census_owner(const struct census *census, pid_t pid);

/*
 * CLIENT is this worker's now, and was that of the member FROM, or of one who
 * did not count him, -1.  In one step he is counted here, as his quotas want
 * it, and there no more; he comes in even if he is too many.
 */
void census_inherit(struct census *census, const struct census_client *client,
		    int from, struct census_seats *seats);

/* Whether this worker counts anybody still. */
bool census_holds(const struct census *census);

/*
 * Whether somebody may say at NOW that a client was refused for WHY, which is
 * once a second among all workers.  Then *MORE are those of whom nobody said
 * it since; else this is one more of them.
 */
bool census_may_say(struct census *census, enum refusal why, uint64_t now,
		    uint64_t *more);

/* The same for those of whom it was not said, if there are any. */
bool census_may_sum_up(struct census *census, enum refusal why, uint64_t now,
		       uint64_t *more);

#endif
