/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The echo over connections whose sends take as little as a test wants, without
 * memory, and from one worker to another.
 */
#include "base/clock.h"
#include "service/registry.h"
#include "worker/accept.h"
#include "worker/conns.h"
#include "worker/peers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* How much the next sends take; -1: as much as there is. */
static ssize_t takes = -1;
static int sends;
static bool no_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

void *
__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

ssize_t
__wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	sends++;
	if (takes == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (takes > 0 && (size_t)takes < length)
		length = (size_t)takes;
	return __real_send(fd, bytes, length, flags);
}

ssize_t
__wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	char bytes[8192];
	size_t length = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++) {
		memcpy(bytes + length, message->msg_iov[i].iov_base,
		       message->msg_iov[i].iov_len);
		length += message->msg_iov[i].iov_len;
	}
	return __wrap_send(fd, bytes, length, flags);
}

struct bench {
	struct loop loop;
	struct scoreboard scoreboard;
	struct peers peers;
	struct conns conns;
	struct service_config config;
	struct instance instance;
	struct scoreboard_slot slot;
	struct accept_listener listener;
	char *map; /* of a scoreboard that nobody else is on */
};

static void
changed(struct conns *conns)
{
	(void)conns;
}

/* As the configuration is read: with TEXT for settings. */
static void
configure(struct bench *bench, const char *text)
{
	const struct service *service = bench->config.service;
	struct complaints complaints = { 0 };
	config_t parsed;

	config_init(&parsed);
	assert_int_equal(config_read_string(&parsed, text), CONFIG_TRUE);
	memcpy(bench->config.settings, service->defaults,
	       service->settings_size);
	settings_read(config_root_setting(&parsed), service->settings,
		      bench->config.settings, NULL, NULL, &complaints);
	service->configure(&bench->config, config_root_setting(&parsed),
			   &complaints);
	assert_int_equal(complaints.count, 0);
	config_destroy(&parsed);
}

static int
make_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	takes = -1;
	sends = 0;
	no_memory = false;
	bench->map = calloc(1, SCOREBOARD_SIZE);
	bench->scoreboard.map = bench->map;
	assert_int_equal(loop_open(&bench->loop), 0);
	peers_init(&bench->peers, &bench->scoreboard, 0, 1);
	conns_init(&bench->conns, &bench->loop, &bench->peers, 0, changed);
	bench->conns.listeners = &bench->listener;
	bench->config.service = registry_find("echo");
	bench->config.settings =
		calloc(1, bench->config.service->settings_size);
	configure(bench, "");
	bench->instance.config = &bench->config;
	bench->instance.conns = &bench->conns;
	bench->instance.tally = &bench->slot.services[0];
	bench->instance.lateness = &bench->slot.lateness;
	TAILQ_INIT(&bench->instance.blocked);
	*state = bench;
	return 0;
}

static int
free_bench(void **state)
{
	struct bench *bench = *state;

	while (bench->instance.member_count)
		conn_close(bench->instance.members[0], CONN_STOPPING);
	free(bench->instance.members);
	conns_free(&bench->conns);
	loop_close(&bench->loop);
	free(bench->config.settings);
	free(bench->map);
	free(bench);
	return 0;
}

/* A new client; its end of the socket. */
static int
connect_one(struct bench *bench)
{
	struct addr nobody = { .length = sizeof(sa_family_t),
			       .sa = { .sa_family = AF_UNIX } };
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_true(conn_open(&bench->instance, 0, ends[1], &nobody));
	return ends[0];
}

static struct conn *
newest(struct bench *bench)
{
	return bench->instance.members[bench->instance.member_count - 1];
}

