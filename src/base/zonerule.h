/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule that a time zone follows, as POSIX writes it in TZ and RFC 8536
 * 3.3 at the end of a zone file: "CET-1CEST,M3.5.0,M10.5.0/3".  The part of
 * zone.c that needs no file; use zone.h.
 */
#ifndef TIMED_BASE_ZONERULE_H
#define TIMED_BASE_ZONERULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ZONERULE_NAME = 16, /* room for a zone's abbreviation */

	/* Seconds east of UTC, least and most (RFC 8536 3.2). */
	ZONERULE_OFFSET_MIN = -89999,
	ZONERULE_OFFSET_MAX = 93599,
};

/* What local time can be in a zone. */
struct zonerule_type {
	int32_t offset; /* seconds east of UTC */
	bool summer;	/* tm_isdst */
	char name[ZONERULE_NAME];
};

/* A day of every year, and a time on it. */
struct zonerule_date {
	char form;  /* 'M': Mm.w.d; 'J': Jn; '0': n */
	int month;  /* 1 to 12 */
	int week;   /* 1 to 5, 5 is the last */
	int day;    /* of the week from Sunday, 0; or of the year */
	int32_t at; /* seconds of local time after 0:00, -167 h to 167 h */
};

struct zonerule {
	struct zonerule_type standard, summer;
	bool changes;		      /* else it is always standard time */
	struct zonerule_date on, off; /* summer time starts, ends */
};

/* Parse the LENGTH bytes at TEXT, all of them; false: not a rule. */
bool zonerule_parse(struct zonerule *rule, const char *text, size_t length);

/* What RULE says for SECONDS since the epoch, at most 2^57 either way. */
const struct zonerule_type *zonerule_at(const struct zonerule *rule,
					int64_t seconds);

/* The Gregorian YEAR's first day, in days since the epoch. */
int64_t zonerule_first_day(int64_t year);

/* The Gregorian year of the DAY since the epoch. */
int64_t zonerule_year(int64_t day);

bool zonerule_is_leap(int64_t year);

#endif
