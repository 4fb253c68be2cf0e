/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scoreboard: one writer for every byte, totals that never go back, and
 * a reader that copies first and checks second.
 */
#include "ipc/scoreboard.h"
#include "ipc/snapshot.h"
#include "worker/peers.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct board {
	char directory[64];
	struct scoreboard scoreboard;
};

static int
make_board(void **state)
{
	struct board *board = calloc(1, sizeof(*board));

	strcpy(board->directory, "/tmp/scoreboard.XXXXXX");
	assert_non_null(mkdtemp(board->directory));
	assert_int_equal(
		scoreboard_create(&board->scoreboard, board->directory), 0);
	scoreboard_master(&board->scoreboard)->pid = getpid();
	*state = board;
	return 0;
}

static int
remove_board(void **state)
{
	struct board *board = *state;

	scoreboard_close(&board->scoreboard);
	assert_int_equal(rmdir(board->directory), 0);
	free(board);
	return 0;
}

static void
place(struct board *board, int slot, unsigned generation, uint32_t state)
{
	scoreboard_begin(scoreboard_master(&board->scoreboard));
	scoreboard_master(&board->scoreboard)->places[slot] =
		(struct scoreboard_place){ .pid = 1000 + slot,
					   .generation = generation,
					   .state = state };
	scoreboard_end(scoreboard_master(&board->scoreboard));
}

static struct snapshot *
take(struct board *board)
{
	static struct snapshot snapshot;
	struct snapshot_source source;
	char error[256];

	assert_int_equal(
		snapshot_open(&source, board->directory, error, sizeof(error)),
		0);
	assert_true(snapshot_take(&source, &snapshot));
	snapshot_close(&source);
	return &snapshot;
}

