/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/roster.h"

#include "base/clock.h"
#include "ipc/answer.h"
#include "ipc/command.h"
#include "ipc/passing.h"
#include "ipc/serial.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint64_t SETTLING = 10 * (uint64_t)CLOCK_MILLISECOND;

/* --- the end --- */

void
roster_end(struct roster *roster)
{
	if (roster->asker.fd < 0)
		return;
	for (int i = 0; i < roster->instance_count; i++) {
		roster->instances[i].listed = false;
		roster->instances[i].unlisted = 0;
	}
	timer_cancel(&roster->settling);
	loop_remove(roster->conns->loop, &roster->asker);
	loop_remove(roster->conns->loop, &roster->baton);
	close(roster->asker.fd);
	close(roster->baton.fd);
	roster->asker.fd = -1;
	roster->baton.fd = -1;
}

static void
end_with(struct roster *roster, enum command_baton word)
{
	char byte = (char)word;

	(void)!write(roster->baton.fd, &byte, 1);
	roster_end(roster);
}

/* --- what is told --- */

static json_t *
client_object(const struct roster *roster, const struct conn *conn)
{
	const struct service *service = conn->instance->config->service;
	const char *name = service->name ? service->name(conn) : NULL;
	uint64_t age = clock_monotonic() - conn->opened;
	char id[SERIAL_TEXT], peer[ADDR_TEXT];
	json_t *client;

	serial_format(conn->serial, id);
	conn_peer_text(conn, peer);
	client = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "id", id,
		"service", conn->instance->config->name, "peer", peer,
		"age_seconds", (json_int_t)(age / (uint64_t)CLOCK_SECOND),
		"bytes_in", (json_int_t)conn->bytes_in, "bytes_out",
		(json_int_t)conn->bytes_out, "ticks", (json_int_t)conn->ticks,
		"skipped", (json_int_t)conn->skipped, "worker",
		(json_int_t)roster->worker);
	if (name)
		json_object_set_new(client, "name", json_string(name));
	return json_pack("{s:o}", "client", client);
}

/* False: memory is out. */
static bool
add(struct roster *roster, const struct conn *conn)
{
	size_t length = answer_line(client_object(roster, conn),
				    roster->bytes + roster->used,
				    sizeof(roster->bytes) - roster->used);

	roster->used += length;
	return length > 0;
}

/* One that was not told of yet, or NULL. */
static struct conn *
next_conn(struct roster *roster)
{
	for (int i = 0; i < roster->instance_count; i++) {
		struct instance *instance = &roster->instances[i];

		if (instance->unlisted > 0)
			return instance->members[--instance->unlisted];
	}
	return NULL;
}

/* As many as fit.  False: memory is out. */
static bool
add_some(struct roster *roster)
{
	struct conn *conn;

	for (int i = 0; i < ROSTER_AT_ONCE &&
			roster->used + ROSTER_ENTRY <= sizeof(roster->bytes) &&
			(conn = next_conn(roster));
	     i++)
		if (!add(roster, conn))
			return false;
	return true;
}

/* What is here goes out, as far as there is room.  False: nobody takes it. */
static bool
tell(struct roster *roster)
{
	while (roster->told < roster->used) {
		ssize_t n = send(roster->asker.fd, roster->bytes + roster->told,
				 roster->used - roster->told,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		roster->told += (size_t)n;
	}
	roster->told = 0;
	roster->used = 0;
	return true;
}

/* --- what is done --- */

static struct conn *
find(const struct roster *roster)
{
	for (int i = 0; i < roster->instance_count; i++) {
		const struct instance *instance = &roster->instances[i];

		for (uint32_t k = 0; k < instance->member_count; k++)
			if (instance->members[k]->serial == roster->serial)
				return instance->members[k];
	}
	return NULL;
}

/* Nothing more is here; but what is under way may come back. */
static void
be_through(struct roster *roster)
{
	if (handover_under_way(roster->handover) &&
	    loop_modify(roster->conns->loop, &roster->asker, 0) == 0)
		timer_after(&roster->settling, SETTLING);
	else
		roster_end(roster);
}

static void
kick(struct roster *roster)
{
	struct conn *conn = find(roster);

	if (!conn) {
		be_through(roster);
		return;
	}
	(void)add(roster, conn);
	(void)tell(roster);
	conn_close(conn, CONN_KICKED);
	end_with(roster, COMMAND_FOUND);
}

static void
list(struct roster *roster)
{
	if (!tell(roster))
		roster_end(roster);
	else if (roster->used > 0)
		return;
	else if (!add_some(roster))
		end_with(roster, COMMAND_FAILED);
	else if (roster->used == 0)
		be_through(roster);
	else if (!tell(roster))
		roster_end(roster);
}

static void
asker_ready(struct loop_source *source, uint32_t events)
{
	struct roster *roster = (struct roster *)source;

	if (events & (EPOLLHUP | EPOLLERR))
		roster_end(roster);
	else if (roster->kicks)
		kick(roster);
	else
		list(roster);
}

static void
baton_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	/* Nothing is asked for: the other end is closed. */
	roster_end((struct roster *)((char *)source -
				     offsetof(struct roster, baton)));
}

static void
look_again(struct timer *timer, bool stepped)
{
	struct roster *roster =
		(struct roster *)((char *)timer -
				  offsetof(struct roster, settling));

	(void)stepped;
	if (loop_modify(roster->conns->loop, &roster->asker, EPOLLOUT) < 0)
		end_with(roster, COMMAND_FAILED);
}

/* --- the beginning --- */

void
roster_begin(struct roster *roster, bool kicks, uint64_t argument,
	     const int *fds, int count)
{
	struct loop *loop = roster->conns->loop;

	/* The master has given up the one before. */
	roster_end(roster);
	/* Without a descriptor for it, an operator is not there. */
	if (count != 2) {
		passing_close(fds, count);
		return;
	}
	roster->baton = (struct loop_source){ baton_ready, fds[0] };
	roster->asker = (struct loop_source){ asker_ready, fds[1] };
	roster->kicks = kicks;
	roster->serial = kicks ? argument : 0;
	roster->used = 0;
	roster->told = 0;
	for (int i = 0; !kicks && i < roster->instance_count; i++) {
		struct instance *instance = &roster->instances[i];

		instance->listed =
			argument == 0 ||
			(uint64_t)instance->config->board + 1 == argument;
		instance->unlisted =
			instance->listed ? instance->member_count : 0;
	}
	/* In its turn: what came from other workers meanwhile is here then. */
	if (loop_add(loop, &roster->baton, 0) < 0 ||
	    loop_add(loop, &roster->asker, EPOLLOUT) < 0)
		end_with(roster, COMMAND_FAILED);
}

int
roster_open(struct roster *roster, struct conns *conns,
	    struct instance *instances, int instance_count,
	    const struct handover *handover, unsigned worker)
{
	roster->asker.fd = -1;
	roster->baton.fd = -1;
	roster->conns = conns;
	roster->instances = instances;
	roster->instance_count = instance_count;
	roster->handover = handover;
	roster->worker = worker;
	/* It opens a file for that, which is not possible later. */
	json_object_seed(0);
	return timer_open(&roster->settling, conns->loop, CLOCK_MONOTONIC,
			  look_again);
}

void
roster_close(struct roster *roster)
{
	roster_end(roster);
	timer_close(&roster->settling);
}
