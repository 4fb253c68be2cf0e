/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An old worker and a new one, in one process: whatever becomes of the
 * successor, each connection is served by exactly one of them.
 */
#include "base/clock.h"
#include "worker/handover.h"
#include "worker/takeover.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MOST = 600,
	LISTENER = 77,
	OTHER_LISTENER = 78,
	LISTENERS = 2
};

/* How much the next sends take; -1: as much as there is. */
static ssize_t takes = -1;
static uint64_t the_time;

ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
uint64_t __wrap_clock_monotonic(void);

ssize_t
__wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	if (takes == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (takes > 0 && (size_t)takes < length)
		length = (size_t)takes;
	return __real_send(fd, bytes, length, flags);
}

uint64_t
__wrap_clock_monotonic(void)
{
	return the_time;
}

static const struct service plain = { .type = "plain" };

/* One worker. */
struct side {
	struct loop loop;
	struct conns conns;
	struct service_config config;
	struct instance instance;
	struct scoreboard_slot *slot;
	struct handover handover;
	struct takeover takeover;
	struct accept_listener listeners[LISTENERS];
	int changes;
};

struct bench {
	struct scoreboard scoreboard;
	struct peers peers;
	char *map; /* of a scoreboard that nobody else is on */
	struct side old;
	struct side new;
	struct message *message;
	struct handoff_batch batch;
	int count;
	int clients[MOST];
};

static void
conns_changed(struct conns *conns)
{
	(void)conns;
}

static void
takeover_changed(struct takeover *takeover)
{
	struct side *side = (struct side *)((char *)takeover -
					    offsetof(struct side, takeover));

	side->changes++;
}

static void
open_side(struct bench *bench, struct side *side, int slot)
{
	struct instance *instance = &side->instance;

	assert_int_equal(loop_open(&side->loop), 0);
	conns_init(&side->conns, &side->loop, &bench->peers,
		   (uint64_t)slot << 32, conns_changed);
	side->slot = scoreboard_slot(&bench->scoreboard, slot);
	side->config.service = &plain;
	side->config.board = 4;
	strcpy(side->config.name, "plain");
	instance->config = &side->config;
	instance->conns = &side->conns;
	instance->tally = &side->slot->services[4];
	instance->lateness = &side->slot->lateness;
	TAILQ_INIT(&instance->blocked);
	/* They need not be in the same place in the next generation. */
	side->listeners[side == &bench->new].id = LISTENER;
	side->listeners[side != &bench->new].id = OTHER_LISTENER;
	side->conns.listeners = side->listeners;
	assert_int_equal(
		handover_open(&side->handover, &side->conns, instance, 1), 0);
	takeover_open(&side->takeover, &side->conns, side->slot, instance, 1,
		      side->listeners, LISTENERS, takeover_changed);
}

static void
close_side(struct side *side)
{
	takeover_close(&side->takeover);
	handover_close(&side->handover);
	while (side->instance.member_count)
		conn_close(side->instance.members[0], CONN_STOPPING);
	assert_int_equal(side->conns.count, 0);
	/* Each that came is gone, and once. */
	assert_int_equal(tally_connections(side->instance.tally), 0);
	free(side->instance.members);
	conns_free(&side->conns);
	loop_close(&side->loop);
}

static int
make_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	takes = -1;
	the_time = (uint64_t)CLOCK_SECOND;
	bench->map = calloc(1, SCOREBOARD_SIZE);
	bench->scoreboard.map = bench->map;
	peers_init(&bench->peers, &bench->scoreboard, 0, 1);
	open_side(bench, &bench->old, 1);
	open_side(bench, &bench->new, 2);
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

	takes = -1;
	close_side(&bench->old);
	close_side(&bench->new);
	for (int i = 0; i < bench->count; i++)
		close(bench->clients[i]);
	assert_int_equal(bench->message->holders, 1);
	message_drop(bench->message);
	free(bench->map);
	free(bench);
	return 0;
}

/* So many clients more, of the old one; the last one's end. */
static int
come(struct bench *bench, int count)
{
	struct addr nobody = { .length = sizeof(sa_family_t),
			       .sa = { .sa_family = AF_UNIX } };
	int ends[2];

	while (count-- > 0) {
		assert_int_equal(socketpair(AF_UNIX,
					    SOCK_STREAM | SOCK_NONBLOCK, 0,
					    ends),
				 0);
		assert_true(
			conn_open(&bench->old.instance, 0, ends[1], &nobody));
		bench->clients[bench->count++] = ends[0];
	}
	return bench->clients[bench->count - 1];
}

