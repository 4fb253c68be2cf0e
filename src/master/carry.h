/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What crosses an exec: the master as text, for the next image of itself.
 *
 * The text is a JSON object in a memfd.  It names the descriptors that stay
 * open, the processes that stay children, and the versions of what old and
 * new have to agree on: of the text itself, of the scoreboard's layout and of
 * the handoff format.
 */
#ifndef TIMED_MASTER_CARRY_H
#define TIMED_MASTER_CARRY_H

#include "master/context.h"
#include "master/problem.h"

#include <stdbool.h>

enum {
	CARRY_VERSION = 1
};

/* Write it.  The descriptor, which an exec keeps, or -1 with errno. */
int carry_write(const struct master *master);

/*
 * Whether this image can go on from what FD holds.  False with PROBLEM; nothing
 * is changed.
 */
bool carry_check(int fd, struct problem *problem);

/*
 * Become the master that FD tells of: its places, scoreboard, listeners,
 * generation, and the reload that is still to be made; JOURNAL is for
 * scribe_adopt().  0, or -1 with PROBLEM.
 */
int carry_read(int fd, struct master *master, struct scribe_carried *journal,
	       struct problem *problem);

/* Keeper and status process, once those who keep them are open.  The same. */
int carry_read_sides(int fd, struct master *master, struct problem *problem);

/* The workers and hooks, once the pool is open. */
int carry_read_children(int fd, struct master *master, struct problem *problem);

/* Those who operate it, once the loop is open; ASKED as in control.h. */
int carry_read_control(int fd, struct master *master,
		       void (*asked)(void *context, struct control_peer *peer),
		       struct problem *problem);

/*
 * Whether an exec keeps open what carry_write() wrote down: true right before
 * one, false otherwise.
 */
void carry_keep(const struct master *master, bool keep);

#endif
