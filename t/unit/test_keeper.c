/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper as a worker sees it: a process that is asked, dies, is full, and
 * has every line once.
 */
#include "base/clock.h"
#include "base/fds.h"
#include "base/zone.h"
#include "ipc/command.h"
#include "ipc/keeper_wire.h"
#include "ipc/passing.h"
#include "ipc/ring.h"
#include "keeper/accounts.h"
#include "keeper/keeper.h"
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
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A worker's end of the way to the keeper. */
struct worker {
	int fd;
	int wake;
	uint64_t token;
	char bytes[KEEPER_ANSWER_MOST];
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

static void
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

static void
order(struct room *room, enum keeper_order_type type, const int *fds, int count)
{
	struct keeper_order order = { .type = type };

	assert_int_equal(passing_send(room->command, &order,
				      offsetof(struct keeper_order, text), fds,
				      count),
			 0);
}

static void
join(struct room *room, struct worker *worker)
{
	int ends[2], fds[2];

	assert_int_equal(keeper_wire_pair(ends), 0);
	worker->wake = eventfd(0, EFD_NONBLOCK);
	worker->fd = ends[1];
	fds[0] = ends[0];
	fds[1] = worker->wake;
	order(room, KEEPER_ORDER_JOIN, fds, 2);
	close(ends[0]);
}

static void
part(struct worker *worker)
{
	if (worker->fd < 0)
		return;
	close(worker->fd);
	close(worker->wake);
	worker->fd = -1;
}

static void
kill_keeper(struct room *room)
{
	kill(room->pid, SIGKILL);
	assert_int_equal(waitpid(room->pid, NULL, 0), room->pid);
	close(room->command);
	room->pid = 0;
	part(&room->a);
	part(&room->b);
}

static void
revive(struct room *room)
{
	start_keeper(room);
	join(room, &room->a);
	join(room, &room->b);
}

static int
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

static int
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

static void
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
static enum keeper_outcome
hear(struct worker *worker)
{
	struct pollfd wait = { .fd = worker->fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&wait, 1, 10000), 1);
	n = recv(worker->fd, worker->bytes, sizeof(worker->bytes), 0);
	assert_true(n > 0);
	assert_true(keeper_wire_told(worker->bytes, (size_t)n, &worker->told));
	return (enum keeper_outcome)worker->told.head.outcome;
}

static enum keeper_outcome
ask(struct worker *worker, struct keeper_asked asked)
{
	send_request(worker, asked);
	do
		(void)hear(worker);
	while (worker->told.head.token != worker->token);
	return (enum keeper_outcome)worker->told.head.outcome;
}

static struct keeper_asked
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

static struct login
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

static struct keeper_asked
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

static uint64_t
say(struct worker *worker, const struct login *login, uint64_t number,
    const char *text)
{
	assert_int_equal(ask(worker, line(login, number, "", text)), KEEPER_OK);
	return worker->told.head.seq;
}

static struct keeper_asked
attachment(const struct login *login)
{
	return (struct keeper_asked){
		.head = { .type = KEEPER_ATTACH,
			  .session = login->session,
			  .from = login->key },
	};
}

static struct keeper_asked
about(enum keeper_type type, const struct login *login)
{
	return (struct keeper_asked){
		.head = { .type = (uint16_t)type, .session = login->session },
	};
}

/* --- looking --- */

static void
assert_text(const char *text, size_t length, const char *wanted)
{
	if (length != strlen(wanted) || memcmp(text, wanted, length) != 0)
		fail_msg("\"%.*s\" is not \"%s\"", (int)length, text, wanted);
}

/* Entry NUMBER of the ring ends with WANTED, its newline left out. */
static struct ring_entry
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

static struct store *
open_store(struct room *room)
{
	char file[96], error[256];
	struct store *store;

	snprintf(file, sizeof(file), "%s/timed.db", room->directory);
	store = store_open(file, false, error, sizeof(error));
	assert_non_null(store);
	return store;
}