static struct conn *
newest(const struct side *side)
{
	return side->instance.members[side->instance.member_count - 1];
}

/* Let everything that is ready on this side happen. */
static void
turn(struct side *side)
{
	struct epoll_event events[64];
	int n = epoll_wait(side->loop.epfd, events, 64, 0);

	for (int i = 0; i < n; i++) {
		struct loop_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
}

static void
turns(struct bench *bench)
{
	for (int i = 0; i < 20; i++) {
		turn(&bench->new);
		turn(&bench->old);
	}
}

/* A successor of GENERATION; its end of the socket. */
static int
successor(struct bench *bench, uint64_t generation)
{
	int ends[2];

	assert_int_equal(handoff_pair(ends), 0);
	handover_begin(&bench->old.handover, generation, &ends[0], 1);
	return ends[1];
}

/* The new side is one. */
static void
hand_over(struct bench *bench)
{
	int ends[2];

	assert_int_equal(handoff_pair(ends), 0);
	takeover_begin(&bench->new.takeover, ends[1], 1234);
	handover_begin(&bench->old.handover, 2, &ends[0], 1);
}

/* A batch that came to FD, taken off it; how many were in it. */
static int
batch_of(struct bench *bench, int fd)
{
	if (handoff_receive(fd, &bench->batch) != HANDOFF_BATCHED)
		return 0;
	return bench->batch.count;
}

static void
expect_text(int fd, const char *text)
{
	char bytes[256];
	ssize_t n = recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);

	bytes[n > 0 ? n : 0] = '\0';
	assert_string_equal(bytes, text);
}

/* All on this side get a line, and nobody else; once. */
static void
expect_served(struct bench *bench, struct side *side, uint32_t count)
{
	uint32_t found = 0;

	assert_int_equal(side->instance.member_count, count);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(
			conn_send(side->instance.members[i], bench->message),
			CONN_SENT);
	for (int i = 0; i < bench->count; i++) {
		char bytes[64];

		if (recv(bench->clients[i], bytes, sizeof(bytes),
			 MSG_DONTWAIT) == 20)
			found++;
	}
	assert_int_equal(found, count);
}

static void
all_are_passed_on_as_they_were(void **state)
{
	struct bench *bench = *state;
	struct conn *conn;
	int client = come(bench, 500);
	uint64_t opened = newest(&bench->old)->opened;
	uint64_t serial = newest(&bench->old)->serial;

	assert_int_equal(send(client, "hello", 5, 0), 5);
	turn(&bench->old);
	newest(&bench->old)->ticks = 5;
	newest(&bench->old)->skipped = 3;
	newest(&bench->old)->mark = 99;
	assert_int_equal(conn_send(newest(&bench->old), bench->message),
			 CONN_SENT);
	expect_text(client, "2026-11-21 10:00:00\n");
	the_time += (uint64_t)CLOCK_SECOND;
	hand_over(bench);
	turns(bench);
	assert_int_equal(bench->old.conns.count, 0);
	assert_int_equal(bench->old.handover.given, 500);
	assert_int_equal(bench->old.instance.tally->handed, 500);
	assert_int_equal(bench->new.instance.tally->taken, 500);
	/* The last was the first to be offered. */
	conn = bench->new.instance.members[0];
	assert_int_equal(conn->opened, opened);
	assert_int_equal(conn->serial, serial);
	assert_int_equal(conn->ticks, 5);
	assert_int_equal(conn->skipped, 3);
	assert_int_equal(conn->mark, 99);
	assert_int_equal(conn->bytes_in, 5);
	assert_int_equal(conn->bytes_out, 20);
	assert_int_equal(conn->listener, 1);
	expect_served(bench, &bench->new, 500);
	/* With its end, the old one is through. */
	assert_int_equal(bench->new.takeover.open, 1);
	handover_cancel(&bench->old.handover);
	turns(bench);
	assert_int_equal(bench->new.takeover.open, 0);
}

static void
half_a_line_is_sent_on_by_the_new_one(void **state)
{
	struct bench *bench = *state;

	for (ssize_t cut = 1; cut < 20; cut++) {
		int client = come(bench, 1);
		struct conn *conn;

		takes = cut;
		assert_int_equal(conn_send(newest(&bench->old), bench->message),
				 CONN_PARTLY);
		takes = 0;
		hand_over(bench);
		turns(bench);
		conn = newest(&bench->new);
		assert_int_equal(bench->message->holders, 1);
		assert_non_null(conn->debt);
		/* Nothing else comes before the rest. */
		assert_int_equal(conn_send(conn, bench->message), CONN_SKIPPED);
		takes = 3;
		while (conn_owes(conn) > 0)
			turn(&bench->new);
		takes = -1;
		assert_int_equal(conn_send(conn, bench->message), CONN_SENT);
		expect_text(client,
			    "2026-11-21 10:00:00\n2026-11-21 10:00:00\n");
		assert_int_equal(conn->bytes_out, 40);
		handover_cancel(&bench->old.handover);
		turns(bench);
	}
}

