/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams: taken from sockets that all workers share, and answered in place.
 *
 * They are read and answered in batches, each answer from the address that its
 * request was sent to.  An answer is never larger than DATAGRAM_REPLY, unless
 * it is the request itself, as of a service that is a `mirror`; a
 * request from a port below 1024, or from the port that the service itself
 * has, is dropped unless the service allows that, and so is one over the rate
 * of its source (worker/limits.h): both keep forged requests from making loops
 * and storms.
 * What is dropped is counted as refused.
 */
#ifndef TIMED_WORKER_DATAGRAMS_H
#define TIMED_WORKER_DATAGRAMS_H

#include "base/addr.h"
#include "base/loop.h"
#include "worker/accept.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>

/* One that arrived. */
struct datagram {
	const char *bytes;
	size_t length; /* as it was sent; at most DATAGRAM_ROOM are here */
	struct addr from;
	int64_t received; /* by the kernel; CLOCK_REALTIME, nanoseconds */
};

enum {
	DATAGRAM_ROOM = 2048, /* bytes of a request that are looked at */
	DATAGRAM_REPLY = 512, /* room for an answer */
	DATAGRAM_BATCH = 32,  /* read and answered at a time */
	/*
	 * Room for any request, for a mirror.  A cache line more than the
	 * most, lest those of a batch all begin in the same place of the cache.
	 */
	DATAGRAM_WHOLE = 65536 + 64,
};

struct datagrams;
struct datagram_batch;

struct datagram_source {
	struct loop_source source;
	struct datagrams *datagrams;
	struct instance *instance;
	unsigned port; /* that it is bound to */
};

struct datagrams {
	struct loop *loop;
	struct datagram_source *sources;
	int count;
	bool open; /* they are watched */
	struct datagram_batch *batch;
};

/*
 * Take over those of COUNT listeners that are for datagrams.  0, or -1 with
 * errno.  Nothing is read yet.
 */
int datagrams_open(struct datagrams *datagrams, struct loop *loop,
		   const struct accept_listener *listeners, int count,
		   struct instance *instances);

void datagrams_close(struct datagrams *datagrams);

/* Begin to read.  0, or -1 with errno. */
int datagrams_begin(struct datagrams *datagrams);

/*
 * Read no more, and close the sockets.  What waits in them is answered first:
 * the kernel may have woken this worker and no other for it.
 */
void datagrams_end(struct datagrams *datagrams);

/* Once a second: take what nobody was woken for. */
void datagrams_look(struct datagrams *datagrams);

#endif