static bool
count_one(void *context, const struct store_message *message)
{
	(void)message;
	++*(int *)context;
	return true;
}

static int
stored(struct room *room)
{
	struct store *store = open_store(room);
	int count = 0;

	assert_int_equal(store_messages(store, 0, count_one, &count), STORE_OK);
	store_close(store);
	return count;
}

/* How many records of the log have DESCRIPTION. */
static int
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

/* --- tests: who one is --- */

static void
who_registers_can_log_in(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;
	struct login one, two;

	assert_int_equal(ask(a, account(KEEPER_LOOKUP, "Ada", "")),
			 KEEPER_UNKNOWN);
	one = log_in(a, KEEPER_REGISTER, "Ada");
	assert_text(a->told.name, a->told.head.name_length, "Ada");
	assert_int_equal(ask(a, account(KEEPER_LOOKUP, "ADA", "")), KEEPER_OK);
	two = log_in(&room->b, KEEPER_LOGIN, "aDA");
	assert_text(room->b.told.name, room->b.told.head.name_length, "Ada");
	assert_int_equal(one.user, two.user);
	assert_true(one.session != two.session && one.key != two.key);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "wrong horse")),
			 KEEPER_WRONG);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "bob", "wrong horse")),
			 KEEPER_WRONG);
	assert_int_equal(ask(a, account(KEEPER_REGISTER, "ada", "wrong horse")),
			 KEEPER_TAKEN);
	/* Asked again after a keeper died, say: he has what he wanted. */
	log_in(a, KEEPER_REGISTER, "ADA");
}

static void
what_is_no_name_or_password_is_refused(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;

	assert_int_equal(ask(a, account(KEEPER_REGISTER, "a b", "12345678")),
			 KEEPER_REFUSED);
	assert_text(a->told.text, a->told.head.text_length,
		    "is made of letters, digits, _ - and .");
	assert_int_equal(ask(a, account(KEEPER_LOOKUP, "\xff", "")),
			 KEEPER_REFUSED);
	assert_int_equal(ask(a, account(KEEPER_REGISTER, "ada", "1234567")),
			 KEEPER_REFUSED);
	assert_text(a->told.text, a->told.head.text_length,
		    "has at least 8 characters");
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "")),
			 KEEPER_WRONG);
}

static void
nobody_registers_where_that_is_off(void **state)
{
	struct room *room = *state;

	kill_keeper(room);
	room->plan.settings.registration = false;
	revive(room);
	assert_int_equal(
		ask(&room->a, account(KEEPER_REGISTER, "ada", "correct horse")),
		KEEPER_CLOSED);
}

static void
a_password_can_be_changed(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;
	struct login ada = log_in(a, KEEPER_REGISTER, "ada");
	struct keeper_asked change = about(KEEPER_PASSWORD, &ada);

	change.text = "wrong horse";
	change.head.text_length = 11;
	change.more = "another one";
	change.head.more_length = 11;
	assert_int_equal(ask(a, change), KEEPER_WRONG);
	change.text = "correct horse";
	change.head.text_length = 13;
	assert_int_equal(ask(a, change), KEEPER_OK);
	/* Twice is once. */
	assert_int_equal(ask(a, change), KEEPER_OK);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "correct horse")),
			 KEEPER_WRONG);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "another one")),
			 KEEPER_OK);
	change.more = "ada";
	change.head.more_length = 3;
	assert_int_equal(ask(a, change), KEEPER_REFUSED);
	change.head.session = ada.session + 100;
	assert_int_equal(ask(a, change), KEEPER_OVER);
}

/* --- tests: lines --- */

