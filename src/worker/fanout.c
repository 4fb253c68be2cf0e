/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/fanout.h"

#include "base/clock.h"
#include "worker/conns.h"

/* What was sent since the clock was looked at, which lateness is measured by. */
struct share {
	uint64_t sent;
	uint64_t bytes;
	uint64_t skipped;
};

/* CONN, which had sent BEFORE bytes, was sent MESSAGE, or a part, or nothing. */
static void
count(struct share *share, struct conn *conn, const struct message *message,
      enum conn_sent how, uint64_t before)
{
	switch (how) {
	case CONN_SENT:
		conn->ticks++;
		share->sent++;
		share->bytes += message->length;
		break;
	case CONN_PARTLY:
		/* The rest is on its way: the client gets this line. */
		conn->ticks++;
		share->sent++;
		share->bytes += conn->bytes_out - before;
		break;
	case CONN_SKIPPED:
		conn->skipped++;
		share->skipped++;
		break;
	case CONN_GONE:
		break;
	}
}

static void
account(struct instance *instance, const struct share *share, int64_t boundary)
{
	int64_t late = clock_realtime() - boundary;

	if (share->skipped)
		counter_add(&instance->tally->skipped, share->skipped);
	if (!share->sent)
		return;
	counter_add(&instance->tally->ticks, share->sent);
	counter_add(&instance->tally->bytes_out, share->bytes);
	histogram_add(instance->lateness,
		      late > 0 ? (uint64_t)(late / CLOCK_MICROSECOND) : 0,
		      share->sent);
}

void
fanout_one(struct conn *conn, struct message *message, int64_t boundary)
{
	struct instance *instance = conn->instance;
	uint64_t before = conn->bytes_out;
	struct share share = { 0 };

	conn->mark = boundary;
	count(&share, conn, message, conn_send(conn, message), before);
	account(instance, &share, boundary);
}

/* --- to all --- */

struct fanout {
	struct instance *instance;
	struct message *message;
	int64_t boundary;
	struct share share;
};

static void
send_batch(struct fanout *fanout)
{
	struct batch *batch = &fanout->instance->conns->batch;

	batch_submit(batch);
	for (int i = 0; i < batch->count; i++) {
		struct conn *conn = batch->sends[i].conn;
		uint64_t before = conn->bytes_out;

		count(&fanout->share, conn, fanout->message,
		      conn_took(conn, fanout->message, batch->sends[i].result),
		      before);
	}
	batch_clear(batch);
	account(fanout->instance, &fanout->share, fanout->boundary);
	fanout->share = (struct share){ 0 };
}

/*
 * Those at FROM up to UNTIL that have not seen it.  Backwards: who is closed
 * gives its place to the last one.
 */
static void
send_to(struct fanout *fanout, uint32_t from, uint32_t until)
{
	struct instance *instance = fanout->instance;
	struct batch *batch = &instance->conns->batch;
	struct iovec line = { fanout->message->bytes, fanout->message->length };

	for (uint32_t i = until; i-- > from;) {
		struct conn *conn = instance->members[i];

		if (conn->mark == fanout->boundary)
			continue;
		conn->mark = fanout->boundary;
		if (conn_takes(conn))
			batch_add(batch, conn, &line, 1);
		else
			count(&fanout->share, conn, fanout->message,
			      CONN_SKIPPED, conn->bytes_out);
		if (batch_full(batch))
			send_batch(fanout);
	}
	send_batch(fanout);
}

/* Somebody else is the first one at each tick, by a golden section. */
static uint32_t
turn(struct instance *instance)
{
	uint32_t count = instance->member_count;

	if (count == 0)
		return 0;
	instance->first = (uint32_t)((instance->first + count * 0.618) + 1);
	return instance->first %= count;
}

void
fanout_tick(struct instance *instance, struct message *message,
	    int64_t boundary)
{
	struct fanout fanout = { .instance = instance,
				 .message = message,
				 .boundary = boundary };
	uint32_t first = turn(instance);
	uint32_t before = instance->member_count;

	send_to(&fanout, 0, first);
	/* From behind `first` somebody has come to where one was closed. */
	if (instance->member_count < before)
		first = 0;
	send_to(&fanout, first, instance->member_count);
}
