/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/respawn.h"

#include "base/clock.h"

static const uint64_t YOUNG = (uint64_t)CLOCK_SECOND;
static const uint64_t DELAY_FIRST = 100 * (uint64_t)CLOCK_MILLISECOND;
static const uint64_t DELAY_MOST = 30 * (uint64_t)CLOCK_SECOND;

int
respawn_open(struct respawn *respawn, struct loop *loop,
	     void (*due)(struct timer *timer, bool stepped))
{
	respawn->born = 0;
	respawn->delay = 0;
	respawn->count = 0;
	return timer_open(&respawn->timer, loop, CLOCK_MONOTONIC, due);
}

void
respawn_born(struct respawn *respawn)
{
	respawn->born = clock_monotonic();
}

bool
respawn_at_once(struct respawn *respawn)
{
	respawn->count++;
	if (clock_monotonic() - respawn->born >= YOUNG)
		respawn->delay = 0;
	else if (!respawn->delay)
		respawn->delay = DELAY_FIRST / 2;
	return respawn->delay == 0;
}

uint64_t
respawn_take(struct respawn *respawn)
{
	uint64_t count = respawn->count;

	respawn->count = 0;
	return count;
}

void
respawn_later(struct respawn *respawn)
{
	respawn->delay = respawn->delay ? respawn->delay * 2 : DELAY_FIRST;
	if (respawn->delay > DELAY_MOST)
		respawn->delay = DELAY_MOST;
	timer_after(&respawn->timer, respawn->delay);
}

void
respawn_forget(struct respawn *respawn)
{
	respawn->delay = 0;
	timer_cancel(&respawn->timer);
}

void
respawn_close(struct respawn *respawn)
{
	timer_close(&respawn->timer);
}