/* Let everything that is ready happen, once; how much that was. */
static int
turn(struct bench *bench)
{
	struct epoll_event events[16];
	int n = epoll_wait(bench->loop.epfd, events, 16, 0);

	for (int i = 0; i < n; i++) {
		struct loop_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
	return n;
}

static void
say(struct bench *bench, int fd, const char *text)
{
	assert_int_equal(__real_send(fd, text, strlen(text), 0), strlen(text));
	turn(bench);
}

static void
hear(int fd, const char *text)
{
	char bytes[8192];
	ssize_t n = recv(fd, bytes, sizeof(bytes) - 1, 0);

	bytes[n > 0 ? n : 0] = '\0';
	assert_string_equal(bytes, text);
}

/* There is its end, and nothing before it. */
static void
hear_end(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/* There is nothing, and no end. */
static void
hear_nothing(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
a_round_is_one_send(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);

	say(bench, client, "hello\n");
	hear(client, "hello\n");
	assert_int_equal(sends, 1);
	/* What was held back and what tells go together. */
	say(bench, client, "exi");
	hear_nothing(client);
	assert_int_equal(sends, 1);
	say(bench, client, "st\n");
	hear(client, "exist\n");
	assert_int_equal(sends, 2);
	assert_int_equal(bench->slot.services[0].bytes_in, 12);
	assert_int_equal(bench->slot.services[0].bytes_out, 12);
	assert_int_equal(bench->slot.services[0].requests, 0);
	close(client);
}

static void
who_does_not_take_is_not_read(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);
	struct conn *conn = newest(bench);

	takes = 3;
	say(bench, client, "abcdefgh");
	assert_true(conn_owes(conn) > 0);
	takes = 0;
	say(bench, client, "ijkl");
	say(bench, client, "mnop");
	assert_int_equal(conn->bytes_in, 8);
	hear(client, "abc");
	takes = 1;
	while (conn_owes(conn) > 0)
		turn(bench);
	hear(client, "defgh");
	takes = -1;
	turn(bench);
	hear(client, "ijklmnop");
	assert_int_equal(conn->bytes_out, 16);
	close(client);
}

static void
without_memory_for_it_who_does_not_take_is_closed(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench), other = connect_one(bench);

	takes = 3;
	no_memory = true;
	say(bench, client, "abcdefgh");
	no_memory = false;
	assert_int_equal(bench->instance.member_count, 1);
	hear(client, "abc");
	hear_end(client);
	takes = -1;
	say(bench, other, "on\n");
	hear(other, "on\n");
	close(client);
	close(other);
}

static void
exit_sends_what_is_owed_and_then_the_end(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);

	takes = 2;
	say(bench, client, "first\nexit\nlater\n");
	/* Who is to go has to be heard. */
	say(bench, client, "more\n");
	takes = -1;
	turn(bench);
	hear(client, "first\n");
	hear_end(client);
	turn(bench);
	close(client);
	turn(bench);
	assert_int_equal(bench->instance.member_count, 0);
}

static void
exit_closes_when_the_client_has_all(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench), other = connect_one(bench);

	say(bench, client, "exit\n");
	assert_int_equal(bench->instance.member_count, 2);
	conn_close_idle(&bench->instance);
	assert_int_equal(bench->instance.member_count, 1);
	hear_end(client);
	hear_nothing(other);
	close(client);
	close(other);
}

static void
the_end_of_file_sends_what_was_held_back(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);

	takes = 1;
	say(bench, client, "ab\nexit");
	assert_int_equal(shutdown(client, SHUT_WR), 0);
	while (turn(bench) > 0)
		;
	assert_int_equal(bench->instance.member_count, 0);
	hear(client, "ab\nexit");
	hear_end(client);
	close(client);
}

static void
a_stop_sends_what_was_held_back(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);

	say(bench, client, "exit\r");
	hear_nothing(client);
	conn_end(newest(bench), CONN_STOPPING);
	say(bench, client, "\n");
	hear(client, "exit\r");
	hear_end(client);
	assert_int_equal(sends, 1);
	close(client);
}