static void
a_line_is_stored_and_published(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;
	struct login ada = log_in(a, KEEPER_REGISTER, "ada");
	struct ring_entry entry;
	uint64_t woken;

	entry = assert_ring(room, 1, "* ada has joined");
	assert_int_equal(entry.session, ada.session);
	assert_int_equal(ada.cursor, 1);
	(void)!read(room->b.wake, &woken, sizeof(woken));
	assert_int_equal(say(a, &ada, 1, "hello"), 1);
	entry = assert_ring(room, 2, "] ada: hello");
	assert_int_equal(entry.seq, 1);
	assert_int_equal(entry.session, ada.session);
	assert_int_equal(entry.to, 0);
	assert_int_equal(read(room->b.wake, &woken, sizeof(woken)),
			 sizeof(woken));
	assert_int_equal(stored(room), 1);
	assert_int_equal(say(a, &ada, 2, "there"), 2);
	/* Again, as after a hand-off: there it is. */
	assert_int_equal(say(a, &ada, 1, "hello"), 1);
	assert_int_equal(stored(room), 2);
	assert_int_equal(ring_head(&room->ring), 3);
}

static void
lines_look_as_they_should(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");
	struct keeper_asked action = line(&ada, 1, "", "waves");
	struct ring_entry entry;
	char text[RING_LINE];

	action.head.kind = RING_ACTION;
	assert_int_equal(ask(&room->a, action), KEEPER_OK);
	entry = assert_ring(room, 3, "] * ada waves");
	assert_int_equal(entry.kind, RING_ACTION);
	assert_int_equal(ask(&room->a, line(&ada, 2, "BOB", "psst")),
			 KEEPER_OK);
	assert_int_equal(room->a.told.head.absent, 0);
	entry = assert_ring(room, 4, "] ada -> bob: psst");
	assert_int_equal(entry.to, bob.user);
	assert_int_equal(ring_read(&room->ring, 4, &entry, text), RING_GOT);
	assert_int_equal(text[0], '[');
	assert_int_equal(text[20], ']');
	assert_int_equal(ask(&room->a, line(&ada, 3, "eve", "psst")),
			 KEEPER_UNKNOWN);
	assert_int_equal(ask(&room->a, line(&ada, 4, "e v e", "psst")),
			 KEEPER_UNKNOWN);
	send_request(&room->b, about(KEEPER_LEAVE, &bob));
	/* An answer to the same worker comes after it was read. */
	assert_int_equal(ask(&room->b, account(KEEPER_LOOKUP, "bob", "")),
			 KEEPER_OK);
	assert_int_equal(ask(&room->a, line(&ada, 5, "bob", "psst")),
			 KEEPER_OK);
	assert_int_equal(room->a.told.head.absent, 1);
	assert_ring(room, 5, "* bob has left");
}

static void
what_no_terminal_should_see_is_refused(void **state)
{
	static const char *const bad[] = {
		"a\nb",	    "\033[2J",	"a\r",	     "\xff",
		"\xc2\x9b", "\u2028 x", "tab\there", "\x7f",
	};
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct keeper_asked asked;

	for (uint64_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ask(&room->a, line(&ada, i + 1, "", bad[i])),
				 KEEPER_REFUSED);
	assert_int_equal(ask(&room->a, line(&ada, 1, "", "")), KEEPER_REFUSED);
	asked = line(&ada, 1, "", "joined?");
	asked.head.kind = RING_JOINED;
	assert_int_equal(ask(&room->a, asked), KEEPER_REFUSED);
	assert_int_equal(stored(room), 0);
	assert_int_equal(ring_head(&room->ring), 1);
}

static void
nobody_speaks_for_another_workers_session(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login forged = ada;

	assert_int_equal(ask(&room->b, line(&ada, 1, "", "it is me")),
			 KEEPER_OVER);
	forged.key++;
	send_request(&room->b, attachment(&forged));
	assert_int_equal(hear(&room->b), KEEPER_OVER);
	assert_int_equal(room->b.told.head.token, 0);
	assert_int_equal(room->b.told.head.session, ada.session);
	assert_int_equal(ask(&room->b, line(&ada, 1, "", "it is me")),
			 KEEPER_OVER);
	assert_int_equal(say(&room->a, &ada, 1, "it is me"), 1);
}

