/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_send.h"

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

/*
 * One writev(2).  True when all of it was taken, and there was something: there
 * may be more.
 */
static bool
send_some(struct chat_client *client)
{
	struct feed *feed = &client->state->keeping->feed;
	struct iovec parts[1 + PARTS];
	char notice[64];
	uint64_t missed = 0;
	size_t head = 0, sent = 0, rest;
	const char *left;
	enum conn_sent result;
	int count =
		feed_gather(feed, &client->reader, parts + 1, PARTS, &missed);

	if (missed > 0) {
		head = (size_t)snprintf(notice, sizeof(notice),
					"! %" PRIu64 " lines missed\n", missed);
		counter_add(&client->conn->instance->tally->skipped, missed);
	}
	if (head == 0 && count == 0)
		return false;
	parts[0] = (struct iovec){ notice, head };
	result = head > 0 ? conn_push(client->conn, parts, count + 1, &sent)
			  : conn_push(client->conn, parts + 1, count, &sent);
	if (result == CONN_GONE)
		return false;
	if (sent < head) {
		(void)owe(client, notice + sent, head - sent);
		return false;
	}
	left = feed_sent(feed, &client->reader, sent - head, &rest);
	return owe(client, left, rest) && result == CONN_SENT;
}

void
chat_send_feed(struct chat_client *client)
{
	struct feed *feed = &client->state->keeping->feed;

	while (!client->gone && !client->conn->owed &&
	       !(client->conn->flags & CONN_BLOCKED) &&
	       feed_has_more(feed, &client->reader))
		if (!send_some(client))
			return;
}
