/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/takeover.h"

#include "base/clock.h"
#include "ipc/events.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Taken from one old worker before the others, and ticks, get their turn. */
enum {
	BATCHES_PER_EVENT = 2
};

/* --- who serves it --- */

static struct instance *
instance_of(struct takeover *takeover, uint32_t service)
{
	for (int i = 0; i < takeover->instance_count; i++)
		if (takeover->instances[i].config->board == (int)service)
			return &takeover->instances[i];
	return NULL;
}

/*
 * The listener of INSTANCE that stands for the one it came in by: the same
 * one, or another that its client could have reached at the same address.
 */
static const struct accept_listener *
listener_of(const struct takeover *takeover, const struct instance *instance,
	    int fd, uint64_t id)
{
	struct addr local = { .length = sizeof(local.un) };

	for (int i = 0; i < takeover->listener_count; i++)
		if (takeover->listeners[i].id == id &&
		    &takeover->instances[takeover->listeners[i].service] ==
			    instance)
			return &takeover->listeners[i];
	if (getsockname(fd, &local.sa, &local.length) < 0)
		return NULL;
	for (int i = 0; i < takeover->listener_count; i++)
		if (&takeover->instances[takeover->listeners[i].service] ==
			    instance &&
		    takeover->listeners[i].transport == ADDR_TCP &&
		    addr_collide(&takeover->listeners[i].bound, &local))
			return &takeover->listeners[i];
	return NULL;
}

/* Its service is not there any more: count it as taken, and close it. */
static void
close_orphan(struct takeover *takeover, int fd,
	     const struct handoff_conn *saved, const char *owed)
{
	static const struct service nobody = { .type = "none" };
	struct service_config config = { .service = &nobody };
	struct instance instance = { .config = &config,
				     .conns = takeover->conns };
	const struct scoreboard_master *master =
		scoreboard_master(takeover->conns->peers->scoreboard);
	struct conn *conn;

	if (saved->service >= SCOREBOARD_SERVICES) {
		close(fd);
		return;
	}
	strlcpy(config.name, master->services[saved->service].name,
		sizeof(config.name));
	instance.tally = &takeover->slot->services[saved->service];
	TAILQ_INIT(&instance.blocked);
	conn = conn_restore(&instance, fd, saved, owed);
	if (conn)
		conn_close(conn, CONN_REMOVED);
	free(instance.members);
}

static void
take(struct takeover *takeover, int fd, const struct handoff_conn *saved,
     const char *owed, const char *state, struct census_seats *seats)
{
	struct instance *instance = instance_of(takeover, saved->service);
	const struct accept_listener *listener;
	const struct service *service;
	struct conn *conn;

	if (!instance) {
		close_orphan(takeover, fd, saved, owed);
		return;
	}
	service = instance->config->service;
	listener = listener_of(takeover, instance, fd, saved->listener);
	conn = conn_restore(instance, fd, saved, owed);
	if (!conn) {
		gate_leave(takeover->conns, seats);
		return;
	}
	conn->seats = *seats;
	if (service->restore && !service->restore(conn, state, saved->state)) {
		conn_close(conn, CONN_NO_MEMORY);
	} else if (!listener) {
		conn_close(conn, CONN_REMOVED);
	} else {
		conn->listener = (uint16_t)(listener - takeover->listeners);
		if (service->resume)
			service->resume(conn);
	}
}

/* --- what comes --- */

static void
log_done(const struct takeover_source *source, const char *reason)
{
	uint64_t took = clock_monotonic() - source->began;
	struct log_record record;

	if (!log_begin(&record,
		       reason ? EVENT_TAKEOVER_FAILED : EVENT_TAKEN_OVER))
		return;
	log_tag(&record, "connections", "%" PRIu64, source->taken);
	log_tag(&record, "from_pid", "%" PRIu64, source->from);
	log_tag(&record, "ms", "%.3f", (double)took / 1e6);
	if (reason)
		log_tag(&record, "reason", "%s", reason);
	log_end(&record);
}

static void
drop(struct takeover_source *source)
{
	struct takeover *takeover = source->takeover;

	for (int i = 0; i < TAKEOVER_SOURCES; i++)
		if (takeover->sources[i] == source)
			takeover->sources[i] = NULL;
	loop_remove(takeover->conns->loop, &source->source);
	close(source->source.fd);
	free(source);
	takeover->open--;
}

/*
 * Count a batch as taken, before its receipt lets the old worker count it as
 * handed over: so no connection is ever nobody's.
 */
static void
count_taken(const struct takeover *takeover, struct handoff_batch *batch)
{
	const struct handoff_conn *saved;
	const char *owed, *state;
	int fd;

	while ((saved = handoff_next(batch, &fd, &owed, &state)))
		if (saved->service < SCOREBOARD_SERVICES)
			counter_add(
				&takeover->slot->services[saved->service].taken,
				1);
	handoff_rewind(batch);
}

