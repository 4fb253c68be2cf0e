/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/conns.h"

#include "base/clock.h"

#include <stdlib.h>

void
conns_init(struct conns *conns, struct loop *loop, struct peers *peers,
	   uint64_t first, void (*changed)(struct conns *conns))
{
	*conns = (struct conns){ .loop = loop,
				 .peers = peers,
				 .changed = changed,
				 .now = clock_monotonic(),
				 .serial = first };
}

void
conns_free(struct conns *conns)
{
	for (uint32_t i = 0; i < conns->chunk_count; i++)
		free(conns->chunks[i]);
	free(conns->chunks);
}

/* The first to be used again. */
static void
shelve(struct conns *conns, struct conn *conn)
{
	conn->own.next = conns->unused;
	conns->unused = conn;
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
	for (int i = CONN_CHUNK; i-- > 0;)
		shelve(conns, &chunk[i]);
	return true;
}

struct conn *
conns_get(struct conns *conns)
{
	struct conn *conn;

	if (!conns->unused && !add_chunk(conns))
		return NULL;
	conn = conns->unused;
	conns->unused = conn->own.next;
	return conn;
}

void
conns_put(struct conns *conns, struct conn *conn)
{
	/* Whoever still has it at hand can tell that it is gone. */
	conn->serial = 0;
	shelve(conns, conn);
}

bool
conns_join(struct instance *instance, struct conn *conn)
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
place(struct instance *instance, struct conn *conn, uint32_t at)
{
	instance->members[at] = conn;
	conn->member = at;
}

void
conns_leave(struct instance *instance, struct conn *conn)
{
	uint32_t gap = conn->member;

	/* Those that are not listed yet stay in front of the others. */
	if (gap < instance->unlisted) {
		place(instance, instance->members[--instance->unlisted], gap);
		gap = instance->unlisted;
	}
	place(instance, instance->members[--instance->member_count], gap);
}

void
conns_list(struct instance *instance, struct conn *conn)
{
	uint32_t at = conn->member;

	if (!instance->listed || at < instance->unlisted)
		return;
	place(instance, instance->members[instance->unlisted], at);
	place(instance, conn, instance->unlisted++);
}

bool
conns_reads(const struct conn *conn)
{
	if (conn->flags & CONN_FINISHED)
		return false;
	/* Who is to go has to be heard, lest he waits for us. */
	if (conn->flags & CONN_ENDING)
		return true;
	return !(conn->flags & CONN_HELD) &&
	       !(conn_owes(conn) > 0 && conn->instance->config->service->paced);
}

uint32_t
conns_events(const struct conn *conn)
{
	uint32_t events = 0;

	if (conns_reads(conn))
		events |= EPOLLIN | EPOLLRDHUP;
	if (conn->debt)
		events |= EPOLLOUT;
	return events;
}

void
conns_watch(struct conn *conn)
{
	(void)loop_modify(conn->instance->conns->loop, &conn->source,
			  conns_events(conn));
}
