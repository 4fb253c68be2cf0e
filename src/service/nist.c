/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/nist.h"

#include <stdio.h>
#include <string.h>

enum {
	DAY = 86400, /* seconds */
	EPOCH_MJD = 40587,
	TENTH = 100000, /* of a millisecond, nanoseconds */
	ADVANCE_AT = 31,
	ADVANCE_LENGTH = 5,
	DST_NOW = 50,
	HEALTHY = 0,
	UNKNOWN_ERROR = 3,
	MONTH = 31, /* the longest, days */
};

static int64_t
floor_by(int64_t number, int64_t by)
{
	return number / by - (number % by < 0);
}

/* 0 for 00:00:00 to DAY - 1 for 23:59:59, UTC. */
static int64_t
second_of_day(int64_t seconds)
{
	return seconds - floor_by(seconds, DAY) * DAY;
}

struct nist_second
nist_next(int64_t now, const struct clock_state *state)
{
	int64_t boundary = clock_boundary(now, CLOCK_SECOND);
	struct nist_second next = { .seconds = boundary / CLOCK_SECOND,
				    .leap = state->in_leap_second };

	if (now == boundary)
		return next;
	next.advance = (int)((boundary + CLOCK_SECOND - now) / TENTH);
	/* The clock shows the second before an inserted one again in it. */
	next.leap = !state->in_leap_second && state->leap > 0 &&
		    second_of_day(next.seconds) == DAY - 1;
	if (next.leap)
		return next;
	next.seconds++;
	if (state->leap < 0 && second_of_day(next.seconds) == DAY - 1)
		next.seconds++;
	return next;
}

int64_t
nist_mjd(int64_t seconds)
{
	return floor_by(seconds, DAY) + EPOCH_MJD;
}

static struct tm
local(const struct zone *zone, int64_t seconds)
{
	struct tm tm;

	zone_time(zone, seconds, &tm);
	return tm;
}

/* The first second after FROM, up to TO, that has another tm_isdst. */
static int64_t
change_between(const struct zone *zone, int64_t from, int64_t to)
{
	int isdst = local(zone, from).tm_isdst;

	while (to - from > 1) {
		int64_t middle = from + (to - from) / 2;

		if (local(zone, middle).tm_isdst == isdst)
			from = middle;
		else
			to = middle;
	}
	return to;
}

int
nist_dst(const struct zone *zone, int64_t seconds)
{
	struct tm now = local(zone, seconds);
	int code = now.tm_isdst > 0 ? DST_NOW : 0;
	struct tm last;

	for (int day = 1; day <= MONTH; day++) {
		int64_t then = seconds + (int64_t)day * DAY;

		if (local(zone, then).tm_isdst == now.tm_isdst)
			continue;
		/* It belongs to the day that it ends the time of. */
		last = local(zone, change_between(zone, then - DAY, then) - 1);
		if (last.tm_mon != now.tm_mon)
			break;
		return DST_NOW - code + last.tm_mday - now.tm_mday + 1;
	}
	return code;
}

static int
leap_code(const struct clock_state *state)
{
	if (state->in_leap_second)
		return 1;
	return state->leap > 0 ? 1 : state->leap < 0 ? 2 : 0;
}

void
nist_advance(char *line, const struct nist_second *second)
{
	char text[16];

	snprintf(text, sizeof(text), "%3d.%d", second->advance / 10 % 1000,
		 second->advance % 10);
	memcpy(line + ADVANCE_AT, text, ADVANCE_LENGTH);
}

void
nist_line(char line[NIST_LENGTH + 1], const struct nist_second *second,
	  const struct clock_state *state, const struct zone *zone)
{
	time_t seconds = (time_t)second->seconds;
	struct tm tm;
	char text[128];

	gmtime_r(&seconds, &tm);
	snprintf(text, sizeof(text),
		 "%05d %02d-%02d-%02d %02d:%02d:%02d %02d %d %d %5s "
		 "UTC(timed) *",
		 (int)nist_mjd(second->seconds), (tm.tm_year + 1900) % 100,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
		 second->leap ? 60 : tm.tm_sec, nist_dst(zone, second->seconds),
		 leap_code(state),
		 state->synchronised ? HEALTHY : UNKNOWN_ERROR, "");
	memcpy(line, text, NIST_LENGTH);
	line[NIST_LENGTH] = '\0';
	nist_advance(line, second);
}
