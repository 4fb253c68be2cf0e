/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making one worker process.  Knows no policy: pool.c decides.
 */
#ifndef TIMED_MASTER_SPAWN_H
#define TIMED_MASTER_SPAWN_H

#include "config/config.h"
#include "ipc/scoreboard.h"
#include "master/listeners.h"

#include <sys/types.h>

struct spawn_order {
	struct scoreboard *scoreboard;
	const struct config *config;
	const struct listeners *listeners;
	int log;    /* write end of the log pipe */
	int census; /* see ipc/census.h */
	int slot;
	unsigned number;
	unsigned generation;
};

struct spawned {
	pid_t pid;
	int report;  /* read end of its report pipe, non-blocking */
	int command; /* the master's end of its command socket */
};

/* 0, or -1 with errno: no process, no descriptor, no memory. */
int spawn_worker(const struct spawn_order *order, struct spawned *spawned);

#endif
