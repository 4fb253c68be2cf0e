/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/amount.h"
#include "tools/top_text.h"
#include "tools/top_view.h"

static struct top_view view;
static struct rates rates;

static int
setup(void **state)
{
	(void)state;
	top_view_open(&view);
	memset(&rates, 0, sizeof(rates));
	rates.worker_count = 4;
	for (int i = 0; i < 4; i++) {
		struct rates_worker *worker = &rates.workers[i];

		worker->slot = i;
		worker->place.number = (uint32_t)i;
		worker->late.p99 = AMOUNT_NO_TIME;
	}
	return 0;
}

static void
sorted(const char *wanted)
{
	char order[8] = "";

	top_view_sort(&view, &rates);
	for (int i = 0; i < 4; i++)
		order[i] = (char)('0' + rates.workers[i].place.number);
	assert_string_equal(order, wanted);
}

static void
by_each_column(void **state)
{
	(void)state;
	rates.workers[1].connections = 5;
	rates.workers[2].flow.requests = 7;
	rates.workers[3].flow.ticks = 6;
	rates.workers[0].late.p99 = 0;
	rates.workers[3].late.p99 = 9;
	sorted("0123");
	assert_string_equal(top_view_order(&view), "number");
	top_view_key(&view, 'r');
	sorted("3210");
	top_view_key(&view, 's');
	sorted("1023");
	assert_string_equal(top_view_order(&view), "connections");
	top_view_key(&view, 's');
	sorted("2301");
	assert_string_equal(top_view_order(&view), "rate");
	top_view_key(&view, 's');
	sorted("3012");
	assert_string_equal(top_view_order(&view), "lateness");
	top_view_key(&view, 'r');
	sorted("2103");
	top_view_key(&view, 's');
	sorted("0123");
}

/* In a hand-off the old and the new have the same numbers. */
static void
by_generation_where_numbers_are_the_same(void **state)
{
	(void)state;
	rates.workers[0].place.generation = 2;
	rates.workers[1].place =
		(struct scoreboard_place){ .number = 0, .generation = 1 };
	top_view_sort(&view, &rates);
	assert_int_equal(rates.workers[0].place.generation, 1);
	assert_int_equal(rates.workers[1].place.generation, 2);
}

static void
keys(void **state)
{
	(void)state;
	assert_int_equal(top_view_interval(&view), 1000);
	top_view_key(&view, '+');
	assert_int_equal(top_view_interval(&view), 2000);
	for (int i = 0; i < 20; i++)
		top_view_key(&view, '-');
	assert_int_equal(top_view_interval(&view), 250);
	for (int i = 0; i < 20; i++)
		top_view_key(&view, '+');
	assert_int_equal(top_view_interval(&view), 60000);
	top_view_key(&view, ' ');
	assert_true(view.frozen);
	top_view_key(&view, 'p');
	assert_false(view.frozen);
	top_view_key(&view, 'x');
	top_view_key(&view, TOP_KEY_OTHER);
	top_view_key(&view, '?');
	assert_true(view.help);
	/* Any key leaves help, and does nothing else. */
	top_view_key(&view, 's');
	assert_false(view.help);
	assert_int_equal(view.order, TOP_BY_NUMBER);
	assert_false(view.leave);
	top_view_key(&view, 'h');
	top_view_key(&view, 'q');
	assert_true(view.leave);
}

static void
help_has_them(void **state)
{
	int count = 0;

	(void)state;
	while (top_view_help(count))
		assert_non_null(top_view_help(count++)->text);
	assert_in_range(count, 8, 20);
}

static void
layout_is(int lines, int workers, int services, int head, int for_workers,
	  int for_services, int for_log)
{
	struct top_layout layout =
		top_view_layout(&view, lines, workers, services);

	assert_int_equal(layout.head, head);
	assert_int_equal(layout.workers, for_workers);
	assert_int_equal(layout.services, for_services);
	assert_int_equal(layout.log, for_log);
}

static void
room_for_all(void **state)
{
	(void)state;
	layout_is(24, 2, 1, 4, 3, 2, 14);
	layout_is(50, 64, 5, 4, 28, 6, 11);
	layout_is(10, 2, 1, 2, 3, 2, 2);
	layout_is(10, 64, 3, 2, 3, 2, 2);
	/* Too small for all: the log goes first, then the workers. */
	layout_is(8, 2, 1, 2, 3, 2, 0);
	layout_is(6, 2, 1, 2, 3, 0, 0);
	layout_is(4, 2, 1, 2, 0, 0, 0);
	layout_is(1, 2, 1, 0, 0, 0, 0);
}

