/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <sys/timex.h>

static int64_t
nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

uint64_t
clock_monotonic(void)
{
	return (uint64_t)nanoseconds(CLOCK_MONOTONIC);
}

int64_t
clock_realtime(void)
{
	return nanoseconds(CLOCK_REALTIME);
}

struct timespec
clock_timespec(int64_t nanoseconds_since)
{
	struct timespec spec = { .tv_sec = nanoseconds_since / CLOCK_SECOND,
				 .tv_nsec = nanoseconds_since % CLOCK_SECOND };

	return spec;
}

int64_t
clock_boundary(int64_t now, int64_t interval)
{
	int64_t past = now % interval;

	return now - (past < 0 ? past + interval : past);
}

bool
clock_in_leap_second(void)
{
	struct timex state = { .modes = 0 };

	return adjtimex(&state) == TIME_OOP;
}

struct clock_state
clock_state(void)
{
	struct timex timex = { .modes = 0 };
	int answer = adjtimex(&timex);
	struct clock_state state = {
		.known = answer >= 0,
		.synchronised = answer >= 0 && !(timex.status & STA_UNSYNC),
		.in_leap_second = answer == TIME_OOP,
		.maximum_error =
			timex.maxerror > 0 ? (uint64_t)timex.maxerror : 0,
		.estimated_error =
			timex.esterror > 0 ? (uint64_t)timex.esterror : 0,
	};

	/* The return value says nothing of it while there is an error. */
	if (timex.status & STA_INS && answer != TIME_OOP && answer != TIME_WAIT)
		state.leap = 1;
	else if (timex.status & STA_DEL && answer != TIME_WAIT)
		state.leap = -1;
	return state;
}

bool
clock_synchronised(void)
{
	static uint64_t asked;
	static bool synchronised;
	uint64_t now = clock_monotonic();

	if (!asked || now - asked >= (uint64_t)CLOCK_SECOND) {
		asked = now;
		synchronised = clock_state().synchronised;
	}
	return synchronised;
}