static void
half_a_line_is_sent_on_after_a_return(void **state)
{
	struct bench *bench = *state;
	int client = come(bench, 1);
	int heir;

	takes = 7;
	assert_int_equal(conn_send(newest(&bench->old), bench->message),
			 CONN_PARTLY);
	takes = 0;
	heir = successor(bench, 2);
	assert_int_equal(batch_of(bench, heir), 1);
	handoff_discard(&bench->batch);
	close(heir);
	turn(&bench->old);
	takes = -1;
	turn(&bench->old);
	assert_int_equal(conn_send(newest(&bench->old), bench->message),
			 CONN_SENT);
	expect_text(client, "2026-11-21 10:00:00\n2026-11-21 10:00:00\n");
}

/* Those who wait on this side came half a second after each other. */
static void
expect_order(const struct side *side, const uint64_t *serials, uint64_t from,
	     uint64_t until)
{
	const struct conn_debt *debt = TAILQ_FIRST(&side->instance.blocked);

	for (uint64_t i = from; i < until; i++) {
		assert_non_null(debt);
		assert_int_equal(debt->conn->serial, serials[i]);
		assert_int_equal(debt->since,
				 (uint64_t)CLOCK_SECOND * (2 + i) / 2);
		debt = TAILQ_NEXT(debt, entry);
	}
	assert_null(debt);
}

static void
stalls_keep_their_age_and_order(void **state)
{
	struct bench *bench = *state;
	uint64_t serials[4];

	bench->old.config.stall = bench->new.config.stall =
		3 * (uint64_t)CLOCK_SECOND;
	for (int i = 0; i < 4; i++) {
		come(bench, 1);
		serials[i] = newest(&bench->old)->serial;
		takes = 5;
		assert_int_equal(conn_send(newest(&bench->old), bench->message),
				 CONN_PARTLY);
		the_time += (uint64_t)CLOCK_SECOND / 2;
	}
	takes = 0;
	hand_over(bench);
	turns(bench);
	assert_int_equal(bench->new.instance.member_count, 4);
	expect_order(&bench->new, serials, 0, 4);
	/* Three seconds after the second one. */
	the_time = (uint64_t)CLOCK_SECOND * 9 / 2;
	conn_close_stalled(&bench->new.instance);
	assert_int_equal(bench->new.instance.member_count, 2);
}

/* Four who wait are offered; meanwhile comes a fifth. */
static void
who_comes_back_has_his_place_again(void **state)
{
	struct bench *bench = *state;
	uint64_t serials[5];
	int heir = -1, later;

	takes = 5;
	for (int i = 0; i < 5; i++) {
		if (i == 4)
			heir = successor(bench, 2);
		come(bench, 1);
		serials[i] = newest(&bench->old)->serial;
		assert_int_equal(conn_send(newest(&bench->old), bench->message),
				 CONN_PARTLY);
		the_time += (uint64_t)CLOCK_SECOND / 2;
	}
	takes = 0;
	expect_order(&bench->old, serials, 4, 5);
	assert_int_equal(batch_of(bench, heir), 4);
	handoff_discard(&bench->batch);
	close(heir);
	turn(&bench->old);
	expect_order(&bench->old, serials, 0, 5);
	/* And with the next one it is as if nothing had been. */
	later = successor(bench, 3);
	assert_int_equal(batch_of(bench, later), 5);
	handoff_discard(&bench->batch);
	close(later);
	turn(&bench->old);
	expect_order(&bench->old, serials, 0, 5);
}

static void
a_successor_that_dies_gives_all_back(void **state)
{
	struct bench *bench = *state;
	int heir;

	come(bench, 300);
	heir = successor(bench, 2);
	assert_int_equal(bench->old.instance.member_count, 0);
	assert_int_equal(bench->old.conns.count, 300);
	close(heir);
	turn(&bench->old);
	assert_int_equal(bench->old.instance.tally->handed, 0);
	expect_served(bench, &bench->old, 300);
}

