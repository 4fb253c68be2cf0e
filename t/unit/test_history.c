/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The history of the status page: samples are differences, found by their
 * second, and whatever somebody left in its memory leads nowhere.
 */
#include "status/history.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct room {
	int fd;
	struct history *history;
	struct history_meter meter;
	struct snapshot snapshot;
};

static int
enter(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	room->fd = history_create();
	room->history = history_open(room->fd);
	history_begin(&room->meter, &room->snapshot);
	*state = room;
	return room->history ? 0 : -1;
}

static int
leave(void **state)
{
	struct room *room = *state;

	history_close(room->history);
	close(room->fd);
	free(room);
	return 0;
}

static void
samples_are_differences(void **state)
{
	struct room *room = *state;
	const struct history_sample *sample;

	room->snapshot.total.accepted = 12;
	room->snapshot.total.closed = 2;
	room->snapshot.total.ticks = 100;
	histogram_add(&room->snapshot.lateness, 500, 100);
	history_add(room->history, &room->meter, &room->snapshot, 1000);
	room->snapshot.total.ticks = 130;
	room->snapshot.total.requests = 7;
	histogram_add(&room->snapshot.lateness, 90, 30);
	history_add(room->history, &room->meter, &room->snapshot, 1001);
	sample = history_at(room->history, 1000);
	assert_non_null(sample);
	assert_int_equal(sample->connections, 10);
	assert_int_equal(sample->ticks, 100);
	assert_int_equal(sample->max, 500);
	sample = history_at(room->history, 1001);
	assert_non_null(sample);
	assert_int_equal(sample->ticks, 30);
	assert_int_equal(sample->requests, 7);
	/* Those before were later, and are no matter of this second. */
	assert_in_range(sample->max, 90, 95);
	assert_in_range(sample->p99, 90, 95);
	assert_null(history_at(room->history, 999));
	assert_null(history_at(room->history, 1002));
}

static void
ten_minutes_and_no_more(void **state)
{
	struct room *room = *state;

	for (int64_t at = 5000; at < 5000 + 2 * HISTORY_SECONDS; at++)
		history_add(room->history, &room->meter, &room->snapshot, at);
	assert_null(history_at(room->history, 5000 + HISTORY_SECONDS - 1));
	for (int64_t at = 5000 + HISTORY_SECONDS;
	     at < 5000 + 2 * HISTORY_SECONDS; at++)
		assert_non_null(history_at(room->history, at));
	/* A clock before the epoch finds a place as well. */
	history_add(room->history, &room->meter, &room->snapshot, -1);
	assert_non_null(history_at(room->history, -1));
}

static void
the_next_process_goes_on(void **state)
{
	struct room *room = *state;
	struct history *other;

	history_add(room->history, &room->meter, &room->snapshot, 77);
	other = history_open(room->fd);
	assert_non_null(history_at(other, 77));
	history_close(other);
	/* It cannot be taken away under anybody. */
	assert_int_equal(ftruncate(room->fd, 0), -1);
}

static void
memory_of_another_size(void **state)
{
	struct room *room = *state;
	int fd = memfd_create("other", MFD_CLOEXEC);
	struct history *other = history_open(fd);

	assert_non_null(other);
	history_add(other, &room->meter, &room->snapshot, 5);
	assert_non_null(history_at(other, 5));
	history_close(other);
	close(fd);
}

static void
counters_that_go_back(void **state)
{
	struct room *room = *state;
	const struct history_sample *sample;

	room->snapshot.total.ticks = 50;
	histogram_add(&room->snapshot.lateness, 5, 50);
	history_add(room->history, &room->meter, &room->snapshot, 1);
	/* What no worker that is honest does. */
	memset(&room->snapshot.lateness, 0, sizeof(room->snapshot.lateness));
	room->snapshot.total.ticks = 20;
	history_add(room->history, &room->meter, &room->snapshot, 2);
	sample = history_at(room->history, 2);
	assert_non_null(sample);
	assert_int_equal(sample->ticks, 0);
	assert_int_equal(sample->max, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	const struct CMUnitTest tests[] = {
		TEST(samples_are_differences),	TEST(ten_minutes_and_no_more),
		TEST(the_next_process_goes_on), TEST(memory_of_another_size),
		TEST(counters_that_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
