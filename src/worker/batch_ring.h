/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ring of a batch: sends through io_uring(7).  See worker/batch.h.
 */
#ifndef TIMED_WORKER_BATCH_RING_H
#define TIMED_WORKER_BATCH_RING_H

#include <stdbool.h>

struct batch_ring;
struct batch_send;

/*
 * A ring for ENTRIES sends at a time that takes nothing but sends.  NULL with
 * errno: ENOSYS, EINVAL, the kernel or this timed has none, or an older one;
 * EPERM, nobody may; no memory, no descriptor.
 */
struct batch_ring *batch_ring_open(unsigned entries);

void batch_ring_close(struct batch_ring *ring);

/*
 * Send all COUNT of SENDS, at most ENTRIES of them, and set the result of
 * each.  False with errno: the ring can only be closed; what was not sent still
 * has the result that it had.
 */
bool batch_ring_send(struct batch_ring *ring, struct batch_send *sends,
		     int count);

#endif
