/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/conn.h"

#include "base/clock.h"
#include "ipc/events.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often one event may read before the others get their turn. */
enum {
	READS_PER_EVENT = 4
};

void
conns_init(struct conns *conns, struct loop *loop, struct peers *peers,
	   void (*changed)(struct conns *conns))
{
	*conns = (struct conns){ .loop = loop,
				 .peers = peers,
				 .changed = changed };
	TAILQ_INIT(&conns->unused);
}

void
conns_free(struct conns *conns)
{
	for (uint32_t i = 0; i < conns->chunk_count; i++)
		free(conns->chunks[i]);
	free(conns->chunks);
}

static bool
add_chunk(struct conns *conns)
{
	struct conn **chunks = reallocarray(
		conns->chunks, conns->chunk_count + 1, sizeof(*chunks));
	struct conn *chunk;

	if (!chunks)
		return false;
	conns->chunks = chunks;
	chunk = calloc(CONN_CHUNK, sizeof(*chunk));
	if (!chunk)
		return false;
	chunks[conns->chunk_count++] = chunk;
	for (int i = 0; i < CONN_CHUNK; i++)
		TAILQ_INSERT_TAIL(&conns->unused, &chunk[i], blocked);
	return true;
}

static bool
join(struct instance *instance, struct conn *conn)
{
	if (instance->member_count == instance->member_room) {
		uint32_t room = instance->member_room * 3 / 2 + 64;
		struct conn **members =
			reallocarray(instance->members, room, sizeof(*members));

		if (!members)
			return false;
		instance->members = members;
		instance->member_room = room;
	}
	conn->member = instance->member_count;
	instance->members[instance->member_count++] = conn;
	return true;
}

static void
leave(struct instance *instance, struct conn *conn)
{
	struct conn *last = instance->members[--instance->member_count];

	instance->members[conn->member] = last;
	last->member = conn->member;
}

static void
block(struct conn *conn)
{
	conn->blocked_since = clock_monotonic();
	if (conn->flags & CONN_BLOCKED)
		TAILQ_REMOVE(&conn->instance->blocked, conn, blocked);
	conn->flags |= CONN_BLOCKED;
	TAILQ_INSERT_TAIL(&conn->instance->blocked, conn, blocked);
}

static void
unblock(struct conn *conn)
{
	if (!(conn->flags & CONN_BLOCKED))
		return;
	conn->flags &= (uint16_t)~CONN_BLOCKED;
	TAILQ_REMOVE(&conn->instance->blocked, conn, blocked);
}

/* Watch for what the connection waits for now. */
static void
watch(struct conn *conn)
{
	uint32_t events = 0;

	if (!(conn->flags & CONN_FINISHED))
		events |= EPOLLIN | EPOLLRDHUP;
	if (conn->flags & CONN_BLOCKED)
		events |= EPOLLOUT;
	(void)loop_modify(conn->instance->conns->loop, &conn->source, events);
}

static const char *
reason_text(enum conn_reason reason)
{
	static const char *const texts[] = {
		[CONN_CLIENT_CLOSED] = "closed by client",
		[CONN_CLIENT_RESET] = "reset by client",
		[CONN_TIMED_OUT] = "timed out",
		[CONN_STALLED] = "stalled",
		[CONN_STOPPING] = "server stopping",
		[CONN_NO_MEMORY] = "out of memory",
		[CONN_ERROR] = "error",
	};

	return texts[reason];
}

static void
log_connected(struct conn *conn)
{
	struct conns *conns = conn->instance->conns;
	struct log_record record;
	char peer[ADDR_TEXT];

	if (!log_begin(&record, EVENT_CLIENT_CONNECTED))
		return;
	conn_peer_text(conn, peer);
	log_tag(&record, "service", "%s", conn->instance->config->name);
	log_tag(&record, "peer", "%s", peer);
	log_tag(&record, "active", "%" PRIu64,
		peers_active(conns->peers, conns->count));
	log_end(&record);
}

