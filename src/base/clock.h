/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two clocks, in nanoseconds, and boundaries on the realtime one.
 *
 * Monotonic time is for deadlines and ages.  Realtime is what clients are
 * shown and when a tick is due; it may step at any moment.
 */
#ifndef TIMED_BASE_CLOCK_H
#define TIMED_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND	  INT64_C(1000000000)
#define CLOCK_MILLISECOND INT64_C(1000000)
#define CLOCK_MICROSECOND INT64_C(1000)

/* Nanoseconds of CLOCK_MONOTONIC; not zero. */
uint64_t clock_monotonic(void);

/* Nanoseconds since the epoch, CLOCK_REALTIME. */
int64_t clock_realtime(void);

struct timespec clock_timespec(int64_t nanoseconds);

/*
 * The last multiple of INTERVAL nanoseconds since the epoch that is not after
 * NOW; right before 1970 too.
 */
int64_t clock_boundary(int64_t now, int64_t interval);

/*
 * Whether the kernel is in an inserted leap second: CLOCK_REALTIME then
 * repeats 23:59:59 for what is 23:59:60 (ntp_adjtime(3), TIME_OOP).
 */
bool clock_in_leap_second(void);

/*
 * What the kernel knows of the clock, from whoever keeps it (ntp_adjtime(3)).
 */
struct clock_state {
	bool known;	   /* else the kernel does not tell, and all is 0 */
	bool synchronised; /* somebody keeps it, and it is not too far off */
	int leap; /* seconds inserted at the end of this UTC day: 1, 0, -1 */
	bool in_leap_second;
	/* What it may be off by at most, and by estimate; microseconds. */
	uint64_t maximum_error;
	uint64_t estimated_error;
};

struct clock_state clock_state(void);

/* Whether it is synchronised.  The kernel is asked once a second at most. */
bool clock_synchronised(void);

#endif