static void
no_line_is_given_twice(void **state)
{
	(void)state;
	for (int hidden = 0; hidden < 8; hidden++) {
		view.hide_workers = hidden & 1;
		view.hide_services = hidden & 2;
		view.hide_log = hidden & 4;
		for (int lines = 1; lines < 100; lines++) {
			struct top_layout layout =
				top_view_layout(&view, lines, 40, 12);

			assert_true(layout.head >= 0 && layout.workers >= 0 &&
				    layout.services >= 0 && layout.log >= 0);
			assert_true(layout.head + layout.workers +
					    layout.services + layout.log <
				    lines + (lines == 1));
			assert_true(!view.hide_workers || !layout.workers);
			assert_true(!view.hide_services || !layout.services);
			assert_true(!view.hide_log || !layout.log);
		}
	}
}

static void
scrolling(void **state)
{
	(void)state;
	layout_is(50, 64, 5, 4, 28, 6, 11);
	top_view_key(&view, TOP_KEY_UP);
	assert_int_equal(view.first, 0);
	top_view_key(&view, TOP_KEY_DOWN);
	assert_int_equal(view.first, 1);
	top_view_key(&view, TOP_KEY_PAGE_DOWN);
	assert_int_equal(view.first, 28);
	top_view_key(&view, TOP_KEY_PAGE_DOWN);
	assert_int_equal(view.first, 37);
	top_view_key(&view, TOP_KEY_PAGE_UP);
	assert_int_equal(view.first, 10);
	top_view_key(&view, TOP_KEY_END);
	assert_int_equal(view.first, 37);
	/* Workers went away meanwhile. */
	(void)top_view_layout(&view, 50, 10, 5);
	assert_int_equal(view.first, 0);
	top_view_key(&view, TOP_KEY_END);
	top_view_key(&view, TOP_KEY_HOME);
	assert_int_equal(view.first, 0);
}

/* No line is wider than the screen, whatever the numbers are. */
static void
lines_fit(void **state)
{
	static struct snapshot snapshot;
	struct rates_worker worker;
	struct rates_service service;
	char text[TOP_TEXT];

	(void)state;
	memset(&snapshot.master, 0x7f, sizeof(snapshot.master));
	snapshot.master.version[15] = '\0';
	memset(&worker, 0x7f, sizeof(worker));
	memset(&service, 0x7f, sizeof(service));
	service.name[31] = service.type[15] = '\0';
	service.paused = true;
	service.master = &snapshot.master;
	snapshot.master.listener_count = 1;
	snapshot.master.listeners[0].service = (uint32_t)service.index;
	snapshot.master.listeners[0].text[100] = '\0';
	for (int width = 1; width < 300; width++) {
		for (int i = 0; i < 4; i++) {
			top_text_head(i, &snapshot, &rates, width & 1, false,
				      width, text);
			assert_true((int)strlen(text) <= width);
		}
		top_text_worker(NULL, width, text);
		assert_true((int)strlen(text) <= width);
		top_text_worker(&worker, width, text);
		assert_true((int)strlen(text) <= width);
		top_text_service(NULL, width, text);
		assert_true((int)strlen(text) <= width);
		top_text_service(&service, width, text);
		assert_true((int)strlen(text) <= width);
		top_text_bar(&view, width, text);
		assert_true((int)strlen(text) <= width);
	}
}

static void
a_usual_terminal_has_all_columns(void **state)
{
	char text[TOP_TEXT];

	(void)state;
	top_text_worker(NULL, 80, text);
	assert_string_equal(text,
			    " NO     PID  GEN STATE    CLIENTS TICK/s SKIP/s "
			    "CON/s REQ/s   P50   P99   MAX");
	top_text_service(NULL, 80, text);
	assert_string_equal(text,
			    "SERVICE    TYPE    STATE  CLIENTS TICK/s CON/s "
			    "REQ/s REF/s LISTENS ON");
	top_text_worker(NULL, 40, text);
	assert_string_equal(text, " NO STATE    CLIENTS TICK/s   P99");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(by_each_column, setup),
		cmocka_unit_test_setup(by_generation_where_numbers_are_the_same,
				       setup),
		cmocka_unit_test_setup(keys, setup),
		cmocka_unit_test_setup(help_has_them, setup),
		cmocka_unit_test_setup(room_for_all, setup),
		cmocka_unit_test_setup(no_line_is_given_twice, setup),
		cmocka_unit_test_setup(scrolling, setup),
		cmocka_unit_test_setup(lines_fit, setup),
		cmocka_unit_test_setup(a_usual_terminal_has_all_columns, setup),
	};

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