static void
everybody_may_read_it(void **state)
{
	struct board *board = *state;
	struct stat status;

	assert_int_equal(stat(board->scoreboard.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
}

static void
totals_outlive_a_worker(void **state)
{
	struct board *board = *state;
	struct scoreboard_slot *slot = scoreboard_slot(&board->scoreboard, 4);
	int service = scoreboard_service(&board->scoreboard, "clock", "stream");
	struct snapshot *snapshot;

	assert_true(service >= 0);
	place(board, 4, 1, WORKER_SERVING);
	slot->services[service].accepted = 10;
	slot->services[service].closed = 4;
	slot->services[service].ticks = 1000;
	histogram_add(&slot->lateness, 50, 1000);
	snapshot = take(board);
	assert_int_equal(snapshot->worker_count, 1);
	assert_int_equal(snapshot->total.accepted, 10);
	assert_int_equal(snapshot->total.closed, 4);
	scoreboard_fold(&board->scoreboard, 4);
	snapshot = take(board);
	assert_int_equal(snapshot->worker_count, 0);
	assert_int_equal(snapshot->total.accepted, 10);
	/* The connections that it had are closed now. */
	assert_int_equal(snapshot->total.closed, 10);
	assert_int_equal(snapshot->total.ticks, 1000);
	assert_int_equal(snapshot->services[service].ticks, 1000);
	assert_int_equal(histogram_total(&snapshot->lateness), 1000);
	assert_int_equal(slot->services[service].ticks, 0);
}

static void
impossible_numbers_are_not_folded(void **state)
{
	struct board *board = *state;
	struct scoreboard_slot *slot = scoreboard_slot(&board->scoreboard, 0);

	place(board, 0, 1, WORKER_SERVING);
	slot->services[0].accepted = 3;
	slot->services[0].closed = 3;
	slot->services[1].ticks = UINT64_MAX - 1;
	slot->services[2].accepted = 1;
	slot->services[2].closed = 2;
	slot->lateness.count[3] = UINT64_MAX;
	slot->log_lost = UINT64_MAX;
	scoreboard_fold(&board->scoreboard, 0);
	assert_int_equal(take(board)->total.accepted, 3);
	assert_int_equal(take(board)->total.ticks, 0);
	assert_int_equal(take(board)->log_lost, 0);
	assert_int_equal(histogram_total(&take(board)->lateness), 0);
}

static void
services_keep_their_entry(void **state)
{
	struct board *board = *state;
	struct scoreboard_master *master =
		scoreboard_master(&board->scoreboard);
	char name[SCOREBOARD_NAME];
	int first = scoreboard_service(&board->scoreboard, "a", "stream");

	master->services[first].active = 1;
	for (int i = 1; i < SCOREBOARD_SERVICES; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_int_equal(
			scoreboard_service(&board->scoreboard, name, "stream"),
			i);
		master->services[i].active = 1;
	}
	assert_int_equal(scoreboard_service(&board->scoreboard, "a", "stream"),
			 first);
	assert_int_equal(
		scoreboard_service(&board->scoreboard, "new", "stream"), -1);
	/* One that is not configured any more gives its place up, but not
	 * while a worker still counts in it. */
	master->services[5].active = 0;
	place(board, 2, 1, WORKER_RETIRING);
	scoreboard_slot(&board->scoreboard, 2)->services[5].accepted = 1;
	assert_int_equal(
		scoreboard_service(&board->scoreboard, "new", "stream"), -1);
	scoreboard_fold(&board->scoreboard, 2);
	assert_int_equal(
		scoreboard_service(&board->scoreboard, "new", "stream"), 5);
	assert_int_equal(take(board)->services[5].accepted, 0);
	assert_int_equal(take(board)->total.accepted, 1);
}

/* In a child, because the write is to be the end of it. */
static int
signal_of_write(struct board *board, bool own)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct scoreboard mine = board->scoreboard;

		if (scoreboard_own(&mine, 3) < 0)
			_exit(1);
		signal(SIGSEGV, SIG_DFL);
		if (own)
			mine.mine->connections = 5;
		else
			scoreboard_slot(&mine, 2)->connections = 5;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void
a_worker_writes_its_own_slot_alone(void **state)
{
	struct board *board = *state;

	assert_int_equal(signal_of_write(board, true), 0);
	assert_int_equal(scoreboard_slot(&board->scoreboard, 3)->connections,
			 5);
	assert_int_not_equal(signal_of_write(board, false), 0);
	assert_int_equal(scoreboard_slot(&board->scoreboard, 2)->connections,
			 0);
}

static void
a_change_under_way_is_not_read(void **state)
{
	struct board *board = *state;
	static struct snapshot snapshot;
	struct snapshot_source source;
	char error[256];

	assert_int_equal(
		snapshot_open(&source, board->directory, error, sizeof(error)),
		0);
	scoreboard_begin(scoreboard_master(&board->scoreboard));
	assert_false(snapshot_take(&source, &snapshot));
	scoreboard_end(scoreboard_master(&board->scoreboard));
	assert_true(snapshot_take(&source, &snapshot));
	snapshot_close(&source);
}

/* What a hostile worker writes to its slot is shown as nothing at all. */
static void
numbers_that_cannot_be_are_not_shown(void **state)
{
	struct board *board = *state;
	struct scoreboard_slot *slot = scoreboard_slot(&board->scoreboard, 5);
	const struct snapshot *snapshot;

	place(board, 5, 1, WORKER_SERVING);
	place(board, 6, 1, WORKER_SERVING);
	scoreboard_slot(&board->scoreboard, 6)->services[0].accepted = 3;
	memset(slot, 0xff, sizeof(*slot));
	slot->services[1] = (struct tally){ .accepted = 2, .closed = 1 };
	snapshot = take(board);
	assert_int_equal(snapshot->worker_count, 2);
	assert_int_equal(snapshot->services[0].accepted, 3);
	assert_int_equal(snapshot->services[1].accepted, 2);
	assert_int_equal(snapshot->total.accepted, 5);
	assert_int_equal(snapshot->lateness.max, 0);
	assert_int_equal(snapshot->log_lost, 0);
	assert_int_equal(snapshot->log_limited, 0);
}

/* A worker that was taken over cannot have the rest for writing. */
static void
what_is_for_reading_stays_so(void **state)
{
	struct board *board = *state;
	struct scoreboard mine = board->scoreboard;

	mine.fd = dup(board->scoreboard.fd);
	mine.map =
		mmap(NULL, SCOREBOARD_SIZE, PROT_READ, MAP_SHARED, mine.fd, 0);
	assert_int_equal(scoreboard_own(&mine, 3), 0);
	mine.mine->connections = 7;
	assert_int_equal(scoreboard_slot(&board->scoreboard, 3)->connections,
			 7);
	assert_int_equal(
		mprotect(mine.map, SCOREBOARD_SIZE, PROT_READ | PROT_WRITE),
		-1);
	scoreboard_close(&mine);
}

static void
what_is_no_scoreboard_is_refused(void **state)
{
	struct board *board = *state;
	struct snapshot_source source;
	char error[256];

	scoreboard_master(&board->scoreboard)->layout++;
	assert_int_equal(
		snapshot_open(&source, board->directory, error, sizeof(error)),
		-1);
	assert_int_equal(errno, EPROTO);
	assert_int_equal(truncate(board->scoreboard.path, 4096), 0);
	assert_int_equal(
		snapshot_open(&source, board->directory, error, sizeof(error)),
		-1);
	assert_int_equal(errno, EPROTO);
	assert_non_null(strstr(error, "scoreboard"));
	assert_int_equal(truncate(board->scoreboard.path, SCOREBOARD_SIZE), 0);
}

static void
peers_are_those_of_the_generation(void **state)
{
	struct board *board = *state;
	struct peers peers;

	peers_init(&peers, &board->scoreboard, 0, 2);
	place(board, 0, 2, WORKER_SERVING);
	assert_false(peers_above_mean(&peers, 1000));
	place(board, 1, 2, WORKER_SERVING);
	place(board, 2, 1, WORKER_RETIRING);
	scoreboard_slot(&board->scoreboard, 1)->connections = 100;
	scoreboard_slot(&board->scoreboard, 2)->connections = 900;
	/* The retiring one counts as active, not for the mean. */
	assert_int_equal(peers_active(&peers, 100), 1100);
	assert_false(peers_above_mean(&peers, 100));
	assert_false(peers_above_mean(&peers, 103));
	assert_true(peers_above_mean(&peers, 120));
	/* One that is alone with its first client takes the second too. */
	scoreboard_slot(&board->scoreboard, 1)->connections = 0;
	assert_false(peers_above_mean(&peers, 1));
	assert_true(peers_above_mean(&peers, 4));
	/* What cannot be is not believed. */
	scoreboard_slot(&board->scoreboard, 1)->connections = UINT32_MAX;
	assert_int_equal(peers_active(&peers, 1), 901);
}

int
main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_board, remove_board)
	const struct CMUnitTest tests[] = {
		TEST(everybody_may_read_it),
		TEST(totals_outlive_a_worker),
		TEST(impossible_numbers_are_not_folded),
		TEST(services_keep_their_entry),
		TEST(a_worker_writes_its_own_slot_alone),
		TEST(a_change_under_way_is_not_read),
		TEST(numbers_that_cannot_be_are_not_shown),
		TEST(what_is_for_reading_stays_so),
		TEST(what_is_no_scoreboard_is_refused),
		TEST(peers_are_those_of_the_generation),
	};

	return cmocka_run_group_tests_name("scoreboard", tests, NULL, NULL);
}
