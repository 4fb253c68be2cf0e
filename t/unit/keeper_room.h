/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A keeper process for tests, and two workers who ask it; the tests play them.
 */
#ifndef TIMED_T_UNIT_KEEPER_ROOM_H
#define TIMED_T_UNIT_KEEPER_ROOM_H

#include "base/clock.h"
#include "base/fds.h"
#include "base/zone.h"
#include "ipc/command.h"
#include "ipc/keeper_wire.h"
#include "ipc/passing.h"
#include "ipc/ring.h"
#include "keeper/accounts.h"
#include "keeper/keeper.h"
#include "keeper/operator.h"
#include "keeper/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A worker's end of the way to the keeper. */
struct worker {
	int fd;
	int wake;
	uint64_t token;
	char bytes[KEEPER_PACKET];
	const char *heard; /* what of them was not yet */
	size_t unheard;
	struct keeper_told told; /* the last answer */
};

struct room {
	char directory[64];
	struct keeper_plan plan;
	struct zone *zone;
	int log[2];
	int readable;
	struct ring ring;
	int command;
	pid_t pid;
	struct worker a;
	struct worker b;
};

struct login {
	uint64_t session;
	uint64_t key;
	uint64_t user;
	uint64_t cursor;
};

/* --- processes --- */

static inline void
start_keeper(struct room *room)
{
	int ends[2];

	assert_int_equal(command_pair(ends), 0);
	room->pid = fork();
	if (room->pid == 0) {
		int keep[] = { ends[1], room->log[1], room->plan.ring };

		(void)fds_keep_only(keep, 3);
		room->plan.command = ends[1];
		_exit(keeper_run(&room->plan));
	}
	close(ends[1]);
	room->command = ends[0];
}

static inline void
order_text(struct room *room, enum keeper_order_type type, const char *text,
	   const int *fds, int count)
{
	struct keeper_order order = { .type = type,
				      .length = (uint32_t)strlen(text) };

	strcpy(order.text, text);
	assert_int_equal(
		passing_send(room->command, &order,
			     offsetof(struct keeper_order, text) + strlen(text),
			     fds, count),
		0);
}

static inline void
order(struct room *room, enum keeper_order_type type, const int *fds, int count)
{
	order_text(room, type, "", fds, count);
}

static inline void
join(struct room *room, struct worker *worker)
{
	int ends[2], fds[2];

	assert_int_equal(keeper_wire_pair(ends), 0);
	worker->wake = eventfd(0, EFD_NONBLOCK);
	worker->fd = ends[1];
	worker->unheard = 0;
	fds[0] = ends[0];
	fds[1] = worker->wake;
	order(room, KEEPER_ORDER_JOIN, fds, 2);
	close(ends[0]);
}

static inline void
part(struct worker *worker)
{
	if (worker->fd < 0)
		return;
	close(worker->fd);
	close(worker->wake);
	worker->fd = -1;
}

static inline void
kill_keeper(struct room *room)
{
	kill(room->pid, SIGKILL);
	assert_int_equal(waitpid(room->pid, NULL, 0), room->pid);
	close(room->command);
	room->pid = 0;
	part(&room->a);
	part(&room->b);
}

static inline void
revive(struct room *room)
{
	start_keeper(room);
	join(room, &room->a);
	join(room, &room->b);
}

static inline int
open_room(void **state)
{
	struct room *room = calloc(1, sizeof(*room));
	char error[256];

	room->plan.settings = (struct keeper_settings){
		.registration = true,
		.ring_size = RING_LEAST,
		.zone = room->zone = zone_load("UTC", error, sizeof(error)),
	};
	strcpy(room->directory, "/tmp/timed-keeper.XXXXXX");
	if (!mkdtemp(room->directory) ||
	    pipe2(room->log, O_NONBLOCK | O_CLOEXEC) < 0 ||
	    ring_create(RING_LEAST, &room->plan.ring, &room->readable) < 0 ||
	    ring_open_reader(&room->ring, room->readable) < 0)
		return -1;
	room->plan.log = room->log[1];
	room->plan.log_level = LOG_LEVEL_INFO;
	strcpy(room->plan.state_dir, room->directory);
	*state = room;
	revive(room);
	return 0;
}

static inline int
close_room(void **state)
{
	struct room *room = *state;
	char command[128];
	int status = 0;

	if (room->pid) {
		order(room, KEEPER_ORDER_LEAVE, NULL, 0);
		assert_int_equal(waitpid(room->pid, &status, 0), room->pid);
		close(room->command);
	}
	part(&room->a);
	part(&room->b);
	ring_close(&room->ring);
	close(room->readable);
	close(room->plan.ring);
	close(room->log[0]);
	close(room->log[1]);
	zone_free(room->zone);
	snprintf(command, sizeof(command), "rm -rf %s", room->directory);
	(void)!system(command);
	free(room);
	/* Told to leave, it does, and in order. */
	return status;
}

/* --- asking --- */

