/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Turns: one at a time, among processes that may die, stop or lie.
 *
 * Shared memory that all of them map holds who has the turn, and who is alive.
 * The kernel itself marks a process as dead there (robust futexes, see
 * set_robust_list(2)), before it closes its descriptors, however it dies: so
 * nobody counts on a process whose clients have seen it go.
 *
 * It is no mutex of pthread.h: a robust one has pointers in the shared memory,
 * through which whoever spoils them writes into the memory of all others.  Here
 * are numbers alone, and any of them may be wrong.
 *
 * A turn is a matter of less than a microsecond, or of milliseconds if who has
 * it is not given a processor.  One of a process that is dead is over.  Who has
 * been waited for in vain, TURN_PATIENCE, is stopped, or means harm, and is not
 * waited for any more.  Whoever goes on without his turn has to do what is
 * right in any order.
 */
#ifndef TIMED_IPC_TURN_H
#define TIMED_IPC_TURN_H

#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	TURN_MEMBERS = 256,
	TURN_PATIENCE = 500, /* milliseconds */
};

/* Zeroed, it is one that nobody takes part in. */
struct turn_shared {
	_Alignas(64) uint64_t holder;		   /* 0: nobody's turn */
	_Alignas(64) uint32_t lives[TURN_MEMBERS]; /* as futexes: thread ids */
};

/* A member's view.  It must not be moved: the kernel knows where it is. */
struct turn {
	struct turn_shared *shared;
	int slot;
	uint32_t ticket; /* of the last turn */
	uint64_t self;	 /* who this is */
	uint64_t mine;	 /* what says that it is this one's turn */
	uint64_t stuck;	 /* who is not waited for any more; 0: nobody */
	struct robust_list_head robust;
	struct robust_list life;
};

/*
 * Take part as the member SLOT, which nobody else is who lives; one in a
 * process.  0, or -1 with errno.
 */
int turn_open(struct turn *turn, struct turn_shared *shared, int slot);

void turn_close(struct turn *turn);

/* Wait for a turn, not for long.  False: there is none, and none to give. */
bool turn_take(struct turn *turn);
void turn_give(struct turn *turn);

/* Whether member SLOT is alive. */
bool turn_alive(const struct turn *turn, int slot);

/* Which member has the process PID; -1: none, or it is dead. */
int turn_member(const struct turn *turn, pid_t pid);

#endif
