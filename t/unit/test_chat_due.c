/* SPDX-License-Identifier: BSD-2-Clause */
/* Who waits in a chat, and in which order their time comes. */
#include "base/clock.h"
#include "service/chat_due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	WAITING = 4
};

struct bench {
	struct loop loop;
	struct chat_dues dues;
	struct chat_due waiting[WAITING];
};

static struct bench bench;
static char order[32]; /* of those whose time came: their numbers */

static void
reached(struct chat_due *due, enum chat_due_kind kind)
{
	size_t at = strlen(order);

	(void)kind;
	assert_int_equal(due->kind, CHAT_DUE_NEVER);
	order[at] = (char)('0' + (due - bench.waiting));
	order[at + 1] = '\0';
	if (at + 1 == WAITING)
		loop_stop(&bench.loop);
}

static int
make_bench(void **state)
{
	(void)state;
	memset(&bench, 0, sizeof(bench));
	order[0] = '\0';
	assert_int_equal(loop_open(&bench.loop), 0);
	return chat_due_open(&bench.dues, &bench.loop, reached);
}

static int
free_bench(void **state)
{
	(void)state;
	chat_due_close(&bench.dues);
	loop_close(&bench.loop);
	return 0;
}

static void
set(int number, enum chat_due_kind kind, uint64_t milliseconds)
{
	chat_due_set(&bench.dues, &bench.waiting[number], kind,
		     clock_monotonic() +
			     milliseconds * (uint64_t)CLOCK_MILLISECOND);
}

static void
soonest_first_whatever_the_kind(void **state)
{
	(void)state;
	set(0, CHAT_DUE_IDLE, 40);
	set(1, CHAT_DUE_PAUSE, 30);
	set(2, CHAT_DUE_LOGIN, 20);
	set(3, CHAT_DUE_PAUSE, 10);
	assert_int_equal(loop_run(&bench.loop), 0);
	assert_string_equal(order, "3210");
}

static void
a_new_wait_takes_the_place_of_the_old_one(void **state)
{
	(void)state;
	set(0, CHAT_DUE_PAUSE, 1);
	set(1, CHAT_DUE_PAUSE, 2);
	set(2, CHAT_DUE_PAUSE, 3);
	set(3, CHAT_DUE_PAUSE, 20);
	set(0, CHAT_DUE_PAUSE, 30);
	set(1, CHAT_DUE_IDLE, 10);
	assert_int_equal(loop_run(&bench.loop), 0);
	assert_string_equal(order, "2130");
}

static void
who_waits_no_more_is_not_called(void **state)
{
	(void)state;
	set(0, CHAT_DUE_PAUSE, 1);
	set(1, CHAT_DUE_PAUSE, 1);
	chat_due_clear(&bench.dues, &bench.waiting[0]);
	chat_due_clear(&bench.dues, &bench.waiting[0]);
	strcpy(order, "--");
	set(2, CHAT_DUE_PAUSE, 10);
	assert_int_equal(loop_run(&bench.loop), 0);
	assert_string_equal(order, "--12");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(soonest_first_whatever_the_kind,
						make_bench, free_bench),
		cmocka_unit_test_setup_teardown(
			a_new_wait_takes_the_place_of_the_old_one, make_bench,
			free_bench),
		cmocka_unit_test_setup_teardown(who_waits_no_more_is_not_called,
						make_bench, free_bench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