static inline void
send_request(struct worker *worker, struct keeper_asked asked)
{
	char bytes[KEEPER_REQUEST_MOST];
	size_t length;

	asked.head.token = ++worker->token;
	length = keeper_wire_request(&asked, bytes);
	assert_true(length > 0);
	assert_int_equal(send(worker->fd, bytes, length, 0), length);
}

/* The next answer, within ten seconds. */
static inline enum keeper_outcome
hear(struct worker *worker)
{
	struct pollfd wait = { .fd = worker->fd, .events = POLLIN };
	size_t length;

	if (worker->unheard == 0) {
		ssize_t n;

		assert_int_equal(poll(&wait, 1, 10000), 1);
		n = recv(worker->fd, worker->bytes, sizeof(worker->bytes), 0);
		assert_true(n > 0);
		worker->heard = worker->bytes;
		worker->unheard = (size_t)n;
	}
	length =
		keeper_wire_told(worker->heard, worker->unheard, &worker->told);
	assert_true(length > 0);
	worker->heard += length;
	worker->unheard -= length;
	return (enum keeper_outcome)worker->told.head.outcome;
}

static inline enum keeper_outcome
ask(struct worker *worker, struct keeper_asked asked)
{
	send_request(worker, asked);
	do
		(void)hear(worker);
	while (worker->told.head.token != worker->token);
	return (enum keeper_outcome)worker->told.head.outcome;
}

static inline struct keeper_asked
account(enum keeper_type type, const char *name, const char *password)
{
	return (struct keeper_asked){
		.head = { .type = (uint16_t)type,
			  .name_length = (uint16_t)strlen(name),
			  .text_length = (uint16_t)strlen(password) },
		.name = name,
		.text = password,
	};
}

static inline struct login
log_in(struct worker *worker, enum keeper_type type, const char *name)
{
	struct login login;

	assert_int_equal(ask(worker, account(type, name, "correct horse")),
			 KEEPER_OK);
	login = (struct login){ worker->told.head.session,
				worker->told.head.key, worker->told.head.user,
				worker->told.head.cursor };
	assert_true(login.session > 0 && login.user > 0);
	return login;
}

static inline struct keeper_asked
line(const struct login *login, uint64_t number, const char *to,
     const char *text)
{
	return (struct keeper_asked){
		.head = { .type = KEEPER_SAY,
			  .session = login->session,
			  .number = number,
			  .kind = RING_MESSAGE,
			  .name_length = (uint16_t)strlen(to),
			  .text_length = (uint16_t)strlen(text) },
		.name = to,
		.text = text,
	};
}

static inline uint64_t
say(struct worker *worker, const struct login *login, uint64_t number,
    const char *text)
{
	assert_int_equal(ask(worker, line(login, number, "", text)), KEEPER_OK);
	return worker->told.head.seq;
}

static inline struct keeper_asked
attachment(const struct login *login)
{
	return (struct keeper_asked){
		.head = { .type = KEEPER_ATTACH,
			  .session = login->session,
			  .from = login->key },
	};
}

static inline struct keeper_asked
about(enum keeper_type type, const struct login *login)
{
	return (struct keeper_asked){
		.head = { .type = (uint16_t)type, .session = login->session },
	};
}

/* --- looking --- */

static inline void
assert_text(const char *text, size_t length, const char *wanted)
{
	if (length != strlen(wanted) || memcmp(text, wanted, length) != 0)
		fail_msg("\"%.*s\" is not \"%s\"", (int)length, text, wanted);
}

/* Entry NUMBER of the ring ends with WANTED, its newline left out. */
static inline struct ring_entry
assert_ring(struct room *room, uint64_t number, const char *wanted)
{
	struct ring_entry entry;
	char text[RING_LINE];
	size_t length = strlen(wanted);

	assert_int_equal(ring_read(&room->ring, number, &entry, text),
			 RING_GOT);
	assert_true(entry.length > length);
	assert_int_equal(text[entry.length - 1], '\n');
	assert_text(text + entry.length - 1 - length, length, wanted);
	return entry;
}

static inline struct store *
open_store(struct room *room)
{
	char file[96], error[256];
	struct store *store;

	snprintf(file, sizeof(file), "%s/timed.db", room->directory);
	store = store_open(file, false, error, sizeof(error));
	assert_non_null(store);
	return store;
}

static inline bool
count_one(void *context, const struct store_message *message)
{
	(void)message;
	++*(int *)context;
	return true;
}

static inline int
stored(struct room *room)
{
	struct store *store = open_store(room);
	int count = 0;

	assert_int_equal(store_messages(store, 0, count_one, &count), STORE_OK);
	store_close(store);
	return count;
}

/* How many records of the log have DESCRIPTION. */
static inline int
logged(struct room *room, const char *description)
{
	char bytes[LOG_RECORD_MAX * 16];
	ssize_t n = read(room->log[0], bytes, sizeof(bytes));
	struct log_parsed record;
	int count = 0, length;

	for (ssize_t at = 0; at < n; at += length) {
		length = log_parse(bytes + at, (size_t)(n - at), &record);
		assert_true(length > 0);
		count += strcmp(record.description, description) == 0;
	}
	return count;
}

#endif
