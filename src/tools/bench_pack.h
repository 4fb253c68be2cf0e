/* SPDX-License-Identifier: BSD-2-Clause */
/* What the JSON reports of all modes are put together from. */
#ifndef TIMED_TOOLS_BENCH_PACK_H
#define TIMED_TOOLS_BENCH_PACK_H

#include "base/histogram.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* An object of p50, p90, p99, p99_9 and max.  NULL: out of memory. */
json_t *bench_pack_percentiles(const struct histogram *histogram);

/*
 * An array of [lower, upper, count] for each bucket that holds something.
 * NULL: out of memory.
 */
json_t *bench_pack_histogram(const struct histogram *histogram);

/*
 * Move all of FROM, whose owner this becomes, into INTO; false when either
 * could not be made.
 */
bool bench_pack_into(json_t *into, json_t *from);

/*
 * OBJECT, whose owner this becomes, and a newline; WHOLE: all of it could be
 * made.  0, or -1 with errno: out of memory, or OUT is full.
 */
int bench_pack_show(json_t *object, bool whole, FILE *out);

#endif
