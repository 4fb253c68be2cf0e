/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buckets of tokens in fixed memory: how often something may happen, for each
 * of many sources.
 *
 * A bucket is kept as the time at which it will be full again: a token that is
 * taken moves that on by the time that one token takes, and it may lie ahead by
 * as many tokens as the bucket holds.  So a bucket that is full needs no place.
 *
 * A table is sets of a few places, and a source has its place in one set, which
 * the caller finds with a hash that nobody outside can foresee.  When one is
 * needed and all places of the set are taken, it is that of the fullest bucket:
 * so whoever asks most is remembered longest, however many others there are.
 *
 * What is in a set may be anything: whoever reads it takes no harm.
 */
#ifndef TIMED_BASE_BUCKET_H
#define TIMED_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BUCKET_WAYS = 4, /* places of a set: a line of the cache */
};

struct bucket {
	uint64_t source;
	uint64_t full_at; /* CLOCK_MONOTONIC, nanoseconds; 0: never used */
};

struct bucket_set {
	_Alignas(64) struct bucket ways[BUCKET_WAYS];
};

struct bucket_rate {
	uint64_t token; /* nanoseconds for one */
	uint64_t room;	/* the same for all that a bucket holds */
};

/* PER_SECOND tokens, above 0; a bucket holds BURST of them, 1 or more. */
struct bucket_rate bucket_rate(double per_second, int burst);

/*
 * Whether there is a token for SOURCE at NOW (CLOCK_MONOTONIC, nanoseconds);
 * it is taken then.
 */
bool bucket_take(struct bucket_set *set, uint64_t source,
		 const struct bucket_rate *rate, uint64_t now);

#endif
