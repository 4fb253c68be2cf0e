/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/conn.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "worker/accept.h"
#include "worker/conn_log.h"
#include "worker/conns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert((int)SCOREBOARD_LISTENERS <= UINT16_MAX,
	       "each has a place that conn->listener can say");

/* How often one event may read before the others get their turn. */
enum {
	READS_PER_EVENT = 4
};

/* It is nobody's any more. */
static void
end(struct conn *conn, enum conn_reason reason)
{
	struct instance *instance = conn->instance;
	struct conns *conns = instance->conns;

	if (instance->config->service->close)
		instance->config->service->close(conn);
	conn_debt_drop(conn);
	/* First: it may come again as soon as it sees that it is closed. */
	gate_leave(conns, &conn->seats);
	close(conn->source.fd);
	conns->count--;
	counter_add(&instance->tally->closed, 1);
	/* First: of two workers that lose their last one, one says 0. */
	conns->changed(conns);
	conn_log_disconnected(conn, reason);
	conns_put(conns, conn);
}

void
conn_close(struct conn *conn, enum conn_reason reason)
{
	struct instance *instance = conn->instance;

	conn_debt_unlist(conn);
	conns_leave(instance, conn);
	loop_remove(instance->conns->loop, &conn->source);
	if (reason == CONN_STALLED) {
		/* Nobody will read what the kernel still holds. */
		struct linger abort = { .l_onoff = 1, .l_linger = 0 };

		setsockopt(conn->source.fd, SOL_SOCKET, SO_LINGER, &abort,
			   sizeof(abort));
	}
	end(conn, reason);
}

enum conn_reason
conn_end_reason(const struct conn *conn)
{
	if (conn->flags & CONN_LEAVING)
		return CONN_CLIENT_CLOSED;
	return conn->flags & CONN_EXPELLED ? CONN_DISMISSED : CONN_STOPPING;
}