/* It was not ours after all. */
static void
return_taken(const struct takeover *takeover, struct handoff_batch *batch)
{
	const struct handoff_conn *saved;
	const char *owed, *state;
	int fd;

	while ((saved = handoff_next(batch, &fd, &owed, &state))) {
		if (saved->service < SCOREBOARD_SERVICES)
			counter_add(&takeover->slot->services[saved->service]
					     .handed,
				    1);
		close(fd);
	}
}

/*
 * Count a batch over all workers: here, and no more where it was.  The old
 * worker does not leave before that.
 */
static void
inherit(struct takeover_source *source, struct handoff_batch *batch)
{
	struct takeover *takeover = source->takeover;
	struct census *census = takeover->conns->census;
	const struct handoff_conn *saved;
	struct census_seats *seats = takeover->seats;
	const char *owed, *state;
	int from, fd;

	memset(seats, 0, sizeof(takeover->seats));
	if (!census)
		return;
	from = census_owner(census, (pid_t)source->from);
	while ((saved = handoff_next(batch, &fd, &owed, &state))) {
		struct conn_peer peer;
		struct addr addr;

		memcpy(&peer, saved->peer, sizeof(peer));
		peer_addr(&peer, &addr);
		if (saved->service < SCOREBOARD_SERVICES)
			gate_inherit(takeover->conns,
				     instance_of(takeover, saved->service),
				     saved->service, &addr, from, seats);
		seats++;
	}
	handoff_rewind(batch);
}

static void
take_batch(struct takeover_source *source)
{
	struct takeover *takeover = source->takeover;
	struct handoff_batch *batch = &takeover->batch;
	struct census_seats *seats = takeover->seats;
	const struct handoff_conn *saved;
	const char *owed, *state;
	int fd;

	count_taken(takeover, batch);
	if (!handoff_acknowledge(source->source.fd, batch->count)) {
		/* The old worker did not wait, and has them still. */
		return_taken(takeover, batch);
		return;
	}
	source->taken += (uint64_t)batch->count;
	inherit(source, batch);
	while ((saved = handoff_next(batch, &fd, &owed, &state)))
		take(takeover, fd, saved, owed, state, seats++);
}

static void
source_ready(struct loop_source *loop_source, uint32_t events)
{
	struct takeover_source *source = (struct takeover_source *)loop_source;
	struct takeover *takeover = source->takeover;
	const char *reason = NULL;

	(void)events;
	for (int i = 0; i < BATCHES_PER_EVENT; i++) {
		switch (handoff_receive(source->source.fd, &takeover->batch)) {
		case HANDOFF_BATCHED:
			take_batch(source);
			takeover->changed(takeover);
			continue;
		case HANDOFF_NOTHING:
			return;
		case HANDOFF_ENDED:
			break;
		case HANDOFF_NO_ROOM:
			reason = "out of descriptors";
			break;
		case HANDOFF_UNREADABLE:
			reason = "not understood";
			break;
		}
		log_done(source, reason);
		drop(source);
		takeover->changed(takeover);
		return;
	}
}

/* --- life --- */

void
takeover_open(struct takeover *takeover, struct conns *conns,
	      struct scoreboard_slot *slot, struct instance *instances,
	      int instance_count, const struct accept_listener *listeners,
	      int listener_count, void (*changed)(struct takeover *takeover))
{
	takeover->conns = conns;
	takeover->slot = slot;
	takeover->instances = instances;
	takeover->instance_count = instance_count;
	takeover->listeners = listeners;
	takeover->listener_count = listener_count;
	takeover->changed = changed;
}

void
takeover_begin(struct takeover *takeover, int fd, uint64_t from)
{
	struct takeover_source *source = calloc(1, sizeof(*source));
	int place = 0;

	while (place < TAKEOVER_SOURCES && takeover->sources[place])
		place++;
	/* The old worker sees that it is closed, and asks another. */
	if (!source || place == TAKEOVER_SOURCES) {
		free(source);
		close(fd);
		return;
	}
	*source = (struct takeover_source){
		.source = { source_ready, fd },
		.takeover = takeover,
		.from = from,
		.began = clock_monotonic(),
	};
	if (loop_add(takeover->conns->loop, &source->source, EPOLLIN) < 0) {
		free(source);
		close(fd);
		return;
	}
	takeover->sources[place] = source;
	takeover->open++;
}

void
takeover_close(struct takeover *takeover)
{
	for (int i = 0; i < TAKEOVER_SOURCES; i++)
		if (takeover->sources[i])
			drop(takeover->sources[i]);
}