static void
a_successor_that_was_dead_before_gets_nothing(void **state)
{
	struct bench *bench = *state;
	int ends[2];

	come(bench, 300);
	assert_int_equal(handoff_pair(ends), 0);
	close(ends[1]);
	handover_begin(&bench->old.handover, 2, &ends[0], 1);
	assert_false(handover_under_way(&bench->old.handover));
	expect_served(bench, &bench->old, 300);
}

static void
what_had_a_receipt_is_gone_with_the_successor(void **state)
{
	struct bench *bench = *state;
	int heir;

	come(bench, 300);
	heir = successor(bench, 2);
	assert_int_equal(batch_of(bench, heir), HANDOFF_BATCH);
	handoff_discard(&bench->batch);
	assert_true(handoff_acknowledge(heir, HANDOFF_BATCH));
	/* The others still wait in its queue. */
	close(heir);
	turn(&bench->old);
	assert_int_equal(bench->old.instance.tally->handed, HANDOFF_BATCH);
	assert_int_equal(bench->old.conns.count, 300 - HANDOFF_BATCH);
	expect_served(bench, &bench->old, 300 - HANDOFF_BATCH);
}

/* What the timer says every ten milliseconds. */
static void
pulse(struct side *side)
{
	side->handover.pulse.expired(&side->handover.pulse, false);
}

static void
a_successor_that_is_silent_is_let_go(void **state)
{
	struct bench *bench = *state;
	int heir;

	come(bench, 200);
	heir = successor(bench, 2);
	the_time += (uint64_t)CLOCK_SECOND;
	pulse(&bench->old);
	assert_int_equal(bench->old.instance.member_count, 0);
	/* A receipt is a sign of life. */
	assert_int_equal(batch_of(bench, heir), HANDOFF_BATCH);
	handoff_discard(&bench->batch);
	assert_true(handoff_acknowledge(heir, HANDOFF_BATCH));
	turn(&bench->old);
	the_time += (uint64_t)CLOCK_SECOND * 3 / 2;
	pulse(&bench->old);
	assert_int_equal(bench->old.instance.member_count, 0);
	the_time += (uint64_t)CLOCK_SECOND;
	pulse(&bench->old);
	/* When it wakes up it is too late. */
	assert_int_equal(batch_of(bench, heir), 200 - HANDOFF_BATCH);
	handoff_discard(&bench->batch);
	assert_false(handoff_acknowledge(heir, 200 - HANDOFF_BATCH));
	assert_int_equal(bench->old.instance.tally->handed, HANDOFF_BATCH);
	expect_served(bench, &bench->old, 200 - HANDOFF_BATCH);
	close(heir);
}

static void
what_comes_back_goes_to_the_others(void **state)
{
	struct bench *bench = *state;
	int heir;

	come(bench, 200);
	heir = successor(bench, 2);
	hand_over(bench);
	turns(bench);
	/* All were offered already. */
	assert_int_equal(bench->new.instance.member_count, 0);
	close(heir);
	turns(bench);
	assert_int_equal(bench->old.conns.count, 0);
	expect_served(bench, &bench->new, 200);
}

static void
successors_get_equal_shares(void **state)
{
	struct bench *bench = *state;
	int pairs[3][2], fds[3];
	int has[3] = { 0 };

	come(bench, 600);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(handoff_pair(pairs[i]), 0);
		fds[i] = pairs[i][0];
	}
	handover_begin(&bench->old.handover, 2, fds, 3);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 3; i++) {
			int got = batch_of(bench, pairs[i][1]);

			if (got == 0)
				continue;
			handoff_discard(&bench->batch);
			has[i] += got;
			assert_true(handoff_acknowledge(pairs[i][1], got));
		}
		turn(&bench->old);
	}
	assert_int_equal(bench->old.conns.count, 0);
	for (int i = 0; i < 3; i++) {
		assert_in_range(has[i], 190, 210);
		close(pairs[i][1]);
	}
}

static void
a_successor_that_lies_is_let_go(void **state)
{
	struct bench *bench = *state;
	int heir;

	come(bench, 100);
	heir = successor(bench, 2);
	assert_true(handoff_acknowledge(heir, 99));
	turn(&bench->old);
	assert_int_equal(bench->old.instance.tally->handed, 0);
	expect_served(bench, &bench->old, 100);
	close(heir);
	/* Nor can it have what was never offered. */
	heir = successor(bench, 2);
	assert_int_equal(batch_of(bench, heir), 100);
	handoff_discard(&bench->batch);
	assert_true(handoff_acknowledge(heir, 100));
	assert_true(handoff_acknowledge(heir, 100));
	turn(&bench->old);
	assert_int_equal(bench->old.instance.tally->handed, 100);
	close(heir);
}

