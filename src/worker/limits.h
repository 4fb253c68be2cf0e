/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often one source may ask: a bucket of tokens for each, in fixed memory.
 *
 * A source is an IPv4 address or the /64 of an IPv6 address.  It may ask
 * `per_second` times a second in the long run, and `burst` times at once.
 * Above that, one request in `leak` is answered still, chosen at random: who
 * forges the address of somebody cannot lock him out with that, and cannot
 * make a storm of it either.  What leaks takes nothing from the bucket.
 *
 * The table does not grow.  A source whose bucket is full again needs no place
 * in it; when a place is needed and all that it could be are taken, it is that
 * of the fullest bucket.  So whoever asks most is remembered longest, however
 * many others there are.  Which places a source could have depends on a key
 * that nobody outside knows.
 *
 * Each worker counts for itself, from the moment it started.
 */
#ifndef TIMED_WORKER_LIMITS_H
#define TIMED_WORKER_LIMITS_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	LIMITS_SOURCES = 4096, /* that a table has places for */
};

struct limits_rate {
	double per_second; /* 0: no limit; else 0.001 to 1,000,000 */
	int burst;	   /* 1 to 1,000,000 */
	int leak;	   /* 0: none is answered */
};

struct limits;

/* NULL with errno when memory is out, or there is nothing random. */
struct limits *limits_new(const struct limits_rate *rate);

void limits_free(struct limits *limits);

/*
 * Whether a request from FROM at NOW (CLOCK_MONOTONIC, ns) is answered.  An
 * address of another family is one source with all others of its kind.
 */
bool limits_admit(struct limits *limits, const struct addr *from, uint64_t now);

#endif
