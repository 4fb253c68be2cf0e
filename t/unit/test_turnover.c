/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record of hand-offs: each worker that leaves is counted to the one that
 * he left for, and the last ones are remembered.
 */
#include "ipc/turnover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
left(struct scoreboard_master *master, uint32_t generation, uint32_t state,
     uint64_t handed)
{
	struct scoreboard_place place = { .generation = generation,
					  .state = state };
	struct scoreboard_slot last;

	memset(&last, 0, sizeof(last));
	last.services[3].handed = handed;
	turnover_left(master, &place, &last);
}

static void
each_counts_where_he_left_for(void **state)
{
	struct scoreboard_master master;

	(void)state;
	memset(&master, 0, sizeof(master));
	turnover_begin(&master, HANDOFF_RELOAD, 2);
	left(&master, 1, WORKER_RETIRING, 40);
	turnover_begin(&master, HANDOFF_UPGRADE, 3);
	/* He was slow: it was for the one before. */
	left(&master, 1, WORKER_RETIRING, 2);
	left(&master, 2, WORKER_RETIRING, 50);
	/* Recycled, killed or told to stop: no hand-off of a generation. */
	left(&master, 3, WORKER_RETIRING, 7);
	left(&master, 2, WORKER_SERVING, 8);
	assert_int_equal(master.handoffs, 2);
	assert_int_equal(master.handoff[0].connections, 42);
	assert_int_equal(master.handoff[1].connections, 50);
	assert_true(master.handoff[1].took > 0);
	assert_string_equal(turnover_cause_name(master.handoff[1].cause),
			    "upgrade");
}

static void
the_last_ones_are_remembered(void **state)
{
	struct scoreboard_master master;

	(void)state;
	memset(&master, 0, sizeof(master));
	for (uint32_t i = 0; i < SCOREBOARD_HANDOFFS + 3; i++)
		turnover_begin(&master, HANDOFF_RESIZE, i + 2);
	left(&master, SCOREBOARD_HANDOFFS + 3, WORKER_RETIRING, 5);
	assert_int_equal(master.handoffs, SCOREBOARD_HANDOFFS + 3);
	assert_int_equal(master.handoff[2].generation, SCOREBOARD_HANDOFFS + 4);
	assert_int_equal(master.handoff[2].connections, 5);
	assert_int_equal(master.handoff[3].generation, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_counts_where_he_left_for),
		cmocka_unit_test(the_last_ones_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
