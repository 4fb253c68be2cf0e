/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections of a worker: the memory of them, which service has which, and
 * what the event loop watches for.  What is said over a connection is
 * worker/conn.h's business, and who is behind worker/conn_debt.h's.
 */
#ifndef TIMED_WORKER_CONNS_H
#define TIMED_WORKER_CONNS_H

#include "base/loop.h"
#include "worker/batch.h"
#include "worker/conn.h"
#include "worker/peers.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	CONN_CHUNK = 128
};

struct accept_listener;

struct conns {
	struct loop *loop;
	struct peers *peers;   /* for how many clients the log calls active */
	struct census *census; /* of all workers; NULL: there is none */
	/* Those of the plan, by which connections come in. */
	const struct accept_listener *listeners;
	/* Their number changed: `count` is what it is now. */
	void (*changed)(struct conns *conns);
	struct conn **chunks;
	uint32_t chunk_count;
	uint32_t count;	     /* that are in use */
	uint64_t serial;     /* the last one given */
	uint64_t now;	     /* CLOCK_MONOTONIC, at the last second */
	struct conn *unused; /* the first of them; see own.next */
	char scratch[4096];  /* what arrived, while it is looked at */
	struct batch batch;  /* what many are sent at once */
};

/* FIRST: the serials that are given are above it. */
void conns_init(struct conns *conns, struct loop *loop, struct peers *peers,
		uint64_t first, void (*changed)(struct conns *conns));
void conns_free(struct conns *conns);

/* One that is not in use; not counted yet.  NULL when memory is out. */
struct conn *conns_get(struct conns *conns);
void conns_put(struct conns *conns, struct conn *conn);

/* It is one of INSTANCE's.  False when memory is out. */
bool conns_join(struct instance *instance, struct conn *conn);
void conns_leave(struct instance *instance, struct conn *conn);

/* It was away, and an operator who is being told of INSTANCE's hears of it. */
void conns_list(struct instance *instance, struct conn *conn);

/* Whether what the client sends is read now. */
bool conns_reads(const struct conn *conn);

/* What the event loop has to watch a connection for. */
uint32_t conns_events(const struct conn *conn);
/* Watch for that from now on. */
void conns_watch(struct conn *conn);

#endif
