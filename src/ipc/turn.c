/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/turn.h"

#include "base/clock.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	/* A holder: the ticket, the thread id and the slot, from above. */
	SLOT_BITS = 8,
	ID_BITS = 22, /* as many as the kernel has for a thread id */
	YIELDS = 16,  /* between looks at the clock */
};

_Static_assert(TURN_MEMBERS <= 1 << SLOT_BITS, "a slot fits its bits");

static uint32_t
life_of(const struct turn *turn, int slot)
{
	return __atomic_load_n(&turn->shared->lives[slot], __ATOMIC_RELAXED);
}

bool
turn_alive(const struct turn *turn, int slot)
{
	uint32_t life = life_of(turn, slot);

	return (life & FUTEX_TID_MASK) && !(life & FUTEX_OWNER_DIED);
}

int
turn_member(const struct turn *turn, pid_t pid)
{
	for (int i = 0; i < TURN_MEMBERS; i++)
		if (life_of(turn, i) == (uint32_t)pid)
			return i;
	return -1;
}

/* The kernel walks a list of one when this thread ends. */
int
turn_open(struct turn *turn, struct turn_shared *shared, int slot)
{
	uint32_t id = (uint32_t)gettid();

	*turn = (struct turn){ .shared = shared, .slot = slot };
	turn->self = (uint64_t)id << SLOT_BITS | (uint64_t)slot;
	turn->life.next = &turn->robust.list;
	turn->robust.list.next = &turn->life;
	turn->robust.futex_offset =
		(char *)&shared->lives[slot] - (char *)&turn->life;
	if (syscall(SYS_set_robust_list, &turn->robust, sizeof(turn->robust)) <
	    0)
		return -1;
	__atomic_store_n(&shared->lives[slot], id, __ATOMIC_RELEASE);
	return 0;
}

void
turn_close(struct turn *turn)
{
	turn->robust.list.next = &turn->robust.list;
	__atomic_store_n(&turn->shared->lives[turn->slot], 0, __ATOMIC_RELEASE);
}

/* --- taking it --- */

static uint64_t
holder_of(const struct turn *turn)
{
	return __atomic_load_n(&turn->shared->holder, __ATOMIC_RELAXED);
}

/* Whose turn it is, without the ticket. */
static uint64_t
who(uint64_t holder)
{
	return holder & ((UINT64_C(1) << (SLOT_BITS + ID_BITS)) - 1);
}

/* Nobody's, or of somebody who is dead, or was never there. */
static bool
is_free(const struct turn *turn, uint64_t holder)
{
	int slot = (int)(holder & (TURN_MEMBERS - 1));

	return holder == 0 || !turn_alive(turn, slot) ||
	       who(holder) >> SLOT_BITS != life_of(turn, slot);
}

static bool
try(struct turn *turn, uint64_t holder)
{
	return is_free(turn, holder) &&
	       __atomic_compare_exchange_n(&turn->shared->holder, &holder,
					   turn->mine, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

/* Until it is free, or for long enough, or not for who is stuck. */
static bool
wait(struct turn *turn)
{
	uint64_t limit = TURN_PATIENCE * (uint64_t)CLOCK_MILLISECOND;
	uint64_t began = clock_monotonic();
	uint64_t holder = 0;

	do {
		for (int i = 0; i < YIELDS; i++) {
			holder = holder_of(turn);
			if (try(turn, holder))
				return true;
			if (turn->stuck && who(holder) == turn->stuck)
				return false;
			sched_yield();
		}
	} while (clock_monotonic() - began < limit);
	turn->stuck = who(holder);
	return false;
}

bool
turn_take(struct turn *turn)
{
	turn->ticket++;
	turn->mine =
		(uint64_t)turn->ticket << (SLOT_BITS + ID_BITS) | turn->self;
	return try(turn, holder_of(turn)) || wait(turn);
}

void
turn_give(struct turn *turn)
{
	uint64_t mine = turn->mine;

	/* Unless it was taken away. */
	(void)__atomic_compare_exchange_n(&turn->shared->holder, &mine, 0,
					  false, __ATOMIC_SEQ_CST,
					  __ATOMIC_RELAXED);
}