static void
a_request_that_is_none_ends_its_worker_alone(void **state)
{
	struct room *room = *state;
	struct pollfd wait = { .fd = room->b.fd, .events = POLLIN };
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	char byte;

	assert_int_equal(send(room->b.fd, "nonsense", 8, 0), 8);
	assert_int_equal(poll(&wait, 1, 10000), 1);
	assert_int_equal(recv(room->b.fd, &byte, 1, 0), 0);
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	assert_int_equal(logged(room, "keeper request refused"), 1);
}

static void
many_lines_are_one_order(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");
	uint64_t seq = 0, head;

	for (uint64_t n = 1; n <= 200; n++) {
		send_request(&room->a, line(&ada, n, "", "from ada"));
		send_request(&room->b, line(&bob, n, "", "from bob"));
	}
	for (int i = 0; i < 200; i++) {
		assert_int_equal(hear(&room->a), KEEPER_OK);
		assert_int_equal(hear(&room->b), KEEPER_OK);
	}
	assert_int_equal(stored(room), 400);
	head = ring_head(&room->ring);
	assert_int_equal(head, 402);
	for (uint64_t n = 3; n <= head; n++) {
		struct ring_entry entry;
		char text[RING_LINE];

		assert_int_equal(ring_read(&room->ring, n, &entry, text),
				 RING_GOT);
		assert_int_equal(entry.seq, ++seq);
	}
}

/* --- tests: death --- */

static void
a_keeper_that_was_killed_is_followed_by_another(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	uint64_t seq = 0;

	for (int round = 0; round < 5; round++) {
		uint64_t first = (uint64_t)round * 50;

		for (uint64_t n = first + 1; n <= first + 50; n++)
			send_request(&room->a, line(&ada, n, "", "hello"));
		/* At any moment of that. */
		for (int i = 0; i < round * 12; i++)
			(void)hear(&room->a);
		kill_keeper(room);
		revive(room);
		send_request(&room->a, attachment(&ada));
		for (uint64_t n = first + 1; n <= first + 50; n++)
			assert_int_equal(say(&room->a, &ada, n, "hello"),
					 ++seq);
	}
	assert_int_equal(stored(room), 250);
	/* Nobody left or came, and the ring has each line once. */
	assert_int_equal(ring_head(&room->ring), 251);
	assert_ring(room, 251, "] ada: hello");
}

static void
what_was_stored_and_not_published_is(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct store_message message = { .time = 1700000000,
					 .kind = RING_MESSAGE,
					 .session = ada.session,
					 .number = 2,
					 .from = ada.user,
					 .from_name = "ada",
					 .text = "late",
					 .length = 4 };
	struct store *store;

	assert_int_equal(say(&room->a, &ada, 1, "early"), 1);
	kill_keeper(room);
	/* As one that died right after its commit. */
	store = open_store(room);
	assert_int_equal(store_add_message(store, &message), STORE_OK);
	store_close(store);
	revive(room);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(say(&room->a, &ada, 2, "late"), 2);
	assert_ring(room, 2, "] ada: early");
	assert_ring(room, 3, "[2023-11-14 22:13:20] ada: late");
	assert_int_equal(ring_head(&room->ring), 3);
}

static void
a_new_run_of_timed_begins_with_nobody(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");

	say(&room->a, &ada, 1, "hello");
	kill_keeper(room);
	ring_close(&room->ring);
	close(room->plan.ring);
	close(room->readable);
	assert_int_equal(
		ring_create(RING_LEAST, &room->plan.ring, &room->readable), 0);
	assert_int_equal(ring_open_reader(&room->ring, room->readable), 0);
	revive(room);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(hear(&room->a), KEEPER_OVER);
	ada = log_in(&room->a, KEEPER_LOGIN, "ada");
	assert_int_equal(ada.cursor, 1);
	assert_int_equal(room->a.told.head.seq, 1);
	assert_int_equal(say(&room->a, &ada, 1, "again"), 2);
	assert_int_equal(ring_head(&room->ring), 2);
}

