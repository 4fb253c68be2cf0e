/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often one source may ask: a token bucket for each, in fixed memory.
 *
 * A source is an IPv4 address or the /64 of an IPv6 address.  It may ask
 * `per_second` times a second in the long run, and `burst` times at once.
 * Above that, one request in `leak` is answered still, chosen at random: who
 * forges the address of somebody cannot lock him out with that, and cannot
 * make a storm of it either.
 *
 * The table does not grow: a source that has not asked for long gives its
 * place to a new one, and when all are busy, the one that is nearest to full
 * does.  Time is CLOCK_MONOTONIC.
 */
#ifndef TIMED_WORKER_LIMITS_H
#define TIMED_WORKER_LIMITS_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct limits_rate {
	double per_second; /* 0: no limit */
	int burst;
	int leak; /* 0: none is answered */
};

struct limits;

/* NULL when memory is out. */
struct limits *limits_new(const struct limits_rate *rate);

void limits_free(struct limits *limits);

/* Whether a request from FROM at NOW (CLOCK_MONOTONIC, ns) is answered. */
bool limits_admit(struct limits *limits, const struct addr *from, uint64_t now);

#endif
