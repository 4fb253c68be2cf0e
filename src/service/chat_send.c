/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_send.h"

#include "service/chat_client.h"
#include "worker/conns.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	PARTS = 64 /* of one writev(2), beside the notice */
};

void
chat_send_bytes(struct chat_client *client, const char *bytes, size_t length)
{
	struct iovec part = { (void *)(uintptr_t)bytes, length };

	if (!client->gone && length > 0)
		(void)conn_write(client->conn, &part, 1);
}

void
chat_send(struct chat_client *client, const char *format, ...)
{
	char text[1024];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (length > 0 && (size_t)length < sizeof(text))
		chat_send_bytes(client, text, (size_t)length);
}

/* Owe what is left of what was begun.  False: it is gone. */
static bool
owe(struct chat_client *client, const char *bytes, size_t length)
{
	if (length == 0 || conn_owe(client->conn, bytes, length))
		return true;
	conn_close(client->conn, CONN_NO_MEMORY);
	return false;
}

/* SENT bytes of lines went out.  True when all did: there may be more. */
static bool
sent_lines(struct chat_client *client, enum conn_sent how, size_t sent)
{
	size_t rest;
	const char *left = feed_sent(&client->state->keeping->feed,
				     &client->reader, sent, &rest);

	return owe(client, left, rest) && how == CONN_SENT;
}

/*
 * One writev(2).  True when all of it was taken, and there was something: there
 * may be more.
 */
static bool
send_some(struct chat_client *client)
{
	struct iovec parts[1 + PARTS];
	char notice[64];
	uint64_t missed = 0;
	size_t head = 0, sent = 0;
	enum conn_sent how;
	int count = feed_gather(&client->state->keeping->feed, &client->reader,
				parts + 1, PARTS, &missed);

	if (missed > 0) {
		head = (size_t)snprintf(notice, sizeof(notice),
					"! %" PRIu64 " lines missed\n", missed);
		counter_add(&client->conn->instance->tally->skipped, missed);
	}
	if (head == 0 && count == 0)
		return false;
	parts[0] = (struct iovec){ notice, head };
	how = head > 0 ? conn_push(client->conn, parts, count + 1, &sent)
		       : conn_push(client->conn, parts + 1, count, &sent);
	if (how == CONN_GONE)
		return false;
	if (sent < head) {
		(void)owe(client, notice + sent, head - sent);
		return false;
	}
	return sent_lines(client, how, sent - head);
}

static bool
may_send(const struct chat_client *client)
{
	return !client->gone && !client->conn->debt &&
	       feed_has_more(&client->state->keeping->feed, &client->reader);
}

void
chat_send_feed(struct chat_client *client)
{
	while (may_send(client))
		if (!send_some(client))
			return;
}

/* --- to all --- */

static struct chat_client *
client_of(const struct conn *conn)
{
	return conn->own.pointer;
}

/* What CLIENT gets is sent with the batch; what is more than that, at once. */
static void
add(struct batch *batch, struct chat_client *client)
{
	const struct feed *feed = &client->state->keeping->feed;
	struct iovec parts[BATCH_PARTS];
	uint64_t none;
	int count;

	if (client->stage != CHAT_ROOM || !may_send(client))
		return;
	if (feed_is_behind(feed, &client->reader)) {
		chat_client_begin(client);
		chat_send_feed(client);
		chat_client_end(client);
		return;
	}
	count = feed_gather(feed, &client->reader, parts, BATCH_PARTS, &none);
	if (count > 0)
		batch_add(batch, client->conn, parts, count);
}

static void
send_batch(struct batch *batch)
{
	batch_submit(batch);
	for (int i = 0; i < batch->count; i++) {
		struct batch_send *send = &batch->sends[i];
		struct chat_client *client = client_of(send->conn);
		enum conn_sent how;
		size_t sent;

		chat_client_begin(client);
		how = conn_pushed(send->conn, send->parts,
				  (int)send->message.msg_iovlen, send->result,
				  &sent);
		if (how != CONN_GONE && sent_lines(client, how, sent))
			chat_send_feed(client);
		chat_client_end(client);
	}
	batch_clear(batch);
}

void
chat_send_all(struct instance *instance)
{
	struct batch *batch = &instance->conns->batch;

	/* Backwards: who is closed gives its place to the last one. */
	for (uint32_t i = instance->member_count; i-- > 0;) {
		add(batch, client_of(instance->members[i]));
		if (batch_full(batch))
			send_batch(batch);
	}
	send_batch(batch);
}
