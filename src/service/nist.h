/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The time code of NIST's daytime servers:
 *
 *     JJJJJ YR-MO-DA HH:MM:SS TT L H msADV UTC(timed) OTM
 *     61365 26-11-21 15:21:59 00 0 0 412.6 UTC(timed) *
 *
 * JJJJJ is the modified Julian date, and with date and time it is UTC.  The
 * second that is shown is the next one, and msADV says how many milliseconds
 * before its beginning the code was sent: so it is no less exact than msADV.
 *
 * TT tells of daylight saving time in a zone: 00 is standard time, 50 daylight
 * saving time.  In a month in which that changes, it counts the days down to
 * the change: 99 to 51 before it begins, 49 to 1 before it ends, with 51 or 1
 * on its day.  L: at the end of this month a leap second is inserted (1) or left
 * out (2), as far as it has been announced, or not (0).  H: the time is right
 * (0), or by how much it is not is unknown (3).  OTM is an asterisk.
 */
#ifndef TIMED_SERVICE_NIST_H
#define TIMED_SERVICE_NIST_H

#include "base/clock.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NIST_LENGTH = 49, /* of a line, without its end and a NUL */
};

/* What a line shows. */
struct nist_second {
	int64_t seconds; /* since the epoch */
	bool leap;	 /* the inserted one that follows it, 23:59:60 */
	int advance;	 /* tenths of milliseconds until it begins */
};

/* The second that begins at or next after NOW (CLOCK_REALTIME, ns). */
struct nist_second nist_next(int64_t now, const struct clock_state *state);

/* The modified Julian date of SECONDS since the epoch. */
int64_t nist_mjd(int64_t seconds);

/* TT for SECONDS since the epoch in ZONE: 0 to 99. */
int nist_dst(const struct zone *zone, int64_t seconds);

/* Write the line, NIST_LENGTH bytes and a NUL; years are 1970 to 2242. */
void nist_line(char line[NIST_LENGTH + 1], const struct nist_second *second,
	       const struct clock_state *state, const struct zone *zone);

/* Change msADV in LINE to that of SECOND. */
void nist_advance(char *line, const struct nist_second *second);

#endif
