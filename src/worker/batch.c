/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/batch.h"

#include "ipc/events.h"
#include "worker/batch_ring.h"
#include "worker/conn.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* No send ends like that. */
static const ssize_t UNSENT = INT_MIN;

void
batch_open(struct batch *batch)
{
	batch->ring = batch_ring_open(BATCH_SENDS);
}

void
batch_close(struct batch *batch)
{
	if (batch->ring)
		batch_ring_close(batch->ring);
	batch->ring = NULL;
}

void
batch_add(struct batch *batch, struct conn *conn, const struct iovec *parts,
	  int count)
{
	struct batch_send *send = &batch->sends[batch->count++];

	send->conn = conn;
	send->result = UNSENT;
	memcpy(send->parts, parts, (size_t)count * sizeof(*parts));
	send->message.msg_iov = send->parts;
	send->message.msg_iovlen = (size_t)count;
}

static ssize_t
send_one(const struct batch_send *what)
{
	ssize_t n = conn_transmit(what->conn, what->parts,
				  (int)what->message.msg_iovlen);

	return n < 0 ? -errno : n;
}

void
batch_submit(struct batch *batch)
{
	if (batch->ring &&
	    batch_ring_send(batch->ring, batch->sends, batch->count))
		return;
	if (batch->ring) {
		log_event(EVENT_BATCH_LOST, "error", "%s", strerror(errno));
		batch_close(batch);
	}
	for (int i = 0; i < batch->count; i++)
		if (batch->sends[i].result == UNSENT)
			batch->sends[i].result = send_one(&batch->sends[i]);
}
