/* SPDX-License-Identifier: BSD-2-Clause */
/* What is sent to one client alone, and kept while it does not take it. */
#include "base/clock.h"
#include "worker/conns.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static size_t
length_of(const struct iovec *parts, int count)
{
	size_t length = 0;

	for (int i = 0; i < count; i++)
		length += parts[i].iov_len;
	return length;
}

/* Owe what of PARTS has not been SENT, after what is owed already. */
static bool
owe(struct conn *conn, const struct iovec *parts, int count, size_t sent)
{
	struct message *owed = conn->owed;
	size_t before = owed ? owed->length - conn->owed_from : 0;
	size_t length = before + length_of(parts, count) - sent;
	struct message *message =
		length <= HANDOFF_OWED ? message_new(length) : NULL;
	char *to;

	if (!message)
		return false;
	to = message->bytes;
	if (before)
		to = mempcpy(to, owed->bytes + conn->owed_from, before);
	for (int i = 0; i < count; i++) {
		size_t past = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		to = mempcpy(to, (const char *)parts[i].iov_base + past,
			     parts[i].iov_len - past);
		sent -= past;
	}
	message_drop(owed);
	conn->owed = message;
	conn->owed_from = 0;
	if (!(conn->flags & CONN_BLOCKED))
		conns_block(conn, clock_monotonic());
	conns_watch(conn);
	return true;
}

bool
conn_owe(struct conn *conn, const char *bytes, size_t length)
{
	struct iovec part = { (void *)(uintptr_t)bytes, length };

	return owe(conn, &part, 1, 0);
}

/* As send(2); what a client takes at once is the rule, and costs no more. */
static ssize_t
send_parts(int fd, struct iovec *parts, int count)
{
	struct msghdr message = { .msg_iov = parts,
				  .msg_iovlen = (size_t)count };

	if (count == 1)
		return send(fd, parts->iov_base, parts->iov_len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What is taken at once. */
static enum conn_sent
attempt(struct conn *conn, struct iovec *parts, int count, size_t *sent)
{
	ssize_t n = send_parts(conn->source.fd, parts, count);

	if (n < 0 && conn_failed(conn, errno))
		return CONN_GONE;
	*sent = n < 0 ? 0 : (size_t)n;
	if (n > 0)
		conn->touched = conn->instance->conns->now;
	conn->bytes_out += *sent;
	counter_add(&conn->instance->tally->bytes_out, *sent);
	return *sent == length_of(parts, count) ? CONN_SENT : CONN_PARTLY;
}

enum conn_sent
conn_push(struct conn *conn, struct iovec *parts, int count, size_t *sent)
{
	enum conn_sent result = attempt(conn, parts, count, sent);

	if (result == CONN_PARTLY && !(conn->flags & CONN_BLOCKED)) {
		conns_block(conn, clock_monotonic());
		conns_watch(conn);
	}
	return result;
}

void
conn_hold(struct conn *conn, bool hold)
{
	if (hold == !!(conn->flags & CONN_HELD))
		return;
	conn->flags ^= CONN_HELD;
	conns_watch(conn);
}

enum conn_sent
conn_write(struct conn *conn, struct iovec *parts, int count)
{
	size_t sent = 0;

	if (!conn->owed) {
		enum conn_sent result = attempt(conn, parts, count, &sent);

		if (result != CONN_PARTLY)
			return result;
	}
	if (owe(conn, parts, count, sent))
		return CONN_PARTLY;
	conn_close(conn, CONN_NO_MEMORY);
	return CONN_GONE;
}