static void
log_disconnected(const struct conn *conn, enum conn_reason reason)
{
	struct conns *conns = conn->instance->conns;
	uint64_t age = clock_monotonic() - conn->opened;
	struct log_record record;
	char peer[ADDR_TEXT];

	if (!log_begin(&record, EVENT_CLIENT_DISCONNECTED))
		return;
	conn_peer_text(conn, peer);
	log_tag(&record, "service", "%s", conn->instance->config->name);
	log_tag(&record, "peer", "%s", peer);
	log_tag(&record, "reason", "%s", reason_text(reason));
	log_tag(&record, "duration", "%.3f",
		(double)age / (double)CLOCK_SECOND);
	log_tag(&record, "ticks", "%" PRIu32, conn->ticks);
	log_tag(&record, "skipped", "%" PRIu32, conn->skipped);
	log_tag(&record, "active", "%" PRIu64,
		peers_active(conns->peers, conns->count));
	log_end(&record);
}

void
conn_close(struct conn *conn, enum conn_reason reason)
{
	struct instance *instance = conn->instance;
	struct conns *conns = instance->conns;

	if (instance->config->service->close)
		instance->config->service->close(conn);
	unblock(conn);
	leave(instance, conn);
	message_drop(conn->owed);
	conn->owed = NULL;
	loop_remove(conns->loop, &conn->source);
	if (reason == CONN_STALLED) {
		/* Nobody will read what the kernel still holds. */
		struct linger abort = { .l_onoff = 1, .l_linger = 0 };

		setsockopt(conn->source.fd, SOL_SOCKET, SO_LINGER, &abort,
			   sizeof(abort));
	}
	close(conn->source.fd);
	conns->count--;
	counter_add(&instance->tally->closed, 1);
	log_disconnected(conn, reason);
	TAILQ_INSERT_HEAD(&conns->unused, conn, blocked);
	conns->changed(conns);
}

static enum conn_reason
reason_of(const struct conn *conn, int error)
{
	if (conn->flags & CONN_ENDING)
		return CONN_STOPPING;
	switch (error) {
	case 0:
		return CONN_CLIENT_CLOSED;
	case EPIPE:
	case ECONNRESET:
		/* A reset after its end of file is how a close looks like
		 * when we went on sending. */
		return conn->flags & CONN_FINISHED ? CONN_CLIENT_CLOSED
						   : CONN_CLIENT_RESET;
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return CONN_TIMED_OUT;
	default:
		return CONN_ERROR;
	}
}

static void
shut(struct conn *conn)
{
	if (conn->flags & CONN_SHUT)
		return;
	conn->flags |= CONN_SHUT;
	shutdown(conn->source.fd, SHUT_WR);
}

/* There is room: send what is owed.  False when the connection is gone. */
static bool
flush(struct conn *conn)
{
	struct message *owed = conn->owed;
	ssize_t n = 0;

	if (owed) {
		n = send(conn->source.fd, owed->bytes + conn->owed_from,
			 owed->length - conn->owed_from,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != ENOBUFS &&
		    errno != ENOMEM && errno != EINTR) {
			conn_close(conn, reason_of(conn, errno));
			return false;
		}
	}
	if (n > 0) {
		conn->bytes_out += (uint64_t)n;
		counter_add(&conn->instance->tally->bytes_out, (uint64_t)n);
		conn->owed_from += (uint16_t)n;
		if (conn->owed_from < owed->length)
			block(conn);
	}
	if (owed && conn->owed_from < owed->length)
		return true;
	message_drop(owed);
	conn->owed = NULL;
	unblock(conn);
	if (conn->flags & CONN_ENDING)
		shut(conn);
	watch(conn);
	return true;
}

enum conn_sent
conn_send(struct conn *conn, struct message *message)
{
	ssize_t n;

	if (conn->owed || conn->flags & CONN_ENDING)
		return CONN_SKIPPED;
	n = send(conn->source.fd, message->bytes, message->length,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)message->length) {
		conn->bytes_out += (uint64_t)n;
		if (conn->flags & CONN_BLOCKED) {
			unblock(conn);
			watch(conn);
		}
		return CONN_SENT;
	}
	if (n >= 0) {
		conn->bytes_out += (uint64_t)n;
		conn->owed = message_hold(message);
		conn->owed_from = (uint16_t)n;
		block(conn);
		watch(conn);
		return CONN_PARTLY;
	}
	if (errno == EAGAIN) {
		if (!(conn->flags & CONN_BLOCKED)) {
			block(conn);
			watch(conn);
		}
		return CONN_SKIPPED;
	}
	if (errno == ENOBUFS || errno == ENOMEM || errno == EINTR)
		return CONN_SKIPPED;
	conn_close(conn, reason_of(conn, errno));
	return CONN_GONE;
}

