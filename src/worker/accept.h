/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accepting from listeners that all workers share, and keeping the load even.
 *
 * Normally a worker waits on each listener with EPOLLEXCLUSIVE, so that a
 * client wakes one worker and not all.  A worker well above the mean steps
 * aside: it then only hears that somebody came (edge-triggered, not
 * exclusive), leaves him to the others, and looks again whether it is still
 * above the mean.  Because the others may be hung, it does not rely on them:
 * whoever still waits after twenty milliseconds is taken in.
 *
 * A client who is answered once is nobody's load afterwards, so nobody steps
 * aside for him.  Who is woken first for such clients goes to the end of the
 * queue after a few of them, so that all workers have their turn.
 *
 * Out of descriptors or memory, a worker rests: it leaves the listeners until
 * one of its connections closes or a second has passed, so that it neither
 * spins nor fills the log: it says so once a minute.
 *
 * A listener that the master has paused listens no more, in any process, and
 * epoll would tell of that without end.  Whoever notices leaves it, and takes
 * it up again when it listens again.
 */
#ifndef TIMED_WORKER_ACCEPT_H
#define TIMED_WORKER_ACCEPT_H

#include "base/loop.h"
#include "base/timer.h"
#include "worker/conns.h"
#include "worker/peers.h"
#include "worker/service.h"

#include <stdbool.h>

/* A listening socket as the master hands it over. */
struct accept_listener {
	int fd;
	int service;	    /* index in the plan's services */
	unsigned transport; /* ADDR_TCP: a stream socket, or ADDR_UDP */
	uint64_t id;	    /* no other socket ever has it: SO_COOKIE */
	struct addr bound;  /* where it listens */
};

enum accept_mode {
	ACCEPT_CLOSED, /* not watched: starting, retiring, stopping */
	ACCEPT_SHARED, /* one of those who take new clients */
	ACCEPT_ASIDE,  /* leaves them to the others */
	ACCEPT_RESTING /* cannot take any */
};

struct accept_source {
	struct loop_source source;
	struct acceptor *acceptor;
	struct instance *instance;
	uint16_t listener; /* its place among all of them */
	int turn;	   /* clients answered since it was last queued */
	bool watched;	   /* the loop has it */
};

struct acceptor {
	uint32_t room; /* for so many connections */
	struct conns *conns;
	struct peers *peers;
	enum accept_mode mode;
	struct accept_source *sources;
	int count;
	struct timer patience; /* armed while somebody may be waiting */
	bool waiting;	       /* it is armed */
	int aside_batch;       /* how many of them to take */
	uint64_t complained;   /* of a shortage; CLOCK_MONOTONIC, ns */
};

/*
 * Take over those of COUNT listeners that connections come from; whoever is
 * accepted goes to CONNS, for the one of INSTANCES that the listener names.  0,
 * or -1 with errno.  Nothing is accepted yet.
 */
int accept_open(struct acceptor *acceptor, struct conns *conns,
		struct peers *peers, const struct accept_listener *listeners,
		int count, struct instance *instances);

void accept_close(struct acceptor *acceptor);

/*
 * Take no more clients than leave some descriptors for what the master sends
 * with its commands.  Called when all else is open.
 */
void accept_limit(struct acceptor *acceptor);

/* Begin to accept.  0, or -1 with errno. */
int accept_begin(struct acceptor *acceptor);

/*
 * Accept nobody any more and close the sockets.  Whoever came before is
 * taken in first if TAKE_WAITING: the kernel may have woken this worker and
 * no other for him.
 */
void accept_end(struct acceptor *acceptor, bool take_waiting);

/*
 * Once a second: leave listeners that are paused, take up those that are no
 * more, and take in whom nobody was woken for, because the one who was is dead
 * or hung.
 */
void accept_look(struct acceptor *acceptor);

/*
 * The master says that listeners are about to be paused, or were resumed: the
 * same, now, and take in all who wait.
 */
void accept_changed(struct acceptor *acceptor);

/* A connection closed: there may be a descriptor again. */
void accept_relieved(struct acceptor *acceptor);

#endif
