/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/histogram.h"

static void
edges_join(void **state)
{
	(void)state;
	assert_int_equal(histogram_lower(0), 0);
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t lower = histogram_lower(i);
		uint64_t upper = histogram_upper(i);

		assert_int_equal(histogram_bucket(lower), i);
		assert_int_equal(histogram_bucket(upper), i);
		if (i == HISTOGRAM_BUCKETS - 1)
			break;
		assert_int_equal(histogram_lower(i + 1), upper + 1);
		assert_true((upper - lower) * 8 <= lower);
	}
}

static void
far_values(void **state)
{
	const int last = HISTOGRAM_BUCKETS - 1;

	(void)state;
	for (uint64_t i = 0; i < 8; i++)
		assert_int_equal(histogram_upper((int)i), i);
	assert_int_equal(histogram_bucket((UINT64_C(1) << 27) - 1), last);
	assert_int_equal(histogram_bucket(UINT64_C(1) << 27), last);
	assert_int_equal(histogram_bucket(UINT64_MAX), last);
	assert_int_equal(histogram_upper(last), UINT64_MAX);
	assert_int_equal(histogram_lower(last), 15 << 23);
}

static void
percentiles(void **state)
{
	struct histogram histogram = { 0 };

	(void)state;
	assert_int_equal(histogram_percentile(&histogram, 50), 0);
	for (uint64_t i = 1; i <= 1000; i++)
		histogram_add(&histogram, i, 3);
	assert_int_equal(histogram_total(&histogram), 3000);
	for (int percent = 1; percent <= 100; percent++) {
		uint64_t exact = (uint64_t)percent * 10;
		uint64_t told = histogram_percentile(&histogram, percent);

		assert_true(told >= exact && told - exact <= exact / 8);
	}
	assert_int_equal(histogram_percentile(&histogram, 100), 1000);
	assert_int_equal(histogram_percentile(&histogram, 0), 1);
	assert_int_equal(histogram_percentile(&histogram, -5), 1);
	assert_int_equal(histogram_percentile(&histogram, 500), 1000);
	assert_int_equal(histogram_percentile(&histogram, __builtin_nan("")),
			 1);
}

/* One value in a hundred does not move the 99th percentile, two do. */
static void
nearest_rank(void **state)
{
	struct histogram histogram = { 0 };

	(void)state;
	histogram_add(&histogram, 2, 99);
	histogram_add(&histogram, 70000, 1);
	assert_int_equal(histogram_percentile(&histogram, 99), 2);
	assert_int_equal(histogram_percentile(&histogram, 99.5), 70000);
	histogram_add(&histogram, 70000, 1);
	assert_int_equal(histogram_percentile(&histogram, 99), 70000);
}

static void
never_above_max(void **state)
{
	struct histogram histogram = { 0 };

	(void)state;
	histogram_add(&histogram, 1024, 5);
	assert_int_equal(histogram_percentile(&histogram, 50), 1024);
	histogram_add(&histogram, UINT64_C(1) << 40, 5);
	assert_int_equal(histogram_percentile(&histogram, 99), UINT64_C(1)
								       << 40);
	histogram_add(&histogram, UINT64_C(1) << 50, 0);
	assert_int_equal(histogram.max, UINT64_C(1) << 40);
	assert_int_equal(histogram_total(&histogram), 10);
}

static void
merging(void **state)
{
	struct histogram a = { 0 }, b = { 0 }, all = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 100000; i += 7) {
		histogram_add(i % 3 ? &a : &b, i, i % 5);
		histogram_add(&all, i, i % 5);
	}
	histogram_merge(&a, &b);
	assert_memory_equal(&a, &all, sizeof(all));
	memset(&b, 0, sizeof(b));
	histogram_merge(&b, &all);
	assert_memory_equal(&b, &all, sizeof(all));
}

static void
since(void **state)
{
	struct histogram before = { 0 }, now, between;

	(void)state;
	histogram_add(&before, 500, 10);
	now = before;
	histogram_since(&between, &now, &before);
	assert_int_equal(histogram_total(&between), 0);
	assert_int_equal(between.max, 0);
	histogram_add(&now, 20, 3);
	histogram_since(&between, &now, &before);
	assert_int_equal(histogram_total(&between), 3);
	assert_int_equal(between.max, histogram_upper(histogram_bucket(20)));
	histogram_add(&now, 501, 1);
	histogram_since(&between, &now, &before);
	assert_int_equal(histogram_total(&between), 4);
	assert_int_equal(between.max, 501);
	/* In the last bucket of all, which has no upper edge. */
	histogram_add(&now, UINT64_MAX / 2, 1);
	before = now;
	histogram_add(&now, UINT64_MAX / 4, 1);
	histogram_since(&between, &now, &before);
	assert_int_equal(between.max, UINT64_MAX / 2);
	/* It cannot be, and is counted as nothing. */
	histogram_since(&between, &before, &now);
	assert_int_equal(histogram_total(&between), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_join),
		cmocka_unit_test(far_values),
		cmocka_unit_test(percentiles),
		cmocka_unit_test(nearest_rank),
		cmocka_unit_test(never_above_max),
		cmocka_unit_test(merging),
		cmocka_unit_test(since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