static void
a_later_generation_is_preferred(void **state)
{
	struct bench *bench = *state;
	int heir = successor(bench, 1);

	come(bench, 100);
	hand_over(bench);
	assert_int_equal(batch_of(bench, heir), 0);
	turns(bench);
	assert_int_equal(bench->new.instance.member_count, 100);
	close(heir);
	come(bench, 100);
	heir = successor(bench, 1);
	turns(bench);
	assert_int_equal(batch_of(bench, heir), 0);
	expect_served(bench, &bench->new, 200);
	close(heir);
}

static void
a_stop_has_all_back_that_is_not_given(void **state)
{
	struct bench *bench = *state;
	int heir;

	come(bench, 200);
	heir = successor(bench, 2);
	assert_int_equal(batch_of(bench, heir), HANDOFF_BATCH);
	handoff_discard(&bench->batch);
	assert_true(handoff_acknowledge(heir, HANDOFF_BATCH));
	handover_cancel(&bench->old.handover);
	assert_int_equal(bench->old.instance.member_count, 200 - HANDOFF_BATCH);
	assert_int_equal(bench->old.conns.count, 200 - HANDOFF_BATCH);
	assert_int_equal(batch_of(bench, heir), 200 - HANDOFF_BATCH);
	handoff_discard(&bench->batch);
	assert_false(handoff_acknowledge(heir, 200 - HANDOFF_BATCH));
	close(heir);
}

static void
a_batch_that_comes_too_late_is_nobodys(void **state)
{
	struct bench *bench = *state;

	come(bench, 50);
	hand_over(bench);
	/* It was asleep all the time. */
	the_time += 3 * (uint64_t)CLOCK_SECOND;
	pulse(&bench->old);
	turns(bench);
	assert_int_equal(bench->new.conns.count, 0);
	assert_int_equal(bench->new.instance.tally->taken,
			 bench->new.instance.tally->handed);
	assert_int_equal(bench->new.takeover.open, 0);
	expect_served(bench, &bench->old, 50);
}

static void
who_has_no_service_or_listener_any_more_is_closed(void **state)
{
	struct bench *bench = *state;
	char byte;
	int client = come(bench, 1);

	/* Its service has another place now. */
	bench->new.config.board = 5;
	hand_over(bench);
	turns(bench);
	assert_int_equal(bench->new.slot->services[4].taken, 1);
	assert_int_equal(bench->new.slot->services[4].closed, 1);
	assert_int_equal(recv(client, &byte, 1, 0), 0);
	bench->new.config.board = 4;
	client = come(bench, 1);
	bench->new.listeners[1].id = 79;
	handover_continue(&bench->old.handover);
	turns(bench);
	assert_int_equal(bench->new.slot->services[4].taken, 2);
	assert_int_equal(bench->new.slot->services[4].closed, 2);
	assert_int_equal(recv(client, &byte, 1, 0), 0);
	assert_int_equal(bench->old.conns.count, 0);
}

static void
nonsense_costs_its_sender_alone(void **state)
{
	struct bench *bench = *state;
	int ends[2];

	come(bench, 10);
	assert_int_equal(handoff_pair(ends), 0);
	takeover_begin(&bench->new.takeover, ends[1], 99);
	hand_over(bench);
	assert_int_equal(send(ends[0], "nonsense", 8, 0), 8);
	turns(bench);
	assert_int_equal(bench->new.takeover.open, 1);
	assert_true(bench->new.changes > 0);
	expect_served(bench, &bench->new, 10);
	close(ends[0]);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)
	const struct CMUnitTest tests[] = {
		TEST(all_are_passed_on_as_they_were),
		TEST(half_a_line_is_sent_on_by_the_new_one),
		TEST(half_a_line_is_sent_on_after_a_return),
		TEST(stalls_keep_their_age_and_order),
		TEST(who_comes_back_has_his_place_again),
		TEST(a_successor_that_dies_gives_all_back),
		TEST(a_successor_that_was_dead_before_gets_nothing),
		TEST(what_had_a_receipt_is_gone_with_the_successor),
		TEST(a_successor_that_is_silent_is_let_go),
		TEST(what_comes_back_goes_to_the_others),
		TEST(successors_get_equal_shares),
		TEST(a_successor_that_lies_is_let_go),
		TEST(a_later_generation_is_preferred),
		TEST(a_stop_has_all_back_that_is_not_given),
		TEST(a_batch_that_comes_too_late_is_nobodys),
		TEST(who_has_no_service_or_listener_any_more_is_closed),
		TEST(nonsense_costs_its_sender_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
