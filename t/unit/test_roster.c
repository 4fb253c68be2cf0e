/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is connected, told while connections come and go, by a worker whose
 * operator takes as much as a test wants.
 */
#include "base/clock.h"
#include "ipc/command.h"
#include "worker/accept.h"
#include "worker/roster.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MOST = 2000
};

static const char *
name_of(const struct conn *conn)
{
	return conn->serial == 7 ? "Zo\xc3\xab" : NULL;
}

static const struct service plain = { .type = "plain" };
static const struct service named = { .type = "named", .name = name_of };

struct bench {
	struct loop loop;
	struct scoreboard scoreboard;
	struct peers peers;
	struct conns conns;
	struct service_config configs[2];
	struct instance instances[2];
	struct scoreboard_slot slot;
	struct accept_listener listener;
	struct handover handover;
	struct roster roster;
	char *map;
	int clients[MOST]; /* the other ends, by serial; -1: it left */
	int asker;
	int baton;
	int told[MOST]; /* how often, by serial */
	char name[32];	/* that was told last */
	bool over;	/* the baton ended */
	char word;
};

static void
changed(struct conns *conns)
{
	(void)conns;
}

static void
make_instance(struct bench *bench, int i, const struct service *service)
{
	struct instance *instance = &bench->instances[i];

	bench->configs[i].service = service;
	bench->configs[i].board = i + 3;
	strcpy(bench->configs[i].name, service->type);
	instance->config = &bench->configs[i];
	instance->conns = &bench->conns;
	instance->tally = &bench->slot.services[i];
	instance->lateness = &bench->slot.lateness;
	TAILQ_INIT(&instance->blocked);
}

static int
set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->map = calloc(1, SCOREBOARD_SIZE);
	bench->scoreboard.map = bench->map;
	memset(bench->clients, -1, sizeof(bench->clients));
	bench->asker = -1;
	bench->baton = -1;
	assert_int_equal(loop_open(&bench->loop), 0);
	peers_init(&bench->peers, &bench->scoreboard, 0, 1);
	conns_init(&bench->conns, &bench->loop, &bench->peers, 0, changed);
	bench->conns.listeners = &bench->listener;
	make_instance(bench, 0, &plain);
	make_instance(bench, 1, &named);
	assert_int_equal(handover_open(&bench->handover, &bench->conns,
				       bench->instances, 2),
			 0);
	assert_int_equal(roster_open(&bench->roster, &bench->conns,
				     bench->instances, 2, &bench->handover, 5),
			 0);
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	roster_close(&bench->roster);
	handover_close(&bench->handover);
	for (int i = 0; i < 2; i++) {
		while (bench->instances[i].member_count)
			conn_close(bench->instances[i].members[0],
				   CONN_STOPPING);
		free(bench->instances[i].members);
	}
	for (int i = 0; i < MOST; i++)
		if (bench->clients[i] >= 0)
			close(bench->clients[i]);
	close(bench->asker);
	close(bench->baton);
	conns_free(&bench->conns);
	loop_close(&bench->loop);
	free(bench->map);
	free(bench);
	return 0;
}

/* COUNT more clients of a service. */
static void
come(struct bench *bench, int service, int count)
{
	struct addr nobody = { .length = sizeof(sa_family_t),
			       .sa = { .sa_family = AF_UNIX } };
	int ends[2];

	while (count-- > 0) {
		assert_int_equal(socketpair(AF_UNIX,
					    SOCK_STREAM | SOCK_NONBLOCK, 0,
					    ends),
				 0);
		assert_true(conn_open(&bench->instances[service], 0, ends[1],
				      &nobody));
		bench->clients[bench->conns.serial] = ends[0];
	}
}

static struct conn *
conn_of(struct bench *bench, uint64_t serial)
{
	for (int i = 0; i < 2; i++)
		for (uint32_t k = 0; k < bench->instances[i].member_count; k++)
			if (bench->instances[i].members[k]->serial == serial)
				return bench->instances[i].members[k];
	return NULL;
}

