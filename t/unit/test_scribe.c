/* SPDX-License-Identifier: BSD-2-Clause */
/* The log pipe as the master has it. */
#include "master/scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	struct loop loop;
	struct scribe scribe;
};

static int
set_up(void **state)
{
	static const struct scribe_events nobody_listens;
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_int_equal(loop_open(&bench->loop), 0);
	assert_int_equal(scribe_open(&bench->scribe, &bench->loop,
				     &nobody_listens, NULL),
			 0);
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	scribe_close(&bench->scribe);
	loop_close(&bench->loop);
	free(bench);
	return 0;
}

static void
both_ends_are_of_one_pipe(void **state)
{
	struct bench *bench = *state;
	char bytes[8];

	assert_int_equal(write(bench->scribe.own_end, "own", 3), 3);
	assert_int_equal(write(bench->scribe.write_end, "all", 3), 3);
	assert_int_equal(read(bench->scribe.read_end, bytes, sizeof(bytes)), 6);
	assert_memory_equal(bytes, "ownall", 6);
}

/* O_NONBLOCK is of the file description, which all workers share. */
static void
a_worker_cannot_make_the_master_wait(void **state)
{
	struct bench *bench = *state;
	static char record[PIPE_BUF];
	int worker = dup(bench->scribe.write_end);
	ssize_t n;

	assert_int_equal(fcntl(worker, F_SETFL, 0), 0);
	assert_true(fcntl(bench->scribe.own_end, F_GETFL) & O_NONBLOCK);
	do
		n = write(bench->scribe.own_end, record, sizeof(record));
	while (n == sizeof(record));
	assert_int_equal(n, -1);
	assert_int_equal(errno, EAGAIN);
	close(worker);
}

static void
without_a_journal_nobody_is_referred(void **state)
{
	struct bench *bench = *state;
	struct journal_request request = { .lines = 1 };

	assert_int_equal(scribe_refer(&bench->scribe, JOURNAL_SHOW, &request,
				      bench->scribe.read_end),
			 -1);
	assert_int_equal(errno, ENOTCONN);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(both_ends_are_of_one_pipe),
		TEST(a_worker_cannot_make_the_master_wait),
		TEST(without_a_journal_nobody_is_referred),
	};

	/* What waits after all waits for ever. */
	alarm(60);
	return cmocka_run_group_tests_name("scribe", tests, NULL, NULL);
}
