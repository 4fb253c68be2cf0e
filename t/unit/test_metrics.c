/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the status page writes, from figures that are known to the last digit.
 */
#include "status/metrics.h"
#include "status/page.h"

#include <bsd/string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct desk {
	struct figures figures;
	struct history history;
	struct text text;
};

static int
enter(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	struct scoreboard_master *master = &desk->figures.snapshot.master;

	desk->figures.history = &desk->history;
	desk->figures.now = INT64_C(1795341723) * CLOCK_SECOND;
	strlcpy(master->version, "1.2.3", sizeof(master->version));
	strlcpy(master->services[4].name, "clock", SCOREBOARD_NAME);
	strlcpy(master->services[4].type, "stream", 16);
	master->services[4].active = 1;
	master->state = MASTER_RUNNING;
	*state = desk;
	return 0;
}

static int
leave(void **state)
{
	struct desk *desk = *state;

	text_free(&desk->text);
	free(desk);
	return 0;
}

static void
has(const struct desk *desk, const char *line)
{
	if (strstr(desk->text.bytes, line))
		return;
	print_error("%s\nlacks: %s\n", desk->text.bytes, line);
	fail();
}

static void
a_histogram(void **state)
{
	struct desk *desk = *state;
	struct histogram *late = &desk->figures.snapshot.lateness;

	histogram_add(late, 15, 2);	  /* below 16 us */
	histogram_add(late, 16, 3);	  /* not below, but below 32 */
	histogram_add(late, 1023, 5);	  /* below 1.024 ms */
	histogram_add(late, 1024, 7);	  /* not */
	histogram_add(late, 20000000, 1); /* above all */
	metrics_write(&desk->figures, &desk->text);
	assert_false(desk->text.failed);
	has(desk, "_bucket{le=\"0.000016\"} 2\n");
	has(desk, "_bucket{le=\"0.000032\"} 5\n");
	has(desk, "_bucket{le=\"0.000512\"} 5\n");
	has(desk, "_bucket{le=\"0.001024\"} 10\n");
	has(desk, "_bucket{le=\"0.002048\"} 17\n");
	has(desk, "_bucket{le=\"8.388608\"} 17\n");
	has(desk, "_bucket{le=\"+Inf\"} 18\n");
	has(desk, "timed_tick_lateness_seconds_count 18\n");
	/* 30 + 48 + 5115 + 7168 + 20000000 us */
	has(desk, "timed_tick_lateness_seconds_sum 20.012361\n");
}

static void
services_and_refusals(void **state)
{
	struct desk *desk = *state;
	struct snapshot *snapshot = &desk->figures.snapshot;

	snapshot->services[4].accepted = UINT64_C(12345678901234567);
	snapshot->services[4].closed = 67;
	snapshot->services[4].refused_by[REFUSED_RATE] = 9;
	metrics_write(&desk->figures, &desk->text);
	has(desk, "timed_connections_accepted_total{service=\"clock\","
		  "type=\"stream\"} 12345678901234567\n");
	has(desk, "timed_connections{service=\"clock\",type=\"stream\"} "
		  "12345678901234500\n");
	has(desk, "timed_refusals_total{service=\"clock\",type=\"stream\","
		  "reason=\"rate\"} 9\n");
	has(desk, "timed_service_paused{service=\"clock\",type=\"stream\"} 0");
	/* Gone from the configuration, it keeps its counters. */
	text_free(&desk->text);
	snapshot->master.services[4].active = 0;
	metrics_write(&desk->figures, &desk->text);
	has(desk, "timed_connections_closed_total{service=\"clock\","
		  "type=\"stream\"} 67\n");
	assert_null(strstr(desk->text.bytes, "timed_service_paused{"));
}

static void
the_clock(void **state)
{
	struct desk *desk = *state;

	metrics_write(&desk->figures, &desk->text);
	assert_null(strstr(desk->text.bytes, "timed_clock"));
	text_free(&desk->text);
	desk->figures.clock.known = true;
	desk->figures.clock.maximum_error = 1234567;
	metrics_write(&desk->figures, &desk->text);
	has(desk, "timed_clock_synchronised 0\n");
	has(desk, "timed_clock_maximum_error_seconds 1.234567\n");
	has(desk, "timed_clock_estimated_error_seconds 0.000000\n");
}

static void
the_page(void **state)
{
	struct desk *desk = *state;
	struct scoreboard_master *master = &desk->figures.snapshot.master;

	strlcpy(master->listeners[0].text, "unix:/tmp/<b>&\"'", 64);
	master->listeners[0].service = 4;
	master->listener_count = 1;
	master->handoffs = 9;
	for (int i = 0; i < SCOREBOARD_HANDOFFS; i++)
		master->handoff[i] =
			(struct scoreboard_handoff){ .when = 1795341723 - i,
						     .cause = HANDOFF_UPGRADE };
	desk->figures.snapshot.services[4].accepted = 1234567;
	page_write(&desk->figures, &desk->text);
	assert_false(desk->text.failed);
	has(desk, ">10:02:03</span></h1>");
	has(desk, "Sunday 22 November 2026");
	has(desk, "unix:/tmp/&#60;b&#62;&#38;&#34;&#39;</td>");
	has(desk, "1,234,567</td>");
	has(desk, "2026-11-22 </span>10:02:03</td><td>upgrade</td>");
	assert_null(strstr(desk->text.bytes, "{{"));
}

static void
whether_it_serves(void **state)
{
	struct desk *desk = *state;
	struct snapshot *snapshot = &desk->figures.snapshot;
	const char *why;

	snapshot->now = 20 * (uint64_t)CLOCK_SECOND;
	snapshot->master.heartbeat = snapshot->now;
	assert_true(figures_serving(&desk->figures, &why));
	assert_string_equal(why, "running");
	snapshot->master.heartbeat = 9 * (uint64_t)CLOCK_SECOND;
	assert_false(figures_serving(&desk->figures, &why));
	assert_string_equal(why, "stalled");
	snapshot->master.state = MASTER_PAUSED;
	assert_false(figures_serving(&desk->figures, &why));
	assert_string_equal(why, "paused");
}

static void
durations(void **state)
{
	struct desk *desk = *state;

	text_microseconds(&desk->text, 999);
	text_microseconds(&desk->text, 1000);
	text_microseconds(&desk->text, 3450000);
	text_number(&desk->text, 0);
	text_number(&desk->text, UINT64_MAX);
	assert_string_equal(desk->text.bytes,
			    "999 µs1.0 ms3.45 s018,446,744,073,709,551,615");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	const struct CMUnitTest tests[] = {
		TEST(a_histogram), TEST(services_and_refusals),
		TEST(the_clock),   TEST(the_page),
		TEST(durations),   TEST(whether_it_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
