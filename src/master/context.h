/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the master process knows: one struct, passed around among the
 * files that make it up.
 */
#ifndef TIMED_MASTER_CONTEXT_H
#define TIMED_MASTER_CONTEXT_H

#include "base/signals.h"
#include "base/timer.h"
#include "master/control.h"
#include "master/herald.h"
#include "master/hooks.h"
#include "master/listeners.h"
#include "master/master.h"
#include "master/paused.h"
#include "master/places.h"
#include "master/pool.h"
#include "master/round.h"
#include "master/scribe.h"
#include "master/terminal.h"
#include "master/warden.h"

#include <stdbool.h>
#include <stdint.h>

/* A program that is asked whether it can take over. */
struct upgrade {
	struct timer patience;
	pid_t pid;  /* 0: none */
	int output; /* what it says */
	bool late;  /* it had to be killed */
	bool again; /* asked for while a reload was under way */
};

/* What workers told since the last second. */
struct pulse_rates {
	uint64_t ticks;
	uint64_t requests;
};

struct pulse {
	struct pulse_rates counting;
	uint64_t log_lost; /* of the master, in the scoreboard already */
	uint64_t log_limited;
};

struct master {
	struct loop loop;
	struct signals signals;
	struct timer second; /* the beat of the master */
	struct timer wall;   /* told when somebody sets the clock */
	const struct master_options *options;
	struct launcher launcher;
	int status; /* to exit with */
	enum master_state state;
	struct config *config;
	struct config *next_config;
	struct listeners listeners;
	struct listeners next_listeners;
	/* Before those of next_config got their places; see reload.c. */
	struct scoreboard_service services_before[SCOREBOARD_SERVICES];
	bool services_placed;
	bool reload_again;  /* asked for while one was under way */
	int resize_to;	    /* workers that the next reload is to have */
	int resizing;	    /* that the one under way has */
	int resized;	    /* that were asked for, not configured; or 0 */
	json_t *complaints; /* of the reload that was refused, or NULL */
	struct control control;
	struct paused paused;
	struct timer pausing; /* armed until all who are paused refuse */
	struct round round;
	struct upgrade upgrade;
	struct terminal terminal;
	bool upgraded;	  /* this image has still to take over */
	int image;	  /* the program of this process; -1: unknown */
	int back;	  /* the one before it, until this one serves; or -1 */
	unsigned carried; /* the generation that was carried over */
	struct scoreboard scoreboard;
	int census; /* see ipc/census.h: the workers', who share it */
	struct places places;
	struct pool pool;
	struct scribe scribe;
	struct hooks hooks;
	struct warden warden;
	struct herald herald;
	bool deserted;	     /* at a stop: but for hooks and the journal */
	uint64_t stop_began; /* CLOCK_MONOTONIC, nanoseconds */
	struct pulse pulse;
};

/* Stop, as SIGTERM does. */
void master_stop(struct master *master);

/* It has clients, or would have them if it were not paused. */
static inline bool
master_serves(const struct master *master)
{
	return master->state == MASTER_RUNNING ||
	       master->state == MASTER_PAUSED;
}

static inline struct scoreboard_master *
master_board(struct master *master)
{
	return scoreboard_master(&master->scoreboard);
}

static inline void
master_enter(struct master *master, enum master_state state)
{
	master->state = state;
	__atomic_store_n(&master_board(master)->state, (uint32_t)state,
			 __ATOMIC_RELAXED);
}

#endif
