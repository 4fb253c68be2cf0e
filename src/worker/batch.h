/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends to many connections in one system call: through io_uring where there is
 * it, else by one send(2) after the other, with the same results.
 *
 *	while (!batch_full(batch) && ...)
 *		batch_add(batch, conn, parts, count);
 *	batch_submit(batch);
 *	for (i = 0; i < batch->count; i++)
 *		... batch->sends[i].conn took batch->sends[i].result ...
 *	batch_clear(batch);
 *
 * None of them waits: what a client has no room for is not sent.  Nothing is
 * under way when batch_submit() returns.  A worker has one batch, which is
 * empty between events.
 *
 * What is asked for through a ring is not seen by a filter of system calls.  So
 * the kernel is told that this ring takes sends alone, and worker/ has no way
 * to another one once it is locked in.
 */
#ifndef TIMED_WORKER_BATCH_H
#define TIMED_WORKER_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

enum {
	BATCH_SENDS = 128, /* in one call */
	BATCH_PARTS = 4,   /* of one send */
};

struct batch_ring;
struct conn;

struct batch_send {
	struct conn *conn;
	ssize_t result; /* bytes that it took, or -errno */
	struct msghdr message;
	struct iovec parts[BATCH_PARTS];
};

struct batch {
	struct batch_ring *ring; /* NULL: send(2) */
	int count;
	struct batch_send sends[BATCH_SENDS];
};

/*
 * From now on use a ring, if the kernel has one that can be held to sends; the
 * process that asks is the one that submits.  A batch of zeros uses none.
 */
void batch_open(struct batch *batch);
void batch_close(struct batch *batch);

static inline bool
batch_full(const struct batch *batch)
{
	return batch->count == BATCH_SENDS;
}

/*
 * One more, where it is not full: PARTS, COUNT of them, 1 to BATCH_PARTS, to
 * CONN.  The bytes stay where they are until batch_submit() returns.
 */
void batch_add(struct batch *batch, struct conn *conn,
	       const struct iovec *parts, int count);

void batch_submit(struct batch *batch);

static inline void
batch_clear(struct batch *batch)
{
	batch->count = 0;
}

#endif
