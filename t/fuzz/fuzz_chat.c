/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A room's client and its worker, between people who type anything, a keeper
 * that answers anything, and an old worker that hands over anything: the worker
 * lives, and in the end nothing of the client is left.
 *
 * The input is a list of steps: what happens, how many bytes that takes, and
 * these.
 */
#include "service/chat.h"

#include "base/clock.h"
#include "ipc/handoff.h"
#include "patches.h"
#include "service/registry.h"
#include "worker/accept.h"
#include "worker/conns.h"
#include "worker/instance.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
	STEP_TYPE,   /* the client sends these bytes */
	STEP_ANSWER, /* the keeper answers: outcome, lengths, text */
	STEP_TELL,   /* it sends these bytes, whatever they are */
	STEP_LINE,   /* there is a new line in the ring */
	STEP_MOVE,   /* the connection changes hands, with these patches */
	STEP_BRING,  /* it does, and these bytes are all that is said of it */
	STEP_DIE,    /* the keeper dies, and there is another */
	STEPS
};

static struct {
	struct loop loop;
	struct scoreboard_slot slot;
	struct scoreboard scoreboard;
	struct peers peers;
	struct conns conns;
	struct accept_listener listener;
	struct keeping keeping;
	struct service_config config;
	struct instance instance;
	struct ring ring;
	int ring_readable;
	int keeper; /* the other end */
	int wake;
	int client;
	struct keeper_asked asked;  /* what it was asked last */
	char packet[KEEPER_PACKET]; /* of questions, */
	const char *unread;	    /* and what of it is left */
	size_t unread_length;
	char map[SCOREBOARD_SIZE];
	char state[HANDOFF_STATE + PATCH_BYTES];
} stand;

static void
changed(struct conns *conns)
{
	(void)conns;
}

/* --- what the worker is told --- */

static void
turn(void)
{
	struct epoll_event event;

	loop_run_tasks(&stand.loop);
	for (int i = 0; i < 64 && epoll_wait(stand.loop.epfd, &event, 1, 0) > 0;
	     i++) {
		struct loop_source *source = event.data.ptr;
		char taken[4096];

		source->ready(source, event.events);
		loop_run_tasks(&stand.loop);
		(void)!recv(stand.client, taken, sizeof(taken), MSG_DONTWAIT);
	}
}

static void
revive(void)
{
	int ends[2];

	if (stand.keeper > 0)
		close(stand.keeper);
	if (stand.wake > 0)
		close(stand.wake);
	if (keeper_wire_pair(ends) < 0)
		abort();
	stand.keeper = ends[0];
	stand.wake = eventfd(0, EFD_NONBLOCK);
	stand.asked.head.token = 0;
	stand.unread_length = 0;
	keeping_link(&stand.keeping, ends[1], dup(stand.wake),
		     dup(stand.ring_readable));
}

/* The oldest question, if there is one. */
static void
read_question(void)
{
	size_t length;

	if (stand.unread_length == 0) {
		ssize_t n = recv(stand.keeper, stand.packet,
				 sizeof(stand.packet), MSG_DONTWAIT);

		stand.unread = stand.packet;
		stand.unread_length = n > 0 ? (size_t)n : 0;
	}
	if (stand.unread_length == 0)
		return;
	length = keeper_wire_asked(stand.unread, stand.unread_length,
				   &stand.asked);
	if (length == 0)
		abort();
	stand.unread += length;
	stand.unread_length -= length;
}

