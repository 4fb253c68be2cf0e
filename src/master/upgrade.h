/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A new binary in the place of this one, under the same pid.
 *
 * First the program that stands where this one was started from is run with
 * -t and a copy of what it would have to take over, and must say that it can.
 * Then it is exec'd, finds listeners, pipes, sockets and processes as they
 * were, and starts a generation of its own workers, which take the connections
 * over as in a reload.  Should that fail, it execs the old program back, which
 * was kept open for this, and that says why.
 *
 * One upgrade or reload runs at a time; what is asked for meanwhile follows.
 */
#ifndef TIMED_MASTER_UPGRADE_H
#define TIMED_MASTER_UPGRADE_H

#include "master/context.h"
#include "master/problem.h"

#include <stdbool.h>
#include <sys/types.h>

/* In the environment: the descriptor with what is carried over. */
#define UPGRADE_CARRY "TIMED_UPGRADE"
/* With -t: the same, to be looked at only. */
#define UPGRADE_CHECK "TIMED_UPGRADE_CHECK"
/* Why the other one did not do. */
#define UPGRADE_FAILED "TIMED_UPGRADE_FAILED"

/* What a program that is run with UPGRADE_CHECK says if it can take over. */
#define UPGRADE_ABLE "timed: able to take over"

/* Somebody wants one. */
void upgrade_request(struct master *master);

/* Whether one is being checked: a reload has to wait. */
bool upgrade_under_way(const struct master *master);

/* timed stops: give up the one that is under way. */
void upgrade_cancel(struct master *master);

/* waitpid(2) said so.  False when PID is no program that is being checked. */
bool upgrade_reap(struct master *master, pid_t pid, int status);

/*
 * This image cannot go on: exec the one that was before it, with CARRY, or, if
 * that is -1, what is to be carried over now.  Returns only if that fails, or
 * if there is none.
 */
void upgrade_back(struct master *master, int carry, const char *reason);

/* Open the program that this process runs, for the next one to go back to. */
int upgrade_open(struct master *master, struct loop *loop);

void upgrade_close(struct master *master);

#endif
