/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The connections of a worker: take them in, send, read, close.
 *
 * A connection costs one struct and one pointer; nothing is allocated while
 * it lives.  It is never torn: what a send left over goes out before
 * anything else is sent, and as long as something is left over, new messages
 * are refused (the caller counts them as skipped), not queued.
 *
 * A client that has closed its sending side is still served: that is what a
 * script's `nc host port </dev/null` looks like.  It is gone when it resets
 * or answers no more.
 *
 * conn_close() may be called for any connection at any time; the struct must
 * not be touched after it.
 */
#ifndef TIMED_WORKER_CONN_H
#define TIMED_WORKER_CONN_H

#include "base/addr.h"
#include "base/loop.h"
#include "worker/message.h"
#include "worker/peer.h"
#include "worker/peers.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum conn_flag {
	CONN_FINISHED = 1, /* the client sends no more */
	CONN_BLOCKED = 2,  /* waits for room; in instance->blocked */
	CONN_ENDING = 4,   /* to be closed once all is out */
	CONN_SHUT = 8,	   /* our sending side is shut down */
};

enum conn_reason {
	CONN_CLIENT_CLOSED,
	CONN_CLIENT_RESET,
	CONN_TIMED_OUT,
	CONN_STALLED,
	CONN_STOPPING,
	CONN_NO_MEMORY,
	CONN_ERROR,
};

struct conn {
	struct loop_source source;
	struct instance *instance;
	struct message *owed;	   /* what was sent in part, or NULL */
	TAILQ_ENTRY(conn) blocked; /* or the next free one */
	uint64_t serial;	   /* in this worker, from 1 */
	uint64_t opened;	   /* CLOCK_MONOTONIC, nanoseconds */
	uint64_t blocked_since;	   /* the same */
	uint64_t bytes_in;
	uint64_t bytes_out;
	int64_t mark; /* the service's own */
	uint32_t ticks;
	uint32_t skipped;
	uint32_t member; /* its place in instance->members */
	uint16_t owed_from;
	uint16_t flags;
	struct conn_peer peer;
};

enum {
	CONN_CHUNK = 128
};

/* The table of a worker. */
struct conns {
	struct loop *loop;
	struct peers *peers; /* for how many clients the log calls active */
	/* Their number changed: `count` is what it is now. */
	void (*changed)(struct conns *conns);
	struct conn **chunks;
	uint32_t chunk_count;
	uint32_t count;	 /* that are in use */
	uint64_t serial; /* the last one given */
	struct conn_queue unused;
	char scratch[4096]; /* what arrived, while it is looked at */
};

void conns_init(struct conns *conns, struct loop *loop, struct peers *peers,
		void (*changed)(struct conns *conns));
void conns_free(struct conns *conns);

/*
 * Take in FD, which was accepted from PEER, for
 * INSTANCE, log it and call the service's open.  False when memory is out;
 * FD is closed then and the client counted as refused.
 */
bool conn_open(struct instance *instance, int fd, const struct addr *peer);

void conn_close(struct conn *conn, enum conn_reason reason);

enum conn_sent {
	CONN_SENT,    /* all of it is on its way */
	CONN_PARTLY,  /* the rest follows by itself */
	CONN_SKIPPED, /* no room, nothing was sent */
	CONN_GONE,    /* the connection is closed and freed */
};

/* Send MESSAGE, or none of it. */
enum conn_sent conn_send(struct conn *conn, struct message *message);

/*
 * End it in order: send what is owed, then the end of file, and close once
 * the client's side has all of it (conn_settled() then says so).
 */
void conn_end(struct conn *conn);

/* Whether an ending connection has nothing on its way any more. */
bool conn_settled(const struct conn *conn);

/* Close those of INSTANCE that took nothing for its stall time. */
void conn_close_stalled(struct instance *instance);

/* How the other end is called: "127.0.0.1:40112", "unix:pid=12,uid=0". */
void conn_peer_text(const struct conn *conn, char text[ADDR_TEXT]);

#endif