/* The keeper answers it. */
static void
answer(const uint8_t *bytes, size_t length)
{
	struct keeper_told told = { 0 };
	char out[KEEPER_ANSWER_MOST];
	size_t size;

	read_question();
	if (length < 4)
		return;
	told.head = (struct keeper_answer){
		.outcome = bytes[0] % KEEPER_OUTCOMES,
		.token = stand.asked.head.token,
		.session = bytes[1] & 15U,
		.user = bytes[1] >> 4,
		.cursor = bytes[2] & 15U,
		.seq = bytes[2] >> 4,
		.count = bytes[3] & 15U,
		.absent = bytes[3] >> 7,
	};
	told.name = told.text = (const char *)bytes + 4;
	told.head.text_length = (uint32_t)length - 4;
	told.head.name_length = (uint32_t)(length - 4) & (NAME_SIZE - 1);
	if (told.head.name_length >= NAME_SIZE)
		told.head.name_length = 0;
	size = keeper_wire_answer(&told, out);
	(void)!send(stand.keeper, out, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
publish(const uint8_t *bytes, size_t length)
{
	struct ring_entry entry = { .kind = RING_MESSAGE };
	uint64_t one = 1;

	if (length < 2)
		return;
	entry.length = (uint32_t)length - 1;
	entry.session = bytes[0] & 15U;
	entry.to = bytes[0] >> 4;
	ring_append(&stand.ring, &entry, (const char *)bytes + 1);
	ring_publish(&stand.ring);
	(void)!write(stand.wake, &one, sizeof(one));
}

static void
take_over(int fd, struct handoff_conn *saved, const char *owed, size_t length)
{
	const struct service *chat = stand.config.service;
	struct conn *conn = conn_restore(&stand.instance, fd, saved,
					 saved->owed ? owed : "");
	/* Of its own, so that what reads beyond it is caught. */
	char *state = malloc(length + !length);

	memcpy(state, stand.state, length);
	if (conn && chat->restore(conn, state, length))
		chat->resume(conn);
	else if (conn)
		conn_close(conn, CONN_NO_MEMORY);
	free(state);
}

static void
hand_over(bool patched, const uint8_t *bytes, size_t length)
{
	struct handoff_conn saved;
	char held[HANDOFF_OWED];
	struct conn *conn;
	const char *owed;
	size_t state;
	int fd;

	if (!stand.instance.member_count)
		return;
	conn = stand.instance.members[0];
	conn_offer(conn);
	conn_save(conn, &saved, &owed);
	memcpy(held, owed ? owed : "", saved.owed);
	state = stand.config.service->save(conn, stand.state);
	fd = dup(conn->source.fd);
	conn_give(conn);
	if (patched) {
		patches_apply(stand.state, state + sizeof(uint64_t), bytes,
			      length);
	} else {
		memcpy(stand.state, bytes, length);
		state = length;
	}
	take_over(fd, &saved, held, state);
}

/* --- all of it --- */

static void
begin(void)
{
	static const struct service *chat;
	struct complaints complaints = { 0 };
	int writable;

	chat = registry_find("chat");
	stand.scoreboard.map = stand.map;
	stand.config.service = chat;
	stand.config.settings = malloc(chat->settings_size);
	memcpy(stand.config.settings, chat->defaults, chat->settings_size);
	((struct chat_settings *)stand.config.settings)->ring_size = RING_LEAST;
	chat->configure(&stand.config, NULL, &complaints);
	if (complaints.count ||
	    ring_create(RING_LEAST, &writable, &stand.ring_readable) < 0 ||
	    ring_open_writer(&stand.ring, writable) < 0)
		abort();
	ring_start_at(&stand.ring, 0);
}

static void
arrive(void)
{
	struct addr nobody = { .length = sizeof(sa_family_t),
			       .sa = { .sa_family = AF_UNIX } };
	int ends[2];

	if (loop_open(&stand.loop) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
		abort();
	stand.instance = (struct instance){ 0 };
	peers_init(&stand.peers, &stand.scoreboard, 0, 1);
	conns_init(&stand.conns, &stand.loop, &stand.peers, 0, changed);
	stand.conns.listeners = &stand.listener;
	stand.client = ends[0];
	if (keeping_open(&stand.keeping, &stand.loop) < 0 ||
	    instance_start(&stand.instance, &stand.config, &stand.conns,
			   &stand.keeping, &stand.slot) < 0 ||
	    !conn_open(&stand.instance, 1, ends[1], &nobody))
		abort();
	revive();
}

static void
leave(void)
{
	close(stand.client);
	turn();
	instance_close(&stand.instance, false);
	if (stand.instance.member_count || stand.conns.count)
		abort();
	instance_stop(&stand.instance, true);
	keeping_close(&stand.keeping);
	conns_free(&stand.conns);
	close(stand.keeper);
	close(stand.wake);
	stand.keeper = stand.wake = 0;
	loop_close(&stand.loop);
}

static void
happen(enum step step, const uint8_t *bytes, size_t length)
{
	switch (step) {
	case STEP_TYPE:
		(void)!send(stand.client, bytes, length,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case STEP_ANSWER:
		answer(bytes, length);
		break;
	case STEP_TELL:
		(void)!send(stand.keeper, bytes, length,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case STEP_LINE:
		publish(bytes, length);
		break;
	case STEP_MOVE:
	case STEP_BRING:
		hand_over(step == STEP_MOVE, bytes, length);
		break;
	default:
		revive();
	}
	turn();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!stand.config.service)
		begin();
	arrive();
	while (size >= 2) {
		size_t length = data[1];

		if (length > size - 2)
			length = size - 2;
		happen(data[0] % STEPS, data + 2, length);
		data += 2 + length;
		size -= 2 + length;
	}
	leave();
	return 0;
}
