/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers in the event loop, each a timerfd.
 *
 * A timer of CLOCK_MONOTONIC is for everything that has a deadline; no step
 * of the clock touches it.  A timer of CLOCK_REALTIME is for what is due at
 * a time of day: it is woken when somebody sets the clock, so that its owner
 * can look at the clock anew.
 */
#ifndef TIMED_BASE_TIMER_H
#define TIMED_BASE_TIMER_H

#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct timer {
	struct loop_source source;
	struct loop *loop;
	/* stepped: not due, the clock was set (CLOCK_REALTIME alone). */
	void (*expired)(struct timer *timer, bool stepped);
	clockid_t clock;
};

/*
 * clock: CLOCK_MONOTONIC or CLOCK_REALTIME.  0, or -1 with errno.
 * The timer is not armed yet.
 */
int timer_open(struct timer *timer, struct loop *loop, clockid_t clock,
	       void (*expired)(struct timer *timer, bool stepped));

void timer_close(struct timer *timer);

/* Expire once, NANOSECONDS from now, on the monotonic clock. */
void timer_after(struct timer *timer, uint64_t nanoseconds);

/* Expire every NANOSECONDS from now on, on the monotonic clock. */
void timer_every(struct timer *timer, uint64_t nanoseconds);

/*
 * Expire once at NANOSECONDS since the epoch, on the realtime clock, and be
 * told of a step before that.  False when the clock was stepped just now: the
 * caller computed the time from a clock that is gone, and does it again.
 */
bool timer_at(struct timer *timer, int64_t nanoseconds);

/* Disarm; the timer can be armed again. */
void timer_cancel(struct timer *timer);

#endif
