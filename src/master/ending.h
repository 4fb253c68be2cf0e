/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How timed stops: nobody new is taken in; workers send what they owe, while
 * the operator's hook for that runs; then the status page ends, and the keeper
 * stores what they left; when all of them are gone, the journal writes its last line.  Each has a
 * share of stop_seconds, and is killed after it.
 */
#ifndef TIMED_MASTER_ENDING_H
#define TIMED_MASTER_ENDING_H

/* master_stop(), in master/context.h, begins it. */

/* CONTEXT, a struct master, hears that these are gone. */
void ending_pool_empty(void *context);
void ending_hooks_ended(void *context);
void ending_status_ended(void *context);
void ending_keeper_ended(void *context);
void ending_journal_ended(void *context);

#endif
