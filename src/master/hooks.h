/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's programs: which one runs when, and for how long.
 *
 * Something happened, hooks_run() is called, and if the configuration has a
 * program for it, that is started; nobody waits for it.  One of a kind runs at
 * a time: what happens meanwhile becomes one run more when it is over, with
 * the facts of the last event and TIMED_COUNT, how many there were.  One that
 * is not through after hook_seconds gets SIGTERM, and after two seconds more
 * SIGKILL, it and all of its process group; when it ends by itself, what is
 * left of the group is killed.  All of this is logged.
 */
#ifndef TIMED_MASTER_HOOKS_H
#define TIMED_MASTER_HOOKS_H

#include "base/timer.h"
#include "config/config.h"
#include "master/hook.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum hooks_stage {
	HOOKS_RUNS,
	HOOKS_TERMINATED,
	HOOKS_KILLED,
};

enum {
	HOOKS_STAGES = HOOKS_KILLED + 1
};

/* One kind of them. */
struct hooks_place {
	struct hook hook; /* that runs, if any */
	enum hooks_stage stage;
	uint64_t deadline; /* of the stage, CLOCK_MONOTONIC; 0: none */
	unsigned waiting;  /* events since it began */
	struct hook_details details; /* of the last of them */
};

struct hooks {
	struct loop *loop;
	struct timer due;
	const struct config *config; /* NULL: none are run yet */
	unsigned generation;
	bool stopping;
	uint64_t last[HOOKS_STAGES]; /* at a stop, when each has to be over */
	void (*ended)(void *context);
	void *context;
	struct hooks_place places[HOOK_KINDS];
};

/*
 * ENDED is called when the last one is gone after hooks_stop().  0, or -1 with
 * errno.
 */
int hooks_open(struct hooks *hooks, struct loop *loop,
	       void (*ended)(void *context), void *context);

void hooks_close(struct hooks *hooks);

/*
 * From now on CONFIG is in force, which must stay as long as it is, in
 * GENERATION.  Those that run do so to their end.
 */
void hooks_configure(struct hooks *hooks, const struct config *config,
		     unsigned generation);

/* KIND happened; DETAILS may be NULL. */
void hooks_run(struct hooks *hooks, enum hook_kind kind,
	       const struct hook_details *details);

/*
 * timed stops: run the hook for that, and no other any more.  Those that run
 * after three quarters of MILLISECONDS get SIGTERM, and in the end SIGKILL.
 */
void hooks_stop(struct hooks *hooks, uint64_t milliseconds);

/* Whether any is running. */
bool hooks_busy(const struct hooks *hooks);

/*
 * PID has ended and was not reaped yet, so that its process group is still its
 * own: if it is one of them, end what is left of that.
 */
void hooks_sweep(struct hooks *hooks, pid_t pid);

/* waitpid(2) said so.  False when PID is none of them. */
bool hooks_reap(struct hooks *hooks, pid_t pid, int status);

/* Another second has passed. */
void hooks_second(struct hooks *hooks);

/*
 * The one of KIND runs, as another image of this process left it, and what is
 * known of it is in its place: go on with it.
 */
void hooks_adopt(struct hooks *hooks, enum hook_kind kind);

#endif
