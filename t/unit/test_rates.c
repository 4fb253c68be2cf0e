/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tools/amount.h"
#include "tools/rates.h"

static struct snapshot before, now;
static struct rates rates;

/* A timed of two workers and a stream, and the same two seconds later. */
static int
setup(void **state)
{
	(void)state;
	memset(&before, 0, sizeof(before));
	before.now = 5000000000;
	before.master.pid = 100;
	before.master.started_monotonic = 1000000000;
	before.master.services[3].active = 1;
	strcpy(before.master.services[3].name, "plant");
	strcpy(before.master.services[3].type, "stream");
	before.worker_count = 2;
	for (int i = 0; i < 2; i++) {
		struct snapshot_worker *worker = &before.workers[i];

		worker->slot = i;
		worker->place.pid = 200 + i;
		worker->place.number = (uint32_t)i;
		worker->place.generation = 1;
		worker->sum.accepted = 10;
		worker->sum.ticks = 1000;
	}
	before.total.accepted = 20;
	before.total.ticks = 2000;
	before.services[3].ticks = 2000;
	now = before;
	now.now += 2000000000;
	return 0;
}

static void
nothing_to_compare_with(void **state)
{
	(void)state;
	rates_between(&rates, NULL, &now);
	assert_true(rates.flow.ticks == RATES_UNKNOWN);
	assert_true(rates.late.max == AMOUNT_NO_TIME);
	assert_int_equal(rates.connections, 20);
	assert_int_equal(rates.worker_count, 2);
	assert_int_equal(rates.workers[1].place.pid, 201);
	assert_int_equal(rates.workers[1].connections, 10);
	assert_true(rates.workers[1].flow.accepted == RATES_UNKNOWN);
	assert_int_equal(rates.service_count, 1);
	assert_string_equal(rates.services[0].name, "plant");
	assert_true(rates.services[0].flow.ticks == RATES_UNKNOWN);
}

static void
another_timed(void **state)
{
	(void)state;
	now.master.pid = 101;
	rates_between(&rates, &before, &now);
	assert_true(rates.flow.ticks == RATES_UNKNOWN);
	now.master.pid = 100;
	now.master.started_monotonic++;
	rates_between(&rates, &before, &now);
	assert_true(rates.flow.ticks == RATES_UNKNOWN);
}

static void
the_same_moment(void **state)
{
	(void)state;
	now.now = before.now;
	rates_between(&rates, &before, &now);
	assert_true(rates.flow.ticks == RATES_UNKNOWN);
}

static void
a_second(void **state)
{
	(void)state;
	now.workers[0].sum.ticks += 30;
	now.workers[0].sum.skipped += 1;
	now.workers[0].sum.bytes_out += 600;
	now.total.ticks += 30;
	now.total.refused += 5;
	now.services[3].requests += 8;
	now.master.services[3].paused = 1;
	rates_between(&rates, &before, &now);
	assert_true(rates.workers[0].flow.ticks == 15);
	assert_true(rates.workers[0].flow.skipped == 0.5);
	assert_true(rates.workers[0].flow.bytes_out == 300);
	assert_true(rates.workers[1].flow.ticks == 0);
	assert_true(rates.flow.ticks == 15);
	assert_true(rates.flow.refused == 2.5);
	assert_true(rates.services[0].flow.requests == 4);
	assert_true(rates.services[0].paused);
}

static void
a_worker_that_is_new(void **state)
{
	(void)state;
	/* In the slot of another one. */
	now.workers[1].place.pid = 300;
	now.workers[1].sum.ticks = 8;
	histogram_add(&now.workers[1].own.lateness, 40, 1);
	rates_between(&rates, &before, &now);
	assert_true(rates.workers[1].flow.ticks == 4);
	assert_int_equal(rates.workers[1].late.max, 40);
}

static void
a_service_that_is_new(void **state)
{
	(void)state;
	strcpy(now.master.services[3].name, "other");
	now.services[3].ticks = 6;
	rates_between(&rates, &before, &now);
	assert_true(rates.services[0].flow.ticks == 3);
}

static void
counters_that_go_back(void **state)
{
	(void)state;
	now.workers[0].sum.ticks = 3;
	now.total.accepted = 0;
	rates_between(&rates, &before, &now);
	assert_true(rates.workers[0].flow.ticks == 0);
	assert_true(rates.flow.accepted == 0);
}

/* What was late long ago is not late now. */
static void
lateness_is_of_the_last_seconds(void **state)
{
	struct histogram *old = &before.workers[0].own.lateness;
	struct histogram *new = &now.workers[0].own.lateness;

	(void)state;
	histogram_add(old, 90000, 1000);
	*new = *old;
	rates_between(&rates, &before, &now);
	assert_true(rates.workers[0].late.p50 == AMOUNT_NO_TIME);
	histogram_add(new, 5, 98);
	histogram_add(new, 1000, 2);
	rates_between(&rates, &before, &now);
	assert_int_equal(rates.workers[0].late.p50, 5);
	assert_in_range(rates.workers[0].late.p99, 1000, 1125);
	/* The largest of all was before: so near as the bucket tells. */
	assert_in_range(rates.workers[0].late.max, 1000, 1125);
	histogram_add(new, 90001, 1);
	rates_between(&rates, &before, &now);
	assert_int_equal(rates.workers[0].late.max, 90001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_to_compare_with, setup),
		cmocka_unit_test_setup(another_timed, setup),
		cmocka_unit_test_setup(the_same_moment, setup),
		cmocka_unit_test_setup(a_second, setup),
		cmocka_unit_test_setup(a_worker_that_is_new, setup),
		cmocka_unit_test_setup(a_service_that_is_new, setup),
		cmocka_unit_test_setup(counters_that_go_back, setup),
		cmocka_unit_test_setup(lateness_is_of_the_last_seconds, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
