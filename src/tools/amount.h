/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers for people, in at most five characters: 99999, 100k, 1.2M; 0.5, 12;
 * 850us, 1.2ms, 12s.  What is cut off is not rounded up.
 */
#ifndef TIMED_TOOLS_AMOUNT_H
#define TIMED_TOOLS_AMOUNT_H

#include <stddef.h>
#include <stdint.h>

enum {
	AMOUNT_SIZE = 24 /* bytes that hold any of them */
};

/* A number of things. */
void amount_count(char *text, size_t size, uint64_t count);

/* How many a second; below ten with a decimal.  Negative: unknown, "-". */
void amount_rate(char *text, size_t size, double rate);

/* A time in microseconds; AMOUNT_NO_TIME is "-". */
#define AMOUNT_NO_TIME UINT64_MAX
void amount_time(char *text, size_t size, uint64_t microseconds);

#endif