static enum conn_reason
reason_of(const struct conn *conn, int error)
{
	if (conn->flags & CONN_ENDING)
		return conn_end_reason(conn);
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

bool
conn_failed(struct conn *conn, int error)
{
	if (error == EAGAIN || error == ENOBUFS || error == ENOMEM ||
	    error == EINTR)
		return false;
	conn_close(conn, reason_of(conn, error));
	return true;
}

static void
shut(struct conn *conn)
{
	if (conn->flags & CONN_SHUT)
		return;
	conn->flags |= CONN_SHUT;
	shutdown(conn->source.fd, SHUT_WR);
}

/* All is out that was owed.  False when the connection is gone. */
static bool
drained(struct conn *conn)
{
	const struct service *service = conn->instance->config->service;
	uint64_t serial = conn->serial;

	conn_debt_settle(conn);
	if (conn->flags & CONN_ENDING)
		shut(conn);
	conns_watch(conn);
	if (service->drain && !(conn->flags & CONN_ENDING))
		service->drain(conn);
	return conn->serial == serial;
}

/* There is room: send what is owed.  False when the connection is gone. */
static bool
flush(struct conn *conn)
{
	struct conn_debt *debt = conn->debt;
	size_t left = conn_owes(conn);
	ssize_t n;

	if (left == 0)
		return drained(conn);
	n = send(conn->source.fd, debt->owed->bytes + debt->from, left,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return !conn_failed(conn, errno);
	conn->bytes_out += (uint64_t)n;
	counter_add(&conn->instance->tally->bytes_out, (uint64_t)n);
	conn->touched = conn->instance->conns->now;
	if ((size_t)n == left)
		return drained(conn);
	debt->from += (uint32_t)n;
	(void)conn_debt_wait(conn, clock_monotonic());
	return true;
}

/* Its end of file: from now on only a reset tells that it is gone. */
static void
finished(struct conn *conn)
{
	const struct service *service = conn->instance->config->service;

	conn->flags |= CONN_FINISHED;
	conns_watch(conn);
	if (conn->flags & CONN_SHUT)
		conn_close(conn, reason_of(conn, 0));
	else if (service->hangup && !(conn->flags & CONN_ENDING))
		service->hangup(conn);
	else if (service->finish)
		conn_end(conn, CONN_CLIENT_CLOSED);
}

/* Read a bounded amount.  False when the connection is gone. */
static bool
receive(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct conns *conns = instance->conns;
	const struct service *service = instance->config->service;

	for (int i = 0; i < READS_PER_EVENT && conns_reads(conn); i++) {
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
		if (!(conn->flags & CONN_ENDING))
			conn->touched = conns->now;
		if (service->input && !(conn->flags & CONN_ENDING)) {
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

/* A new one, joined to INSTANCE and watched, or NULL. */
static struct conn *
add(struct instance *instance, int fd, const struct conn *init)
{
	struct conns *conns = instance->conns;
	struct conn *conn = conns_get(conns);

	if (!conn)
		return NULL;
	*conn = *init;
	conn->source = (struct loop_source){ conn_ready, fd };
	conn->instance = instance;
	if (!conns_join(instance, conn)) {
		conns_put(conns, conn);
		return NULL;
	}
	if (loop_add(conns->loop, &conn->source, conns_events(conn)) < 0) {
		conns_leave(instance, conn);
		conns_put(conns, conn);
		return NULL;
	}
	conns->count++;
	return conn;
}

bool
conn_open(struct instance *instance, uint16_t listener, int fd,
	  const struct addr *peer)
{
	struct conns *conns = instance->conns;
	struct conn init = { .listener = listener,
			     .opened = clock_monotonic(),
			     .touched = conns->now,
			     .serial = conns->serial + 1 };
	enum refusal why = gate_admit(instance, peer, &init.seats);
	struct conn *conn = NULL;

	peer_keep(&init.peer, fd, peer);
	if (why == REFUSALS)
		conn = add(instance, fd, &init);
	if (!conn) {
		gate_leave(conns, &init.seats);
		gate_refuse(instance, fd, peer,
			    why == REFUSALS ? REFUSED_SHORTAGE : why);
		return false;
	}
	conns->serial++;
	counter_add(&instance->tally->accepted, 1);
	conns->changed(conns);
	conn_log_connected(conn);
	if (instance->config->service->open)
		instance->config->service->open(conn);
	return true;
}

/* --- passing it on --- */

void
conn_offer(struct conn *conn)
{
	struct instance *instance = conn->instance;

	conn->flags |= CONN_OFFERED;
	/* The new owner shares the open file: the loop would hear of it. */
	loop_remove(instance->conns->loop, &conn->source);
	conn_debt_unlist(conn);
	conns_leave(instance, conn);
}

void
conn_give(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct conns *conns = instance->conns;

	if (instance->config->service->forget)
		instance->config->service->forget(conn);
	conn_debt_drop(conn);
	close(conn->source.fd);
	conns->count--;
	counter_add(&instance->tally->handed, 1);
	conns_put(conns, conn);
	conns->changed(conns);
}

void
conn_reclaim(struct conn *conn)
{
	struct instance *instance = conn->instance;

	conn->flags &= (uint16_t)~CONN_OFFERED;
	if (!conns_join(instance, conn)) {
		end(conn, CONN_NO_MEMORY);
		return;
	}
	conns_list(instance, conn);
	conn_debt_list(conn);
	if (loop_add(instance->conns->loop, &conn->source, conns_events(conn)) <
	    0)
		conn_close(conn, CONN_ERROR);
	else if (instance->config->service->resume)
		instance->config->service->resume(conn);
}

void
conn_save(const struct conn *conn, struct handoff_conn *saved,
	  const char **owed)
{
	const struct instance *instance = conn->instance;

	*saved = (struct handoff_conn){
		.service = (uint32_t)instance->config->board,
		.listener = instance->conns->listeners[conn->listener].id,
		.flags = conn->flags,
		.ticks = conn->ticks,
		.skipped = conn->skipped,
		.serial = conn->serial,
		.opened = conn->opened,
		.touched = conn->touched,
		.bytes_in = conn->bytes_in,
		.bytes_out = conn->bytes_out,
		.mark = conn->mark,
	};
	memcpy(saved->peer, &conn->peer, sizeof(conn->peer));
	conn_debt_save(conn, saved, owed);
}

struct conn *
conn_restore(struct instance *instance, int fd,
	     const struct handoff_conn *saved, const char *owed)
{
	struct conn init = {
		.serial = saved->serial,
		.opened = saved->opened,
		.bytes_in = saved->bytes_in,
		.bytes_out = saved->bytes_out,
		.mark = saved->mark,
		.ticks = saved->ticks,
		.skipped = saved->skipped,
		.flags = saved->flags &
			 (CONN_FINISHED | CONN_ENDING | CONN_SHUT |
			  CONN_LEAVING | CONN_HELD | CONN_EXPELLED),
		.touched = saved->touched,
	};
	struct conn *conn = NULL;

	memcpy(&init.peer, saved->peer, sizeof(init.peer));
	if (conn_debt_restore(&init, saved, owed))
		conn = add(instance, fd, &init);
	if (!conn) {
		init.instance = instance;
		conn_debt_drop(&init);
		close(fd);
		counter_add(&instance->tally->closed, 1);
		conn_log_disconnected(&init, CONN_NO_MEMORY);
		return NULL;
	}
	conn_debt_list(conn);
	instance->conns->changed(instance->conns);
	return conn;
}

/* Let the service send what it held back; false when that ended it. */
static bool
finish(struct conn *conn)
{
	const struct service *service = conn->instance->config->service;
	uint64_t serial = conn->serial;

	if (service->finish && !(conn->flags & CONN_ENDING))
		service->finish(conn);
	return conn->serial == serial;
}

void
conn_end(struct conn *conn, enum conn_reason reason)
{
	if (!finish(conn))
		return;
	if (reason == CONN_CLIENT_CLOSED)
		conn->flags |= CONN_LEAVING;
	else if (reason == CONN_DISMISSED)
		conn->flags |= CONN_EXPELLED;
	conn->flags |= CONN_ENDING;
	if (conn_owes(conn) == 0) {
		conn_debt_settle(conn);
		if (conn->flags & CONN_FINISHED) {
			conn_close(conn, reason_of(conn, 0));
			return;
		}
		shut(conn);
	}
	conns_watch(conn);
}

void
conn_peer_text(const struct conn *conn, char text[ADDR_TEXT])
{
	peer_format(&conn->peer, text);
}