static void
idle_clients_are_let_go(void **state)
{
	struct bench *bench = *state;
	int quiet = connect_one(bench), busy = connect_one(bench);

	configure(bench, "idle_seconds = 5;");
	bench->conns.now += 4 * (uint64_t)CLOCK_SECOND;
	say(bench, busy, "here\n");
	for (int i = 0; i < 8; i++)
		conn_close_idle(&bench->instance);
	assert_int_equal(bench->instance.member_count, 2);
	bench->conns.now += (uint64_t)CLOCK_SECOND;
	for (int i = 0; i < 8; i++)
		conn_close_idle(&bench->instance);
	assert_int_equal(bench->instance.member_count, 1);
	hear_end(quiet);
	hear(busy, "here\n");
	/* One that takes what it is owed is not idle. */
	takes = 1;
	say(bench, busy, "abc");
	bench->conns.now += 4 * (uint64_t)CLOCK_SECOND;
	turn(bench);
	bench->conns.now += 4 * (uint64_t)CLOCK_SECOND;
	for (int i = 0; i < 8; i++)
		conn_close_idle(&bench->instance);
	assert_int_equal(bench->instance.member_count, 1);
	close(quiet);
	close(busy);
}

/* Another worker, with TEXT for settings, goes on with the only connection. */
static void
hand_over(struct bench *bench, const char *text)
{
	const struct service *service = bench->config.service;
	struct conn *conn = newest(bench);
	char state[HANDOFF_STATE], rest[HANDOFF_OWED];
	struct handoff_conn saved;
	const char *owed;
	int fd = dup(conn->source.fd);

	conn_save(conn, &saved, &owed);
	saved.state = (uint32_t)service->save(conn, state);
	memcpy(rest, owed ? owed : "", saved.owed);
	conn_offer(conn);
	conn_give(conn);
	configure(bench, text);
	conn = conn_restore(&bench->instance, fd, &saved, rest);
	assert_non_null(conn);
	assert_true(service->restore(conn, state, saved.state));
}

static void
what_is_held_and_owed_goes_along(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);

	takes = 2;
	say(bench, client, "abcdef\nexi");
	takes = 0;
	hand_over(bench, "");
	say(bench, client, "t\n");
	hear(client, "ab");
	takes = -1;
	hand_over(bench, "");
	turn(bench);
	turn(bench);
	hear(client, "cdef\n");
	hear_end(client);
	close(client);
}

static void
another_word_holds_for_who_is_there(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);

	say(bench, client, "exi");
	hear_nothing(client);
	/* What is held back begins this one, too. */
	hand_over(bench, "exit_word = \"exile\";");
	hear_nothing(client);
	/* And this one not. */
	hand_over(bench, "exit_word = \"quit\";");
	turn(bench);
	hear(client, "exi");
	say(bench, client, "t\nqui");
	hear(client, "t\n");
	hand_over(bench, "exit_word = \"\";");
	turn(bench);
	hear(client, "qui");
	say(bench, client, "t\n");
	hear(client, "t\n");
	hand_over(bench, "");
	say(bench, client, "exit\n");
	hear_end(client);
	close(client);
}

static void
what_is_no_state_costs_the_client_alone(void **state)
{
	struct bench *bench = *state;
	const struct service *service = bench->config.service;
	char text[HANDOFF_STATE];
	int client = connect_one(bench);
	struct conn *conn = newest(bench);
	size_t length;

	say(bench, client, "exi");
	length = service->save(conn, text);
	assert_true(service->restore(conn, text, length));
	assert_false(service->restore(conn, text, length - 1));
	assert_false(service->restore(conn, text, length + 1));
	assert_false(service->restore(conn, text, 0));
	close(client);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)
	const struct CMUnitTest tests[] = {
		TEST(a_round_is_one_send),
		TEST(who_does_not_take_is_not_read),
		TEST(without_memory_for_it_who_does_not_take_is_closed),
		TEST(exit_sends_what_is_owed_and_then_the_end),
		TEST(exit_closes_when_the_client_has_all),
		TEST(the_end_of_file_sends_what_was_held_back),
		TEST(a_stop_sends_what_was_held_back),
		TEST(idle_clients_are_let_go),
		TEST(what_is_held_and_owed_goes_along),
		TEST(another_word_holds_for_who_is_there),
		TEST(what_is_no_state_costs_the_client_alone),
	};

	return cmocka_run_group_tests_name("echo", tests, NULL, NULL);
}
