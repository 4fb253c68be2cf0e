/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the master does when something happens: a signal, news of the workers or
 * of the journal, a second that has passed.  Each is handed on to the module
 * whose business it is; here is which one, and in which order.  Contexts are
 * the struct master.
 */
#ifndef TIMED_MASTER_REACTIONS_H
#define TIMED_MASTER_REACTIONS_H

#include "base/signals.h"
#include "base/timer.h"
#include "master/pool.h"
#include "master/scribe.h"

extern const struct signals_action reactions_signals[];
extern const struct pool_events reactions_pool;
extern const struct scribe_events reactions_scribe;

/* The timer `second`. */
void reactions_second(struct timer *timer, bool stepped);

/* Somebody wants it to stop. */
void reactions_stop(void *context);

/* Children may have ended. */
void reactions_reap(void *context);

#endif