static void
a_session_goes_on_with_another_worker(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");

	send_request(&room->a, line(&ada, 1, "", "on the way"));
	send_request(&room->b, attachment(&ada));
	assert_int_equal(hear(&room->a), KEEPER_OK);
	assert_int_equal(say(&room->b, &ada, 1, "on the way"), 1);
	/* The old one's end is not the session's. */
	part(&room->a);
	assert_int_equal(say(&room->b, &ada, 2, "here"), 2);
	assert_int_equal(ring_head(&room->ring), 3);
	/* And in the other order: for a moment it is nobody's. */
	join(room, &room->a);
	part(&room->b);
	assert_int_equal(ask(&room->a, account(KEEPER_LOOKUP, "ada", "")),
			 KEEPER_OK);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(say(&room->a, &ada, 3, "there"), 3);
	assert_int_equal(ring_head(&room->ring), 4);
}

static void
notices_are_of_first_and_last_sessions(void **state)
{
	struct room *room = *state;
	struct login one = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login two = log_in(&room->b, KEEPER_LOGIN, "ada");

	assert_int_equal(ring_head(&room->ring), 1);
	assert_int_equal(ask(&room->a, about(KEEPER_WHO, &one)), KEEPER_OK);
	assert_text(room->a.told.text, room->a.told.head.text_length,
		    "* ada, 2 sessions\n");
	assert_int_equal(room->a.told.head.count, 2);
	send_request(&room->a, about(KEEPER_LEAVE, &one));
	assert_int_equal(ask(&room->a, about(KEEPER_WHO, &one)), KEEPER_OK);
	assert_text(room->a.told.text, room->a.told.head.text_length,
		    "* ada\n");
	assert_int_equal(ring_head(&room->ring), 1);
	/* His last word comes before he is gone. */
	send_request(&room->b, line(&two, 1, "", "bye"));
	send_request(&room->b, about(KEEPER_LEAVE, &two));
	assert_int_equal(hear(&room->b), KEEPER_OK);
	assert_int_equal(ask(&room->b, about(KEEPER_WHO, &two)), KEEPER_OK);
	assert_int_equal(room->b.told.head.text_length, 0);
	assert_ring(room, 2, "] ada: bye");
	assert_ring(room, 3, "* ada has left");
}

/* --- tests: history --- */

static void
history_comes_in_pages(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct keeper_asked asked = about(KEEPER_HISTORY, &ada);
	char text[1001] = "";
	uint32_t left = 30;
	int pages = 0, lines = 0;

	memset(text, 'x', 1000);
	for (uint64_t n = 1; n <= 30; n++)
		say(&room->a, &ada, n, text);
	for (asked.head.count = 25; asked.head.count > 0; pages++) {
		assert_int_equal(ask(&room->a, asked), KEEPER_OK);
		for (uint32_t i = 0; i < room->a.told.head.text_length; i++)
			lines += room->a.told.text[i] == '\n';
		assert_int_equal(room->a.told.head.seq, 5 + lines);
		left = room->a.told.head.count;
		asked.head.count = left;
		asked.head.from = room->a.told.head.seq;
	}
	assert_int_equal(lines, 25);
	assert_int_equal(pages, 5);
	/* Up to a place, as after a login. */
	asked.head.count = 2;
	asked.head.from = 0;
	asked.head.until = 7;
	assert_int_equal(ask(&room->a, asked), KEEPER_OK);
	assert_int_equal(room->a.told.head.seq, 7);
	asked.head.session = ada.session + 9;
	assert_int_equal(ask(&room->a, asked), KEEPER_OVER);
}

static void
old_messages_are_pruned(void **state)
{
	struct room *room = *state;
	struct login ada;

	kill_keeper(room);
	room->plan.settings.history_keep = 100;
	revive(room);
	ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	for (uint64_t n = 1; n <= 700; n++)
		say(&room->a, &ada, n, "hello");
	/* It is done now and then. */
	assert_in_range(stored(room), 100, 100 + 256);
}