/* Its end of file: from now on only a reset tells that it is gone. */
static void
finished(struct conn *conn)
{
	conn->flags |= CONN_FINISHED;
	if (conn->flags & CONN_SHUT)
		conn_close(conn, CONN_STOPPING);
	else
		watch(conn);
}

/* Read a bounded amount.  False when the connection is gone. */
static bool
receive(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct conns *conns = instance->conns;
	const struct service *service = instance->config->service;

	for (int i = 0; i < READS_PER_EVENT; i++) {
		uint64_t serial = conn->serial;
		ssize_t n = recv(conn->source.fd, conns->scratch,
				 sizeof(conns->scratch), MSG_DONTWAIT);

		if (n == 0) {
			finished(conn);
			return false;
		}
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return true;
			conn_close(conn, reason_of(conn, errno));
			return false;
		}
		conn->bytes_in += (uint64_t)n;
		counter_add(&instance->tally->bytes_in, (uint64_t)n);
		if (service->input) {
			service->input(conn, conns->scratch, (size_t)n);
			if (conn->serial != serial)
				return false;
		}
		if ((size_t)n < sizeof(conns->scratch))
			return true;
	}
	return true;
}

static void
conn_ready(struct loop_source *source, uint32_t events)
{
	struct conn *conn = (struct conn *)source;

	if (events & (EPOLLERR | EPOLLHUP)) {
		int error = 0;
		socklen_t length = sizeof(error);

		getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		conn_close(conn, reason_of(conn, error));
		return;
	}
	if (events & EPOLLOUT && !flush(conn))
		return;
	if (events & (EPOLLIN | EPOLLRDHUP))
		(void)receive(conn);
}

static bool
refuse(struct instance *instance, int fd)
{
	close(fd);
	counter_add(&instance->tally->refused, 1);
	log_event(EVENT_CLIENT_REFUSED, "reason", "%s", strerror(ENOMEM));
	return false;
}

bool
conn_open(struct instance *instance, int fd, const struct addr *peer)
{
	struct conns *conns = instance->conns;
	struct conn *conn;

	if (TAILQ_EMPTY(&conns->unused) && !add_chunk(conns))
		return refuse(instance, fd);
	conn = TAILQ_FIRST(&conns->unused);
	TAILQ_REMOVE(&conns->unused, conn, blocked);
	*conn = (struct conn){ .source = { conn_ready, fd },
			       .instance = instance,
			       .opened = clock_monotonic(),
			       .serial = ++conns->serial };
	peer_keep(&conn->peer, fd, peer);
	if (!join(instance, conn) ||
	    loop_add(conns->loop, &conn->source, EPOLLIN | EPOLLRDHUP) < 0) {
		if (conn->member < instance->member_count &&
		    instance->members[conn->member] == conn)
			leave(instance, conn);
		TAILQ_INSERT_HEAD(&conns->unused, conn, blocked);
		return refuse(instance, fd);
	}
	conns->count++;
	counter_add(&instance->tally->accepted, 1);
	conns->changed(conns);
	log_connected(conn);
	if (instance->config->service->open)
		instance->config->service->open(conn);
	return true;
}

void
conn_end(struct conn *conn)
{
	conn->flags |= CONN_ENDING;
	if (conn->owed)
		return;
	unblock(conn);
	shut(conn);
	if (conn->flags & CONN_FINISHED)
		conn_close(conn, CONN_STOPPING);
	else
		watch(conn);
}

bool
conn_settled(const struct conn *conn)
{
	int queued = 0;

	if (conn->owed)
		return false;
	/* All that was sent has been acknowledged, and what arrived was
	 * read: a close now is no reset. */
	return ioctl(conn->source.fd, SIOCOUTQ, &queued) < 0 || queued == 0;
}

void
conn_close_stalled(struct instance *instance)
{
	uint64_t now = clock_monotonic();
	struct conn *conn;

	if (instance->config->stall == 0)
		return;
	while ((conn = TAILQ_FIRST(&instance->blocked)) &&
	       now - conn->blocked_since >= instance->config->stall)
		conn_close(conn, CONN_STALLED);
}

void
conn_peer_text(const struct conn *conn, char text[ADDR_TEXT])
{
	peer_format(&conn->peer, text);
}
