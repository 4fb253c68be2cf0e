/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls a service's tick at every boundary of its interval on the realtime
 * clock: at the multiples of the interval since the epoch.
 *
 * A worker that was held up for more than one boundary gets the last one
 * only: an old time is of no use to anybody, and what it missed is counted
 * as skipped.  When the clock is set, the next boundary of the new time is
 * waited for.  When it is set back because a leap second is inserted, the
 * second that the clock repeats is a boundary of its own.
 */
#ifndef TIMED_WORKER_TICKER_H
#define TIMED_WORKER_TICKER_H

#include "worker/service.h"

/*
 * The boundary before the one that is waited for (CLOCK_REALTIME,
 * nanoseconds).  Who comes from another worker with an earlier mark has
 * missed it while he changed hands.
 */
int64_t ticker_last(const struct instance *instance);

/* Nothing to do for a service without an interval.  0, or -1 with errno. */
int ticker_start(struct instance *instance);

void ticker_stop(struct instance *instance);

#endif
