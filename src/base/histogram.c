/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/histogram.h"

/*
 * A value is told from its neighbours by its leading bit and the three bits
 * below it.  Values under 8 have no such bits and are buckets of their own.
 */
enum {
	STEP_BITS = 3,
	STEPS = 1 << STEP_BITS,
	LAST = HISTOGRAM_BUCKETS - 1,
};

int
histogram_bucket(uint64_t microseconds)
{
	int shift, bucket;

	if (microseconds < STEPS)
		return (int)microseconds;
	shift = 63 - __builtin_clzll(microseconds) - STEP_BITS;
	bucket = STEPS * (shift + 1) + (int)(microseconds >> shift) % STEPS;
	return bucket < LAST ? bucket : LAST;
}

uint64_t
histogram_lower(int i)
{
	if (i < STEPS)
		return (uint64_t)i;
	return (uint64_t)(STEPS + i % STEPS) << (i / STEPS - 1);
}

uint64_t
histogram_upper(int i)
{
	return i < LAST ? histogram_lower(i + 1) - 1 : UINT64_MAX;
}

void
histogram_add(struct histogram *histogram, uint64_t microseconds,
	      uint64_t count)
{
	if (count == 0)
		return;
	histogram->count[histogram_bucket(microseconds)] += count;
	histogram->sum += microseconds * count;
	if (microseconds > histogram->max)
		histogram->max = microseconds;
}

void
histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
	into->sum += from->sum;
	if (from->max > into->max)
		into->max = from->max;
}

void
histogram_since(struct histogram *since, const struct histogram *now,
		const struct histogram *before)
{
	int highest = -1;

	since->max = 0;
	since->sum = now->sum > before->sum ? now->sum - before->sum : 0;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		since->count[i] = now->count[i] > before->count[i]
					  ? now->count[i] - before->count[i]
					  : 0;
		if (since->count[i] > 0)
			highest = i;
	}
	if (highest < 0)
		return;
	since->max = histogram_upper(highest);
	if (now->max > before->max || since->max > now->max)
		since->max = now->max;
}

uint64_t
histogram_total(const struct histogram *histogram)
{
	uint64_t total = 0;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += histogram->count[i];
	return total;
}

/*
 * The nearest rank, from 1 to TOTAL: the smallest one with PERCENT of all
 * values at or below it.  A PERCENT outside 0 to 100, or no number at all, is
 * taken for the nearer end.
 */
static uint64_t
rank_of(double percent, uint64_t total)
{
	double exact = percent / 100 * (double)total;
	uint64_t rank;

	if (!(exact > 1))
		return 1;
	if (exact >= (double)total)
		return total;
	rank = (uint64_t)exact;
	if ((double)rank < exact)
		rank++;
	return rank < total ? rank : total;
}

uint64_t
histogram_percentile(const struct histogram *histogram, double percent)
{
	uint64_t total = histogram_total(histogram);
	uint64_t rank, below = 0;

	if (total == 0)
		return 0;
	rank = rank_of(percent, total);
	for (int i = 0; i < LAST; i++) {
		uint64_t upper = histogram_upper(i);

		below += histogram->count[i];
		if (below >= rank)
			return upper < histogram->max ? upper : histogram->max;
	}
	return histogram->max;
}
