/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handoff socket: live connections on their way from an old worker to a
 * new one.
 *
 * A SOCK_SEQPACKET pair, made by the master for each old and new worker.  The
 * old worker sends batches: a datagram with up to 253 descriptors and, for
 * each, what its new owner needs to go on.  The new one answers each batch, in
 * order, with a receipt; only then is it the owner.  Until the receipt is
 * there, the old worker keeps its copy of every descriptor, so that nothing
 * is lost when the new one dies or stalls: it shuts the socket down, reads
 * the receipts that were sent before, and has the rest back.  Whoever wants
 * to send a receipt after that cannot, and knows by this that the batch is
 * not his.
 *
 * Both ends may be built from different versions of timed: a batch says its
 * version, and a receiver that does not understand it, or has no room for it,
 * closes its end.
 * All numbers are in the byte order of the machine, which both run on.
 */
#ifndef TIMED_IPC_HANDOFF_H
#define TIMED_IPC_HANDOFF_H

#include "ipc/passing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HANDOFF_MAGIC = 0x464f4854, /* "THOF", little endian */
	HANDOFF_VERSION = 2,	    /* that is written */
	HANDOFF_OLDEST = 2,	    /* that is still read */
	HANDOFF_BATCH = 128,	    /* connections in one datagram */
	HANDOFF_BYTES = 65536,	    /* in one datagram */
	HANDOFF_OWED = 8192,	    /* unsent bytes of a connection */
	HANDOFF_STATE = 16384,	    /* bytes of a service's own */
};

_Static_assert((int)HANDOFF_BATCH <= (int)PASSING_FDS, "a batch can be sent");

/*
 * A connection without its descriptor.  Followed by `owed` bytes that the
 * client has still to be sent, and `state` bytes of the service, and padded to
 * a multiple of eight.
 */
struct handoff_conn {
	uint32_t length;  /* of all of it, bytes */
	uint32_t service; /* index in the scoreboard */
	uint16_t flags;	  /* enum conn_flag */
	uint16_t owed;
	uint32_t state;
	uint32_t ticks;
	uint32_t skipped;
	uint64_t listener; /* that it came in by: its SO_COOKIE */
	uint64_t serial;
	uint64_t opened;	/* CLOCK_MONOTONIC, nanoseconds */
	uint64_t touched;	/* the same: when the last byte went */
	uint64_t blocked_since; /* the same */
	uint64_t bytes_in;
	uint64_t bytes_out;
	int64_t mark;	  /* the last boundary; CLOCK_REALTIME, nanoseconds */
	uint8_t peer[24]; /* struct conn_peer */
};

struct handoff_header {
	uint32_t magic;
	uint16_t version;
	uint16_t count;	  /* of connections */
	uint32_t length;  /* of the whole datagram, bytes */
	uint32_t padding; /* 0 */
};

/* A datagram, being made or being read.  Large: not for the stack. */
struct handoff_batch {
	int fds[HANDOFF_BATCH];
	int count;
	size_t length; /* bytes used, or there are */
	size_t at;     /* of the next one to be read */
	int next;
	union {
		struct handoff_header header;
		char bytes[HANDOFF_BYTES];
		uint64_t aligned;
	};
};

int handoff_pair(int ends[2]); /* 0, or -1 with errno */

/* Begin an empty batch. */
void handoff_begin(struct handoff_batch *batch);

/*
 * Add a connection: FD stays the caller's.  *conn needs no length; OWED and
 * STATE have conn->owed and conn->state bytes, within the limits above.
 * False when the batch is full.
 */
bool handoff_add(struct handoff_batch *batch, int fd,
		 const struct handoff_conn *conn, const void *owed,
		 const void *state);

/* 0, or -1 with errno as of passing_send(). */
int handoff_send(int fd, struct handoff_batch *batch);

enum handoff_got {
	HANDOFF_BATCHED, /* *batch is one; its descriptors are the caller's */
	HANDOFF_NOTHING, /* for now */
	HANDOFF_ENDED,	 /* the old worker is through, or dead */
	HANDOFF_NO_ROOM, /* no descriptors left for it: close */
	HANDOFF_UNREADABLE, /* another version, or nonsense: close */
};

enum handoff_got handoff_receive(int fd, struct handoff_batch *batch);

/*
 * The next connection of a received batch and its descriptor, or NULL after
 * the last.  *OWED and *STATE point into the batch.
 */
const struct handoff_conn *handoff_next(struct handoff_batch *batch, int *fd,
					const char **owed, const char **state);

/* Begin again with the first. */
void handoff_rewind(struct handoff_batch *batch);

/* Close the descriptors of those that handoff_next() did not give. */
void handoff_discard(struct handoff_batch *batch);

struct handoff_receipt {
	uint32_t magic;
	uint32_t count; /* of connections: those of the oldest batch */
};

/* False when it is too late: the batch is not ours. */
bool handoff_acknowledge(int fd, int count);

/* 1: a receipt for *count; 0: none there; -1: the other end is closed. */
int handoff_receipt(int fd, int *count);

#endif
