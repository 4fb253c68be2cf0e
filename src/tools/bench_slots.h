/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One load process of timebench daytime, time, ntp and echo.
 *
 * It has slots, each with a socket and some requests on it that were sent
 * together.  In the closed loop a slot whose requests are all decided sends the
 * next ones at once; with a rate, the requests that are due go out by any slot
 * that has none.  A slot that waited too long for an answer gets another
 * socket, so that nothing that comes late is taken for the next answer.
 *
 * How requests are sent and answers read is the transport's matter: datagrams
 * in batches (bench_datagrams.c), a connection for each (bench_connects.c), or
 * a connection for all of a slot (bench_kept.c).
 */
#ifndef TIMED_TOOLS_BENCH_SLOTS_H
#define TIMED_TOOLS_BENCH_SLOTS_H

#include "tools/bench_crew.h"
#include "tools/bench_query.h"

#include <sys/queue.h>

struct slot {
	TAILQ_ENTRY(slot) link; /* idle, or busy: the longest first */
	uint32_t number;	/* of all slots of all processes */
	uint32_t size;		/* requests at a time */
	int fd;			/* -1: none yet */
	uint32_t asked;		/* sent together */
	uint32_t pending;	/* of them, not decided */
	int64_t sent;		/* when, monotonic */
	uint64_t cookie;	/* of the first of them */
	uint64_t seen;		/* a bit for each that is decided */
	unsigned char *bytes;	/* of an answer in pieces, and of its request */
	size_t length;		/* of the answer so far */
	size_t left;		/* of the request, not sent yet */
};

TAILQ_HEAD(slot_list, slot);

struct slots;

struct transport {
	bool pieces; /* a slot has its own bytes */
	/* Get a socket ready before the load begins; NULL: there is no need. */
	void (*open)(struct slots *slots, struct slot *slot);
	/* COUNT requests; returns how many were sent, or -1 with errno. */
	int (*send)(struct slots *slots, struct slot *slot, uint32_t count);
	/* EVENTS of epoll came. */
	void (*serve)(struct slots *slots, struct slot *slot, uint32_t events);
	/* Close the socket. */
	void (*drop)(struct slot *slot);
};

extern const struct transport transport_datagrams;
extern const struct transport transport_connects;
extern const struct transport transport_kept;

struct slots {
	const struct query_plan *plan;
	struct query_result *result;
	const struct transport *transport;
	struct slot *all;
	unsigned char *bytes;
	uint32_t count;
	struct slot_list idle, busy;
	double rate;	  /* of this process */
	uint64_t started; /* requests, since the window began */
	uint64_t cookie;  /* of the next request */
	int64_t from;	  /* when the window began, monotonic */
	int64_t rest;	  /* send nothing before that: something failed */
	bool open[GATES];
	int epfd;
};

/* Which part one process takes. */
struct slots_share {
	uint32_t number; /* of the process */
	struct crew_ends ends;
};

/*
 * Bear the load until GATE_RELEASE opens.  Returns the exit status of the
 * process: 0, or EX_OSERR when it could not even begin.
 */
int slots_bear(const struct query_plan *plan, const struct slots_share *share,
	       struct query_result *result);

/* For transports: */

/* Have the loop tell of EVENTS of the slot's socket.  0, or -1 with errno. */
int slots_watch(struct slots *slots, struct slot *slot, uint32_t events);

/*
 * Begin a connection, and have the loop tell of its EVENTS.  0, or -1 with
 * errno; it may still be under way.
 */
int slots_connect(struct slots *slots, struct slot *slot, uint32_t events);

/* Reset it, if there is one. */
void slots_drop(struct slot *slot);

/* An answer to one request of SLOT was read: count it. */
void slots_answer(struct slots *slots, struct slot *slot,
		  const unsigned char *bytes, size_t length);

/* One request failed; ERROR: errno. */
void slots_fail(struct slots *slots, struct slot *slot, int error);

#endif
