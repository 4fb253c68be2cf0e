/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/ticker.h"

#include "base/clock.h"
#include "worker/conns.h"

#include <stddef.h>

enum {
	SECONDS_A_DAY = 86400
};

static struct instance *
instance_of(struct timer *timer)
{
	return (struct instance *)((char *)timer -
				   offsetof(struct instance, tick));
}

/* Arm for the first boundary after NOW, however often the clock moves. */
static void
arm(struct instance *instance, int64_t now)
{
	int64_t interval = instance->config->interval;

	instance->due = clock_boundary(now, interval) + interval;
	while (!timer_at(&instance->tick, instance->due))
		instance->due =
			clock_boundary(clock_realtime(), interval) + interval;
}

/* A leap second is only ever at the end of a day: spare the call else. */
static bool
leaping(int64_t boundary)
{
	int64_t second = boundary / CLOCK_SECOND % SECONDS_A_DAY;

	return second == SECONDS_A_DAY - 1 && clock_in_leap_second();
}

/* Boundaries that passed while the worker was held up are lost. */
static void
count_missed(struct instance *instance, int64_t boundary)
{
	uint64_t missed = (uint64_t)((boundary - instance->due) /
				     instance->config->interval);

	if (missed == 0)
		return;
	counter_add(&instance->tally->skipped, missed * instance->member_count);
	for (uint32_t i = 0; i < instance->member_count; i++)
		instance->members[i]->skipped += (uint32_t)missed;
}

/*
 * The clock was set, and is after BOUNDARY now: what clients saw before by the
 * clock that is gone does not count.
 */
static void
forget_marks(struct instance *instance, int64_t boundary)
{
	for (uint32_t i = 0; i < instance->member_count; i++)
		instance->members[i]->mark = boundary;
}

static void
tick(struct timer *timer, bool stepped)
{
	struct instance *instance = instance_of(timer);
	const struct service *service = instance->config->service;
	int64_t now = clock_realtime();
	int64_t boundary = clock_boundary(now, instance->config->interval);
	bool leap = leaping(boundary);

	if (stepped) {
		/* The one step that is a boundary itself. */
		bool again = leap && instance->due > boundary;

		forget_marks(instance,
			     again ? boundary - instance->config->interval
				   : boundary);
		if (again)
			service->tick(instance, boundary, true);
	} else if (boundary >= instance->due) {
		count_missed(instance, boundary);
		service->tick(instance, boundary, leap);
	}
	arm(instance, now);
}

int64_t
ticker_last(const struct instance *instance)
{
	return instance->due - instance->config->interval;
}

int
ticker_start(struct instance *instance)
{
	if (instance->config->interval == 0)
		return 0;
	if (timer_open(&instance->tick, instance->conns->loop, CLOCK_REALTIME,
		       tick) < 0)
		return -1;
	arm(instance, clock_realtime());
	return 0;
}

void
ticker_stop(struct instance *instance)
{
	if (instance->config->interval)
		timer_close(&instance->tick);
}
