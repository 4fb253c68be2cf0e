/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the log, and the operator's program for it, are told of workers: that
 * they are there, how they died, when the next one comes.
 */
#ifndef TIMED_MASTER_OBITUARY_H
#define TIMED_MASTER_OBITUARY_H

#include "master/crew.h"
#include "master/hook.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An event of WORKER, with one tag more if NAME is not NULL. */
void obituary_note(int kind, const struct crew_member *worker, const char *name,
		   const char *value);

/* "exit status 1", "signal 9 (Killed)". */
void obituary_how(int status, char *text, size_t size);

/*
 * It is gone.  Returns whether that is a crash: it was not told to go and did
 * not leave in order.
 */
bool obituary_write(const struct crew_member *worker, int status);

/* The process PID, no worker, died unasked; KIND is the event of that. */
void obituary_side(int kind, pid_t pid, int status);

/* The next one comes in DELAY nanoseconds. */
void obituary_respawn(const struct crew_member *worker, uint64_t delay);

/* The next one could not be made. */
void obituary_spawn_failed(unsigned number, int error);

/* It crashed; STATUS is that of waitpid(2). */
void obituary_details(const struct crew_member *worker, int status,
		      struct hook_details *details);

#endif
