/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which workers there should be: generations of them.
 *
 * A generation is a number of workers with one configuration and one set of
 * listeners.  pool_begin() starts one beside the current; when every worker
 * of it has said that it is ready, the pool reports it, and pool_adopt()
 * makes it the current one: its workers begin to accept, and those of the one
 * before hand their connections over to them and leave.  If one dies before
 * that or they take too long, the new generation is given up and the current
 * one goes on.
 *
 * The current generation is kept at its strength: a worker that dies is
 * replaced, at once if it had been alive, after a delay that doubles if it
 * dies again and again before its first beat.  One that does not beat for
 * watchdog_seconds is killed.  One that has served `recycle_after` clients
 * hands over to its replacement once that is ready.  Those who hand over are
 * not replaced; whoever becomes ready meanwhile takes over from them as well,
 * so that one whose successors died has one again.  Who is not through after
 * handoff_seconds is killed.
 */
#ifndef TIMED_MASTER_POOL_H
#define TIMED_MASTER_POOL_H

#include "base/timer.h"
#include "master/crew.h"
#include "master/problem.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A place for a worker in the current or the next generation. */
struct pool_place {
	int slot;	/* of the worker that is there, or -1 */
	int heir;	/* of the one that will replace it, or -1 */
	uint64_t delay; /* before the next respawn, nanoseconds */
	uint64_t due;	/* when it is, CLOCK_MONOTONIC; 0: not waiting */
};

struct pool_generation {
	unsigned number; /* 0: there is none */
	const struct config *config;
	const struct listeners *listeners;
	int ready; /* how many said so */
	struct pool_place places[CONFIG_WORKERS];
};

/* What the master is told. */
struct pool_events {
	/* Every worker of the next generation is ready: adopt it. */
	void (*ready)(void *context);
	/* The next generation was given up. */
	void (*failed)(void *context, const struct problem *problem);
	/* After pool_stop(): the last worker is gone. */
	void (*empty)(void *context);
	/* A worker died unasked; STATUS is that of waitpid(2). */
	void (*crashed)(void *context, const struct crew_member *gone,
			int status);
	/* There is one more worker, which does not serve yet. */
	void (*born)(void *context, int slot);
	/* What happened in a worker in about a second. */
	void (*beat)(void *context, const struct report_beat *beat);
};

struct pool {
	struct crew crew;
	const struct pool_events *events;
	void *context;
	struct timer respawn;  /* for places that wait */
	struct timer patience; /* for a generation that starts */
	struct timer stopping; /* for workers that do not stop */
	bool stopped;
	unsigned last_number;
	struct pool_generation current;
	struct pool_generation next;
};

/* 0, or -1 with errno. */
int pool_open(struct pool *pool, struct loop *loop,
	      struct scoreboard *scoreboard, int log, int census,
	      const struct pool_events *events, void *context);

void pool_close(struct pool *pool);

/*
 * The current generation is NUMBER, of another image of this process: its
 * workers come to the crew, and are not replaced.  CONFIG says how long things
 * may take.
 */
void pool_carry_on(struct pool *pool, unsigned number,
		   const struct config *config);

/*
 * Start the next generation; CONFIG and LISTENERS must stay until it is
 * adopted or failed.  0, or -1 with PROBLEM set and nothing started.
 */
int pool_begin(struct pool *pool, const struct config *config,
	       const struct listeners *listeners, struct problem *problem);

/* Give the next generation up, if there is one. */
void pool_abandon(struct pool *pool);

/*
 * The next generation is the current one, with CONFIG and LISTENERS, which
 * must stay as long as it is; those before retire.
 */
void pool_adopt(struct pool *pool, const struct config *config,
		const struct listeners *listeners);

/* Stop all workers: in order, and after MILLISECONDS by force. */
void pool_stop(struct pool *pool, uint64_t milliseconds);

/* waitpid(2) said so.  False when PID is no worker of this pool. */
bool pool_reap(struct pool *pool, pid_t pid, int status);

/* Once a second: look for those that do not beat. */
void pool_check(struct pool *pool);

#endif