/* The master's part: ask for what TYPE says. */
static void
ask(struct bench *bench, bool kicks, uint64_t argument)
{
	int ends[2], baton[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(pipe2(baton, O_NONBLOCK), 0);
	bench->asker = ends[0];
	bench->baton = baton[0];
	bench->over = false;
	bench->word = 0;
	memset(bench->told, 0, sizeof(bench->told));
	roster_begin(&bench->roster, kicks, argument,
		     (int[]){ baton[1], ends[1] }, 2);
}

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
note(struct bench *bench, const char *line, size_t length)
{
	json_t *object = json_loadb(line, length, 0, NULL);
	const char *id, *service, *peer, *name = NULL;
	int generation, slot, worker;
	unsigned serial;

	assert_int_equal(json_unpack(object, "{s:{s:s, s:s, s:s, s:i, s?s}}",
				     "client", "id", &id, "service", &service,
				     "peer", &peer, "worker", &worker, "name",
				     &name),
			 0);
	assert_int_equal(sscanf(id, "%d.%d.%u", &generation, &slot, &serial),
			 3);
	assert_true(serial < MOST);
	assert_int_equal(worker, 5);
	bench->told[serial]++;
	strcpy(bench->name, name ? name : "");
	json_decref(object);
}

/* What the operator reads, and whether the baton has ended. */
static void
hear(struct bench *bench)
{
	static char bytes[1 << 20];
	ssize_t n = recv(bench->asker, bytes, sizeof(bytes), 0);
	char *line = bytes;

	while (n > 0 && line < bytes + n) {
		char *end = memchr(line, '\n', (size_t)(bytes + n - line));

		/* Lines go out whole. */
		assert_non_null(end);
		note(bench, line, (size_t)(end - line));
		line = end + 1;
	}
	n = read(bench->baton, &bench->word, 1);
	if (n > 0)
		n = read(bench->baton, bytes, 1);
	bench->over = n == 0;
}

static void
hear_all(struct bench *bench)
{
	uint64_t deadline = clock_monotonic() + 20 * (uint64_t)CLOCK_SECOND;

	while (!bench->over) {
		turn(bench);
		hear(bench);
		assert_true(clock_monotonic() < deadline);
	}
	close(bench->asker);
	close(bench->baton);
	bench->asker = -1;
	bench->baton = -1;
}

static int
times_told(const struct bench *bench)
{
	int sum = 0;

	for (int i = 0; i < MOST; i++)
		sum += bench->told[i];
	return sum;
}

static void
nobody_is_told_of_when_nobody_is_there(void **state)
{
	struct bench *bench = *state;

	ask(bench, false, 0);
	hear_all(bench);
	assert_int_equal(times_told(bench), 0);
	assert_int_equal(bench->word, 0);
}

static void
each_is_told_of_once(void **state)
{
	struct bench *bench = *state;

	come(bench, 0, 700);
	come(bench, 1, 300);
	ask(bench, false, 0);
	hear_all(bench);
	for (int i = 1; i <= 1000; i++)
		assert_int_equal(bench->told[i], 1);
	assert_int_equal(times_told(bench), 1000);
}

static void
those_of_one_service_are_told_of(void **state)
{
	struct bench *bench = *state;

	come(bench, 0, 5);
	come(bench, 1, 3);
	ask(bench, false, 1 + 4);
	hear_all(bench);
	assert_int_equal(times_told(bench), 3);
	assert_int_equal(bench->told[6], 1);
	assert_string_equal(bench->name, "");
	/* One that nobody has. */
	ask(bench, false, 1 + 9);
	hear_all(bench);
	assert_int_equal(times_told(bench), 0);
}

static void
a_service_may_know_names(void **state)
{
	struct bench *bench = *state;

	come(bench, 0, 6);
	come(bench, 1, 1);
	ask(bench, false, 1 + 4);
	hear_all(bench);
	assert_string_equal(bench->name, "Zo\xc3\xab");
}

/* Whoever is there all the while is told of once, whoever else comes or goes,
 * or is offered to another worker and comes back. */
static void
it_does_not_matter_who_comes_and_goes(void **state)
{
	struct bench *bench = *state;
	uint64_t random = 1;

	come(bench, 0, 900);
	ask(bench, false, 0);
	for (int i = 0; !bench->over && i < 600; i++) {
		struct conn *conn;

		random = random * 6364136223846793005u + 1442695040888963407u;
		conn = conn_of(bench, 1 + (random >> 33) % 900);
		if (i % 3 == 0) {
			come(bench, 0, 1);
		} else if (conn && i % 3 == 1) {
			close(bench->clients[conn->serial]);
			bench->clients[conn->serial] = -1;
			conn_close(conn, CONN_CLIENT_CLOSED);
		} else if (conn) {
			conn_offer(conn);
			if (i % 2)
				turn(bench);
			conn_reclaim(conn);
		}
		if (i % 20 == 0)
			turn(bench);
		if (i % 60 == 0)
			hear(bench);
	}
	hear_all(bench);
	for (int i = 1; i <= 900; i++)
		if (bench->clients[i] >= 0)
			assert_true(bench->told[i] >= 1 && bench->told[i] <= 4);
	/* Twice only those who were away. */
	assert_true(times_told(bench) < 1000);
	assert_int_equal(bench->instances[0].unlisted, 0);
	assert_false(bench->instances[0].listed);
}

static void
without_hand_offs_it_is_exactly_once(void **state)
{
	struct bench *bench = *state;

	come(bench, 0, 900);
	ask(bench, false, 0);
	/* From the front, from the back, and in the middle of those to come. */
	for (uint64_t serial = 1; serial <= 900; serial += 9) {
		uint64_t who = serial % 2 ? serial : 900 - serial;

		close(bench->clients[who]);
		bench->clients[who] = -1;
		conn_close(conn_of(bench, who), CONN_CLIENT_CLOSED);
		if (serial % 5 == 0)
			turn(bench);
		hear(bench);
	}
	hear_all(bench);
	for (int i = 1; i <= 900; i++)
		if (bench->clients[i] >= 0)
			assert_int_equal(bench->told[i], 1);
		else
			assert_true(bench->told[i] <= 1);
}

static void
an_event_tells_of_a_few(void **state)
{
	struct bench *bench = *state;

	come(bench, 0, 1000);
	ask(bench, false, 0);
	assert_int_equal(times_told(bench), 0);
	turn(bench);
	hear(bench);
	assert_true(times_told(bench) > 0);
	assert_true(times_told(bench) <= ROSTER_AT_ONCE);
}

static void
an_operator_that_does_not_read_is_waited_for(void **state)
{
	struct bench *bench = *state;

	come(bench, 0, 1900);
	ask(bench, false, 0);
	for (int i = 0; i < 200; i++)
		turn(bench);
	/* It has what its socket takes, and a little is kept here. */
	assert_true(bench->roster.used <= ROSTER_BYTES);
	assert_true(bench->instances[0].unlisted > 0);
	hear_all(bench);
	assert_int_equal(times_told(bench), 1900);
}

static void
who_gives_up_ends_it(void **state)
{
	struct bench *bench = *state;

	come(bench, 0, 1900);
	/* The master. */
	ask(bench, false, 0);
	turn(bench);
	close(bench->baton);
	for (int i = 0; i < 5; i++)
		turn(bench);
	assert_int_equal(bench->roster.asker.fd, -1);
	assert_false(bench->instances[0].listed);
	close(bench->asker);
	/* The operator. */
	ask(bench, false, 0);
	turn(bench);
	close(bench->asker);
	bench->asker = -1;
	for (int i = 0; i < 5; i++)
		turn(bench);
	assert_int_equal(read(bench->baton, &bench->word, 1), 0);
	close(bench->baton);
	/* The master, and it asks anew before that is seen. */
	ask(bench, false, 0);
	turn(bench);
	close(bench->baton);
	close(bench->asker);
	ask(bench, false, 0);
	hear_all(bench);
	assert_int_equal(times_told(bench), 1900);
}

static void
a_kick_ends_one(void **state)
{
	struct bench *bench = *state;
	char byte;

	come(bench, 0, 10);
	ask(bench, true, 4);
	hear_all(bench);
	assert_int_equal(bench->word, COMMAND_FOUND);
	assert_int_equal(times_told(bench), 1);
	assert_int_equal(bench->told[4], 1);
	assert_null(conn_of(bench, 4));
	assert_int_equal(recv(bench->clients[4], &byte, 1, 0), 0);
	assert_int_equal(bench->slot.services[0].closed, 1);
	assert_int_equal(bench->conns.count, 9);
	/* Once more: it is not here. */
	ask(bench, true, 4);
	hear_all(bench);
	assert_int_equal(bench->word, 0);
	assert_int_equal(times_told(bench), 0);
	assert_int_equal(bench->conns.count, 9);
}

/* What is under way may come back, and is told of or kicked then. */
static void
what_is_under_way_is_waited_for(void **state)
{
	struct bench *bench = *state;

	for (int kicks = 0; kicks < 2; kicks++) {
		int ends[2];

		come(bench, 0, 3);
		assert_int_equal(handoff_pair(ends), 0);
		handover_begin(&bench->handover, 2, &ends[0], 1);
		assert_true(handover_under_way(&bench->handover));
		assert_int_equal(bench->instances[0].member_count, 0);
		ask(bench, kicks, kicks ? bench->conns.serial : 0);
		for (int i = 0; i < 50; i++)
			turn(bench);
		hear(bench);
		assert_false(bench->over);
		assert_int_equal(times_told(bench), 0);
		/* Its successor dies. */
		close(ends[1]);
		hear_all(bench);
		assert_int_equal(times_told(bench), kicks ? 1 : 3);
		handover_cancel(&bench->handover);
	}
	assert_int_equal(bench->conns.count, 5);
}

static void
one_without_descriptors_is_no_operator(void **state)
{
	struct bench *bench = *state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	roster_begin(&bench->roster, false, 0, &ends[1], 1);
	assert_int_equal(bench->roster.asker.fd, -1);
	assert_int_equal(read(ends[0], &bench->word, 1), 0);
	close(ends[0]);
	roster_begin(&bench->roster, true, 0, NULL, 0);
	assert_int_equal(bench->roster.asker.fd, -1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_told_of_when_nobody_is_there),
		TEST(each_is_told_of_once),
		TEST(those_of_one_service_are_told_of),
		TEST(a_service_may_know_names),
		TEST(it_does_not_matter_who_comes_and_goes),
		TEST(without_hand_offs_it_is_exactly_once),
		TEST(an_event_tells_of_a_few),
		TEST(an_operator_that_does_not_read_is_waited_for),
		TEST(who_gives_up_ends_it),
		TEST(a_kick_ends_one),
		TEST(what_is_under_way_is_waited_for),
		TEST(one_without_descriptors_is_no_operator),
	};

	/* What waits after all waits for ever. */
	alarm(60);
	return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
