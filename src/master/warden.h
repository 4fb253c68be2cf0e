/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps a keeper process running as long as a service needs one.
 *
 * The ring outlives it, and so does what is in the store.  When a keeper dies
 * another one takes its place, at once or, if it keeps dying young, after a
 * delay that doubles; all workers get a new way to it, and ask again what they
 * have no answer to.
 */
#ifndef TIMED_MASTER_WARDEN_H
#define TIMED_MASTER_WARDEN_H

#include "base/loop.h"
#include "base/timer.h"
#include "config/config.h"
#include "keeper/keeper.h"
#include "master/crew.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct warden {
	struct loop *loop;
	struct crew *crew;
	int log; /* write end of the log pipe */
	struct timer respawn;
	struct timer stopping;
	void (*ended)(void *context); /* after warden_stop() */
	void *context;
	struct keeper_plan plan; /* of the keeper that runs, or the next one */
	struct sandbox_identity identity;
	bool wanted;	   /* a service needs one */
	bool leaving;	   /* it was told to */
	bool stopped;	   /* timed stops */
	int ring_writable; /* -1: there is no ring yet */
	int ring_readable;
	int command;	/* -1: no keeper */
	pid_t pid;	/* 0: none */
	uint64_t born;	/* CLOCK_MONOTONIC, nanoseconds */
	uint64_t delay; /* nanoseconds */
};

#endif
