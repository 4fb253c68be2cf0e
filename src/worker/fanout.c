/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/fanout.h"

#include "base/clock.h"
#include "worker/conn.h"

/* Between two looks at the clock, which lateness is measured by. */
enum {
	FANOUT_BATCH = 32
};

struct batch {
	uint64_t sent;
	uint64_t bytes;
	uint64_t skipped;
};

static void
send_one(struct conn *conn, struct message *message, struct batch *batch)
{
	uint64_t before = conn->bytes_out;

	switch (conn_send(conn, message)) {
	case CONN_SENT:
		conn->ticks++;
		batch->sent++;
		batch->bytes += message->length;
		break;
	case CONN_PARTLY:
		/* The rest is on its way: the client gets this line. */
		conn->ticks++;
		batch->sent++;
		batch->bytes += conn->bytes_out - before;
		break;
	case CONN_SKIPPED:
		conn->skipped++;
		batch->skipped++;
		break;
	case CONN_GONE:
		break;
	}
}

static void
account(struct instance *instance, const struct batch *batch, int64_t boundary)
{
	int64_t late = clock_realtime() - boundary;

	if (batch->skipped)
		counter_add(&instance->tally->skipped, batch->skipped);
	if (!batch->sent)
		return;
	counter_add(&instance->tally->ticks, batch->sent);
	counter_add(&instance->tally->bytes_out, batch->bytes);
	histogram_add(instance->lateness,
		      late > 0 ? (uint64_t)(late / CLOCK_MICROSECOND) : 0,
		      batch->sent);
}

void
fanout_one(struct conn *conn, struct message *message, int64_t boundary)
{
	struct instance *instance = conn->instance;
	struct batch batch = { 0 };

	conn->mark = boundary;
	send_one(conn, message, &batch);
	account(instance, &batch, boundary);
}

void
fanout_tick(struct instance *instance, struct message *message,
	    int64_t boundary)
{
	struct batch batch = { 0 };
	int left = FANOUT_BATCH;

	/* Backwards: a connection that closes makes room for the last one,
	 * which was served already. */
	for (uint32_t i = instance->member_count; i-- > 0;) {
		struct conn *conn = instance->members[i];

		if (conn->mark == boundary)
			continue;
		conn->mark = boundary;
		send_one(conn, message, &batch);
		if (--left == 0) {
			account(instance, &batch, boundary);
			batch = (struct batch){ 0 };
			left = FANOUT_BATCH;
		}
	}
	account(instance, &batch, boundary);
}
