/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections and the fan-out, with a send(2) that takes as little as a test
 * wants: nothing is torn, nothing is queued, everything is counted.
 */
#include "base/clock.h"
#include "worker/conns.h"
#include "worker/fanout.h"
#include "worker/peers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* How much the next sends take; -1: as much as there is. */
static ssize_t takes = -1;
static int sends;
static int last_sent; /* to whom the last one went */

ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);

ssize_t
__wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	sends++;
	last_sent = fd;
	if (takes == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (takes > 0 && (size_t)takes < length)
		length = (size_t)takes;
	return __real_send(fd, bytes, length, flags);
}

static const struct service plain = { .type = "plain" };

struct bench {
	struct loop loop;
	struct scoreboard scoreboard;
	struct peers peers;
	struct conns conns;
	struct service_config config;
	struct instance instance;
	struct scoreboard_slot slot;
	char *map; /* of a scoreboard that nobody else is on */
	struct message *message;
};

static int changes;

static void
changed(struct conns *conns)
{
	(void)conns;
	changes++;
}

static int
make_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	takes = -1;
	sends = 0;
	bench->map = calloc(1, SCOREBOARD_SIZE);
	bench->scoreboard.map = bench->map;
	assert_int_equal(loop_open(&bench->loop), 0);
	peers_init(&bench->peers, &bench->scoreboard, 0, 1);
	conns_init(&bench->conns, &bench->loop, &bench->peers, 0, changed);
	bench->config.service = &plain;
	bench->config.stall = 1;
	bench->instance.config = &bench->config;
	bench->instance.conns = &bench->conns;
	bench->instance.tally = &bench->slot.services[0];
	bench->instance.lateness = &bench->slot.lateness;
	TAILQ_INIT(&bench->instance.blocked);
	assert_non_null(message_fresh(&bench->message));
	strcpy(bench->message->bytes, "2026-11-21 10:00:00\n");
	bench->message->length = 20;
	*state = bench;
	return 0;
}

static int
free_bench(void **state)
{
	struct bench *bench = *state;

	while (bench->instance.member_count)
		conn_close(bench->instance.members[0], CONN_STOPPING);
	assert_int_equal(bench->message->holders, 1);
	message_drop(bench->message);
	free(bench->instance.members);
	conns_free(&bench->conns);
	loop_close(&bench->loop);
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

/* Let everything that is ready happen. */
static void
turn(struct bench *bench)
{
	struct epoll_event events[16];
	int n = epoll_wait(bench->loop.epfd, events, 16, 0);

	for (int i = 0; i < n; i++) {
		struct loop_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
}

static void
expect_text(int fd, const char *text)
{
	char bytes[256];
	ssize_t n = recv(fd, bytes, sizeof(bytes) - 1, 0);

	bytes[n > 0 ? n : 0] = '\0';
	assert_string_equal(bytes, text);
}

static void
rest_of_a_line_comes_before_anything_else(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);
	struct conn *conn = newest(bench);

	for (ssize_t cut = 1; cut < 20; cut++) {
		takes = cut;
		assert_int_equal(conn_send(conn, bench->message), CONN_PARTLY);
		assert_int_equal(bench->message->holders, 2);
		/* Not a byte of the next line while something is owed. */
		assert_int_equal(conn_send(conn, bench->message), CONN_SKIPPED);
		takes = 1;
		while (conn_owes(conn) > 0)
			turn(bench);
		expect_text(client, "2026-11-21 10:00:00\n");
		assert_int_equal(bench->message->holders, 1);
	}
	assert_int_equal(conn->bytes_out, 19 * 20);
	close(client);
}

static void
what_is_owed_outlives_the_next_tick(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);
	struct message *first = bench->message;

	takes = 5;
	assert_int_equal(conn_send(newest(bench), bench->message), CONN_PARTLY);
	/* The next tick must not write over what is still to be sent. */
	assert_non_null(message_fresh(&bench->message));
	assert_ptr_not_equal(bench->message, first);
	strcpy(bench->message->bytes, "2026-11-21 10:00:01\n");
	bench->message->length = 20;
	takes = -1;
	turn(bench);
	assert_int_equal(conn_send(newest(bench), bench->message), CONN_SENT);
	expect_text(client, "2026-11-21 10:00:00\n2026-11-21 10:00:01\n");
	close(client);
}

/* So many seconds later; all are looked at. */
static void
pass_seconds(struct bench *bench, int seconds)
{
	bench->conns.now += (uint64_t)seconds * (uint64_t)CLOCK_SECOND;
	for (int i = 0; i < 4; i++)
		conn_close_idle(&bench->instance);
}

