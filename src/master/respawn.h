/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a process that the master keeps running is made again: at once, unless
 * it died young; then after a delay that doubles as long as it keeps doing so.
 */
#ifndef TIMED_MASTER_RESPAWN_H
#define TIMED_MASTER_RESPAWN_H

#include "base/timer.h"

#include <stdbool.h>
#include <stdint.h>

struct respawn {
	struct timer timer;
	uint64_t born;	/* CLOCK_MONOTONIC, nanoseconds */
	uint64_t delay; /* nanoseconds */
	uint64_t count; /* that died unasked and get another; not yet taken */
};

/* DUE makes the process, or calls respawn_later().  0, or -1 with errno. */
int respawn_open(struct respawn *respawn, struct loop *loop,
		 void (*due)(struct timer *timer, bool stepped));

/* It was made. */
void respawn_born(struct respawn *respawn);

/* Whether the next one, after one that died unasked, is to be made at once. */
bool respawn_at_once(struct respawn *respawn);

/* How many that was since this was asked before. */
uint64_t respawn_take(struct respawn *respawn);

/* Let it be made when its delay is over. */
void respawn_later(struct respawn *respawn);

/* There is no more reason to wait, or to make one at all. */
void respawn_forget(struct respawn *respawn);

void respawn_close(struct respawn *respawn);

#endif
