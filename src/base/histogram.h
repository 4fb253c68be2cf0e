/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A histogram of microseconds in fixed memory: log-linear buckets, eight to
 * an octave, so that a percentile is read with an error of at most 1/8.
 * Values from 8 us on share buckets; those above 2^27 us (134 s) go to the
 * last one.  Plain memory without pointers: it can lie in a mapping or a
 * record.
 */
#ifndef TIMED_BASE_HISTOGRAM_H
#define TIMED_BASE_HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_BUCKETS = 200
};

struct histogram {
	uint64_t max; /* the largest value itself, microseconds */
	uint64_t sum; /* of all values, microseconds */
	uint64_t count[HISTOGRAM_BUCKETS];
};

/* Count COUNT values of MICROSECONDS each. */
void histogram_add(struct histogram *histogram, uint64_t microseconds,
		   uint64_t count);

/* Add all that FROM holds to INTO. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * What NOW has counted since it was BEFORE.  Its max is exact if it is the
 * largest of all; else it is the upper edge of the bucket in which it lies.
 */
void histogram_since(struct histogram *since, const struct histogram *now,
		     const struct histogram *before);

/* How many values were counted. */
uint64_t histogram_total(const struct histogram *histogram);

/*
 * The upper edge of the bucket in which the value at PERCENT (0 to 100) of
 * all lies, at most max; 0 when nothing was counted.  Microseconds.
 */
uint64_t histogram_percentile(const struct histogram *histogram,
			      double percent);

/* The smallest and the largest value of bucket I.  Microseconds. */
uint64_t histogram_lower(int i);
uint64_t histogram_upper(int i);

/* The bucket of a value. */
int histogram_bucket(uint64_t microseconds);

#endif
