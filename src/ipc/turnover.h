/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the scoreboard tells of hand-offs from one generation of workers to the
 * next: the last few of them, why, of how many connections, how long it took.
 * Workers that are recycled one by one are not among them.
 */
#ifndef TIMED_IPC_TURNOVER_H
#define TIMED_IPC_TURNOVER_H

#include "ipc/scoreboard.h"

/* "reload", "resize" ...; "unknown" for another number. */
const char *turnover_cause_name(uint32_t cause);

/* For the master: GENERATION takes over from those before it. */
void turnover_begin(struct scoreboard_master *master, enum handoff_cause cause,
		    uint32_t generation);

/*
 * For the master: the worker of PLACE has left, and this is what its slot held
 * LAST, without numbers that cannot be.
 */
void turnover_left(struct scoreboard_master *master,
		   const struct scoreboard_place *place,
		   const struct scoreboard_slot *last);

#endif