/* --- tests: too much --- */

static void
logins_that_are_too_many_are_told_so_and_lines_flow(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	enum {
		MANY = 3 * ACCOUNTS_QUEUE
	};
	int busy = 0, wrong = 0;

	for (int i = 0; i < MANY; i++)
		send_request(&room->b,
			     account(KEEPER_LOGIN, "ada", "wrong horse"));
	/* Those who are let in take a second and more: nobody waits so long. */
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	kill_keeper(room);
	revive(room);
	send_request(&room->a, attachment(&ada));
	for (int i = 0; i < ACCOUNTS_QUEUE + 20; i++)
		send_request(&room->b,
			     account(KEEPER_LOGIN, "ada", "wrong horse"));
	/* They are refused at once, before the first hash is done. */
	for (int i = 0; i < 20 + 2; i++) {
		enum keeper_outcome outcome = hear(&room->b);

		busy += outcome == KEEPER_BUSY;
		wrong += outcome == KEEPER_WRONG;
	}
	assert_in_range(busy, 10, 20);
	assert_int_equal(busy + wrong, 22);
}

static void
a_worker_that_does_not_read_holds_up_nobody(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");
	struct keeper_asked asked = about(KEEPER_HISTORY, &bob);
	char text[1001] = "";
	uint64_t sent = 0;

	memset(text, 'x', 1000);
	for (uint64_t n = 1; n <= 10; n++)
		say(&room->a, &ada, n, text);
	asked.head.count = 10;
	asked.head.until = 10;
	for (int i = 0; i < 150; i++, sent++)
		send_request(&room->b, asked);
	for (uint64_t n = 11; n <= 50; n++)
		say(&room->a, &ada, n, "hello");
	/* And all of it comes, when he reads. */
	for (; sent > 0; sent--) {
		assert_int_equal(hear(&room->b), KEEPER_OK);
		assert_true(room->b.told.head.text_length > 4000);
	}
}

/* --- tests: a store that is not there --- */

static void
wait_until_it_recovers(struct worker *worker, struct keeper_asked asked)
{
	uint64_t end = clock_monotonic() + 10 * (uint64_t)CLOCK_SECOND;

	while (ask(worker, asked) == KEEPER_TROUBLE)
		assert_true(clock_monotonic() < end);
}

static void
a_damaged_store_is_said_and_got_over(void **state)
{
	struct room *room = *state;
	char file[96], aside[96];
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	FILE *bad;

	snprintf(file, sizeof(file), "%s/timed.db", room->directory);
	snprintf(aside, sizeof(aside), "%s/aside", room->directory);
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	order(room, KEEPER_ORDER_LEAVE, NULL, 0);
	assert_int_equal(waitpid(room->pid, NULL, 0), room->pid);
	close(room->command);
	part(&room->a);
	part(&room->b);
	assert_int_equal(rename(file, aside), 0);
	bad = fopen(file, "w");
	for (int i = 0; i < 10000; i++)
		fputc('x', bad);
	fclose(bad);
	(void)logged(room, "");
	revive(room);
	send_request(&room->a, attachment(&ada));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&room->a, line(&ada, 2, "", "lost?")),
				 KEEPER_TROUBLE);
		assert_text(room->a.told.text, room->a.told.head.text_length,
			    "file is not a database");
		assert_int_equal(ask(&room->a, account(KEEPER_LOGIN, "ada",
						       "correct horse")),
				 KEEPER_TROUBLE);
		assert_int_equal(
			ask(&room->a, account(KEEPER_LOOKUP, "ada", "")),
			KEEPER_TROUBLE);
	}
	assert_int_equal(logged(room, "store failed"), 1);
	assert_int_equal(rename(aside, file), 0);
	wait_until_it_recovers(&room->a, line(&ada, 2, "", "lost?"));
	assert_int_equal(room->a.told.head.seq, 2);
	assert_int_equal(logged(room, "store recovered"), 1);
	assert_int_equal(stored(room), 2);
}