static void
a_byte_either_way_is_no_idleness(void **state)
{
	struct bench *bench = *state;
	int reader = connect_one(bench);
	struct conn *one = newest(bench);
	int talker = connect_one(bench);
	int silent = connect_one(bench);

	bench->config.idle = 10 * (uint64_t)CLOCK_SECOND;
	for (int i = 0; i < 3; i++) {
		pass_seconds(bench, 9);
		assert_int_equal(conn_send(one, bench->message), CONN_SENT);
		assert_int_equal(send(talker, "x", 1, 0), 1);
		turn(bench);
	}
	/* Of the third one nothing came, and it was sent nothing. */
	assert_int_equal(bench->instance.member_count, 2);
	pass_seconds(bench, 9);
	assert_int_equal(bench->instance.member_count, 2);
	pass_seconds(bench, 1);
	assert_int_equal(bench->instance.member_count, 0);
	close(silent);
	close(talker);
	close(reader);
}

static void
ticks_are_sent_once_and_counted(void **state)
{
	struct bench *bench = *state;
	int clients[40];
	int64_t boundary = clock_realtime();

	for (int i = 0; i < 40; i++)
		clients[i] = connect_one(bench);
	/* The third has seen it; the fourth has no room. */
	bench->instance.members[3]->mark = boundary;
	sends = 0;
	fanout_tick(&bench->instance, bench->message, boundary);
	assert_int_equal(sends, 39);
	assert_int_equal(bench->slot.services[0].ticks, 39);
	assert_int_equal(bench->slot.services[0].bytes_out, 39 * 20);
	assert_int_equal(histogram_total(&bench->slot.lateness), 39);
	expect_text(clients[3], "");
	expect_text(clients[4], "2026-11-21 10:00:00\n");
	takes = 0;
	fanout_tick(&bench->instance, bench->message, boundary + 1);
	assert_int_equal(bench->slot.services[0].ticks, 39);
	assert_int_equal(bench->slot.services[0].skipped, 40);
	for (int i = 0; i < 40; i++)
		close(clients[i]);
}

/* More than fit into two batches, of whom some die before each tick. */
static void
those_who_die_in_a_tick_take_nobody_along(void **state)
{
	enum {
		CLIENTS = 300,
		TICKS = 6,
	};
	struct bench *bench = *state;
	static int clients[CLIENTS];
	uint32_t left = CLIENTS;

	for (int i = 0; i < CLIENTS; i++)
		clients[i] = connect_one(bench);
	for (int tick = 1; tick <= TICKS; tick++) {
		for (int i = tick * 7; i < CLIENTS; i += 13 + 2 * tick) {
			if (clients[i] >= 0)
				left--, close(clients[i]);
			clients[i] = -1;
		}
		fanout_tick(&bench->instance, bench->message, tick);
		assert_int_equal(bench->instance.member_count, left);
		for (int i = 0; i < CLIENTS; i++) {
			if (clients[i] < 0)
				continue;
			expect_text(clients[i], "2026-11-21 10:00:00\n");
			expect_text(clients[i], "");
		}
	}
	assert_int_equal(bench->slot.services[0].closed, CLIENTS - left);
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i] >= 0)
			close(clients[i]);
}

static void
the_same_with_a_ring(void **state)
{
	struct bench *bench = *state;

	batch_open(&bench->conns.batch);
	those_who_die_in_a_tick_take_nobody_along(state);
	batch_close(&bench->conns.batch);
}

static void
nobody_is_always_the_last(void **state)
{
	enum {
		CLIENTS = 10,
		TICKS = 60,
	};
	struct bench *bench = *state;
	int clients[CLIENTS], last[CLIENTS] = { 0 };

	for (int i = 0; i < CLIENTS; i++)
		clients[i] = connect_one(bench);
	for (int tick = 1; tick <= TICKS; tick++) {
		fanout_tick(&bench->instance, bench->message, tick);
		for (uint32_t i = 0; i < CLIENTS; i++)
			if (bench->instance.members[i]->source.fd == last_sent)
				last[i]++;
	}
	/* Each had its share of it, or half of that. */
	for (int i = 0; i < CLIENTS; i++) {
		assert_true(last[i] >= TICKS / CLIENTS / 2);
		close(clients[i]);
	}
}

static void
who_takes_nothing_is_closed(void **state)
{
	struct bench *bench = *state;
	int stalled = connect_one(bench);
	struct conn *conn = newest(bench);
	int other = connect_one(bench);
	char byte;

	bench->config.stall = (uint64_t)3600 * (uint64_t)CLOCK_SECOND;
	takes = 0;
	assert_int_equal(conn_send(conn, bench->message), CONN_SKIPPED);
	conn_close_stalled(&bench->instance);
	assert_int_equal(bench->instance.member_count, 2);
	bench->config.stall = 1;
	conn_close_stalled(&bench->instance);
	assert_int_equal(bench->instance.member_count, 1);
	assert_int_equal(recv(stalled, &byte, 1, 0), 0);
	assert_int_equal(recv(other, &byte, 1, 0), -1);
	close(stalled);
	close(other);
}

