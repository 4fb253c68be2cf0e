/* SPDX-License-Identifier: BSD-2-Clause */
/* What is sent, and kept while the client does not take it. */
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

size_t
conn_owes(const struct conn *conn)
{
	const struct conn_debt *debt = conn->debt;

	return debt && debt->owed ? debt->owed->length - debt->from : 0;
}

/* False: no memory. */
static bool
wait_for_room(struct conn *conn)
{
	if (conn->debt)
		return true;
	if (!conn_debt_wait(conn, clock_monotonic()))
		return false;
	conns_watch(conn);
	return true;
}

/* Owe what of PARTS has not been SENT, after what is owed already. */
static bool
owe(struct conn *conn, const struct iovec *parts, int count, size_t sent)
{
	size_t before = conn_owes(conn);
	size_t length = before + length_of(parts, count) - sent;
	struct message *message =
		length <= HANDOFF_OWED ? message_new(length) : NULL;
	char *to;

	if (!message)
		return false;
	to = message->bytes;
	if (before)
		to = mempcpy(to, conn->debt->owed->bytes + conn->debt->from,
			     before);
	for (int i = 0; i < count; i++) {
		size_t past = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		to = mempcpy(to, (const char *)parts[i].iov_base + past,
			     parts[i].iov_len - past);
		sent -= past;
	}
	if (!conn->debt && !conn_debt_wait(conn, clock_monotonic())) {
		message_drop(message);
		return false;
	}
	message_drop(conn->debt->owed);
	conn->debt->owed = message;
	conn->debt->from = 0;
	conns_watch(conn);
	return true;
}

bool
conn_owe(struct conn *conn, const char *bytes, size_t length)
{
	struct iovec part = { (void *)(uintptr_t)bytes, length };

	return owe(conn, &part, 1, 0);
}

/* What a client takes at once is the rule, and costs no more. */
ssize_t
conn_transmit(const struct conn *conn, const struct iovec *parts, int count)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts,
				  .msg_iovlen = (size_t)count };
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	ssize_t n = count == 1 ? send(conn->source.fd, parts->iov_base,
				      parts->iov_len, flags)
			       : sendmsg(conn->source.fd, &message, flags);

	return n < 0 ? -errno : n;
}

/* --- messages that many get --- */

bool
conn_takes(const struct conn *conn)
{
	return conn_owes(conn) == 0 && !(conn->flags & CONN_ENDING);
}

/* MESSAGE is out up to FROM. */
static enum conn_sent
owe_rest(struct conn *conn, struct message *message, size_t from)
{
	if (!conn_debt_wait(conn, clock_monotonic())) {
		/* The caller counts the bytes of those alone who stay. */
		counter_add(&conn->instance->tally->bytes_out, from);
		conn_close(conn, CONN_NO_MEMORY);
		return CONN_GONE;
	}
	conn->debt->owed = message_hold(message);
	conn->debt->from = (uint32_t)from;
	conns_watch(conn);
	return CONN_PARTLY;
}

enum conn_sent
conn_took(struct conn *conn, struct message *message, ssize_t result)
{
	if (result < 0) {
		if (conn_failed(conn, (int)-result))
			return CONN_GONE;
		if (result == -EAGAIN)
			(void)wait_for_room(conn);
		return CONN_SKIPPED;
	}
	if (result > 0)
		conn->touched = conn->instance->conns->now;
	conn->bytes_out += (uint64_t)result;
	if (result < (ssize_t)message->length)
		return owe_rest(conn, message, (size_t)result);
	if (conn->debt) {
		conn_debt_settle(conn);
		conns_watch(conn);
	}
	return CONN_SENT;
}

enum conn_sent
conn_send(struct conn *conn, struct message *message)
{
	struct iovec part = { message->bytes, message->length };

	if (!conn_takes(conn))
		return CONN_SKIPPED;
	return conn_took(conn, message, conn_transmit(conn, &part, 1));
}

/* --- what is one client's alone --- */

/* RESULT, of a send of PARTS, is what it took. */
static enum conn_sent
account(struct conn *conn, const struct iovec *parts, int count, ssize_t result,
	size_t *sent)
{
	if (result < 0 && conn_failed(conn, (int)-result))
		return CONN_GONE;
	*sent = result < 0 ? 0 : (size_t)result;
	if (result > 0)
		conn->touched = conn->instance->conns->now;
	conn->bytes_out += *sent;
	counter_add(&conn->instance->tally->bytes_out, *sent);
	return *sent == length_of(parts, count) ? CONN_SENT : CONN_PARTLY;
}

enum conn_sent
conn_pushed(struct conn *conn, const struct iovec *parts, int count,
	    ssize_t result, size_t *sent)
{
	enum conn_sent how = account(conn, parts, count, result, sent);

	if (how != CONN_PARTLY || wait_for_room(conn))
		return how;
	conn_close(conn, CONN_NO_MEMORY);
	return CONN_GONE;
}

enum conn_sent
conn_push(struct conn *conn, const struct iovec *parts, int count, size_t *sent)
{
	return conn_pushed(conn, parts, count,
			   conn_transmit(conn, parts, count), sent);
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
conn_write(struct conn *conn, const struct iovec *parts, int count)
{
	size_t sent = 0;

	if (conn_owes(conn) == 0) {
		enum conn_sent how =
			account(conn, parts, count,
				conn_transmit(conn, parts, count), &sent);

		if (how != CONN_PARTLY)
			return how;
	}
	if (owe(conn, parts, count, sent))
		return CONN_PARTLY;
	conn_close(conn, CONN_NO_MEMORY);
	return CONN_GONE;
}