static void
a_store_that_was_replaced_ends_the_sessions(void **state)
{
	struct room *room = *state;
	char file[96];
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");

	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	snprintf(file, sizeof(file), "rm %s/timed.db*", room->directory);
	assert_int_equal(system(file), 0);
	assert_int_equal(hear(&room->a), KEEPER_OVER);
	assert_int_equal(room->a.told.head.session, ada.session);
	/* Seqs go on where they were: clients never see one twice. */
	ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 2);
}

static void
a_full_disk_is_said_and_got_over(void **state)
{
	struct room *room = *state;
	char filler[96], block[4096] = "";
	struct login ada;
	uint64_t n = 1, kept;
	FILE *file;

	kill_keeper(room);
	if (mount("none", room->directory, "tmpfs", 0, "size=512k") < 0) {
		/* Not root: the store's own test has another way. */
		assert_int_equal(errno, EPERM);
		revive(room);
		return;
	}
	revive(room);
	ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	snprintf(filler, sizeof(filler), "%s/filler", room->directory);
	file = fopen(filler, "w");
	while (fwrite(block, sizeof(block), 1, file) == 1 && !fflush(file))
		;
	fclose(file);
	while (ask(&room->a, line(&ada, n, "", "hello")) == KEEPER_OK)
		n++;
	assert_int_equal(room->a.told.head.outcome, KEEPER_TROUBLE);
	kept = n - 1;
	assert_true(room->a.told.head.text_length > 0);
	unlink(filler);
	wait_until_it_recovers(&room->a, line(&ada, n, "", "hello"));
	assert_int_equal(room->a.told.head.seq, kept + 1);
	assert_int_equal(stored(room), kept + 1);
	/* The ring has what the store has: nothing that was refused. */
	assert_int_equal(ring_head(&room->ring), kept + 2);
	kill_keeper(room);
	assert_int_equal(umount2(room->directory, MNT_DETACH), 0);
}

static void
it_ends_when_the_master_does(void **state)
{
	struct room *room = *state;
	int status;

	close(room->command);
	assert_int_equal(waitpid(room->pid, &status, 0), room->pid);
	assert_int_equal(status, 0);
	room->pid = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ROOM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_room, close_room)
		ROOM_TEST(who_registers_can_log_in),
		ROOM_TEST(what_is_no_name_or_password_is_refused),
		ROOM_TEST(nobody_registers_where_that_is_off),
		ROOM_TEST(a_password_can_be_changed),
		ROOM_TEST(a_line_is_stored_and_published),
		ROOM_TEST(lines_look_as_they_should),
		ROOM_TEST(what_no_terminal_should_see_is_refused),
		ROOM_TEST(nobody_speaks_for_another_workers_session),
		ROOM_TEST(a_request_that_is_none_ends_its_worker_alone),
		ROOM_TEST(many_lines_are_one_order),
		ROOM_TEST(a_keeper_that_was_killed_is_followed_by_another),
		ROOM_TEST(what_was_stored_and_not_published_is),
		ROOM_TEST(a_new_run_of_timed_begins_with_nobody),
		ROOM_TEST(a_session_goes_on_with_another_worker),
		ROOM_TEST(notices_are_of_first_and_last_sessions),
		ROOM_TEST(history_comes_in_pages),
		ROOM_TEST(old_messages_are_pruned),
		ROOM_TEST(logins_that_are_too_many_are_told_so_and_lines_flow),
		ROOM_TEST(a_worker_that_does_not_read_holds_up_nobody),
		ROOM_TEST(a_damaged_store_is_said_and_got_over),
		ROOM_TEST(a_store_that_was_replaced_ends_the_sessions),
		ROOM_TEST(a_full_disk_is_said_and_got_over),
		ROOM_TEST(it_ends_when_the_master_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