static void
expect_waiting(const struct bench *bench, struct conn *const *conns, int count)
{
	const struct conn_debt *debt = TAILQ_FIRST(&bench->instance.blocked);

	for (int i = 0; i < count; i++) {
		assert_non_null(debt);
		assert_ptr_equal(debt->conn, conns[i]);
		debt = TAILQ_NEXT(debt, entry);
	}
	assert_null(debt);
}

static void
who_waits_longest_is_the_first(void **state)
{
	struct bench *bench = *state;
	struct conn *one, *two, *three;
	int clients[3];

	clients[0] = connect_one(bench), one = newest(bench);
	clients[1] = connect_one(bench), two = newest(bench);
	clients[2] = connect_one(bench), three = newest(bench);
	assert_true(conn_debt_wait(one, 30));
	assert_true(conn_debt_wait(two, 10));
	assert_true(conn_debt_wait(three, 20));
	expect_waiting(bench, (struct conn *[]){ two, three, one }, 3);
	/* It took something, and waits again. */
	assert_true(conn_debt_wait(two, 40));
	expect_waiting(bench, (struct conn *[]){ three, one, two }, 3);
	conn_debt_settle(one);
	assert_null(one->debt);
	expect_waiting(bench, (struct conn *[]){ three, two }, 2);
	conn_close(three, CONN_CLIENT_RESET);
	expect_waiting(bench, (struct conn *[]){ two }, 1);
	/* Whom there was no debt for is not in the way. */
	conn_debt_settle(one);
	conn_debt_list(one);
	expect_waiting(bench, (struct conn *[]){ two }, 1);
	for (int i = 0; i < 3; i++)
		close(clients[i]);
}

static void
who_takes_it_all_owes_nothing(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);
	struct conn *conn = newest(bench);

	assert_int_equal(conn_send(conn, bench->message), CONN_SENT);
	assert_null(conn->debt);
	takes = 5;
	assert_int_equal(conn_send(conn, bench->message), CONN_PARTLY);
	assert_int_equal(conn_owes(conn), 15);
	turn(bench);
	assert_int_equal(conn_owes(conn), 10);
	takes = -1;
	turn(bench);
	assert_int_equal(conn_owes(conn), 0);
	assert_null(conn->debt);
	/* Nothing at all, and then, before anybody looks, a line. */
	takes = 0;
	assert_int_equal(conn_send(conn, bench->message), CONN_SKIPPED);
	assert_non_null(conn->debt);
	assert_int_equal(conn_owes(conn), 0);
	takes = -1;
	assert_int_equal(conn_send(conn, bench->message), CONN_SENT);
	assert_null(conn->debt);
	assert_int_equal(bench->message->holders, 1);
	close(client);
}

static void
progress_ends_a_stall(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);
	struct conn *conn = newest(bench);

	takes = 0;
	assert_int_equal(conn_send(conn, bench->message), CONN_SKIPPED);
	assert_non_null(conn->debt);
	takes = -1;
	turn(bench);
	assert_null(conn->debt);
	conn_close_stalled(&bench->instance);
	assert_int_equal(bench->instance.member_count, 1);
	close(client);
}

static void
half_closed_clients_are_served(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);

	assert_int_equal(shutdown(client, SHUT_WR), 0);
	turn(bench);
	turn(bench);
	assert_int_equal(bench->instance.member_count, 1);
	assert_int_equal(conn_send(newest(bench), bench->message), CONN_SENT);
	expect_text(client, "2026-11-21 10:00:00\n");
	close(client);
	turn(bench);
	assert_int_equal(bench->instance.member_count, 0);
}

static void
an_end_sends_what_is_owed_first(void **state)
{
	struct bench *bench = *state;
	int client = connect_one(bench);
	struct conn *conn = newest(bench);

	takes = 7;
	assert_int_equal(conn_send(conn, bench->message), CONN_PARTLY);
	conn_end(conn, CONN_STOPPING);
	assert_false(conn_settled(conn));
	assert_int_equal(conn_send(conn, bench->message), CONN_SKIPPED);
	takes = -1;
	turn(bench);
	expect_text(client, "2026-11-21 10:00:00\n");
	expect_text(client, ""); /* the end of file */
	assert_true(conn_settled(conn));
	close(client);
	turn(bench);
	assert_int_equal(bench->instance.member_count, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)
	const struct CMUnitTest tests[] = {
		TEST(rest_of_a_line_comes_before_anything_else),
		TEST(what_is_owed_outlives_the_next_tick),
		TEST(a_byte_either_way_is_no_idleness),
		TEST(ticks_are_sent_once_and_counted),
		TEST(those_who_die_in_a_tick_take_nobody_along),
		TEST(the_same_with_a_ring),
		TEST(nobody_is_always_the_last),
		TEST(who_takes_nothing_is_closed),
		TEST(who_waits_longest_is_the_first),
		TEST(who_takes_it_all_owes_nothing),
		TEST(progress_ends_a_stall),
		TEST(half_closed_clients_are_served),
		TEST(an_end_sends_what_is_owed_first),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
