/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checker of a stream of ticks: every record whole and as long as the
 * others, each one boundary after the one before it, none missed or twice.
 *
 * A record that begins with "YYYY-MM-DD HH:MM:SS" says itself which boundary
 * it is for, when the interval is a number of whole seconds.  Any other is
 * taken for the boundary before its arrival, but for the first: it came when its
 * client did, and says nothing.
 *
 * One check for a process; a small state for each connection, as there may
 * be tens of thousands.  All times are nanoseconds of CLOCK_REALTIME.
 */
#ifndef TIMED_TOOLS_BENCH_SEQUENCE_H
#define TIMED_TOOLS_BENCH_SEQUENCE_H

#include "base/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SEQUENCE_STAMP = 19
}; /* bytes of "YYYY-MM-DD HH:MM:SS" */

/* What the server's records look like; sequence_learn() finds out. */
struct sequence_rule {
	int64_t interval;
	int64_t offset;	 /* of the server's zone from UTC, seconds */
	uint32_t length; /* of a record, its newline not counted */
	bool newline;	 /* each record ends in one */
	bool stamped;	 /* and says which boundary it is for */
};

/* What was found.  Plain memory: it can lie in a mapping. */
struct sequence_counts {
	uint64_t received;  /* ticks for boundaries within the window */
	uint64_t missed;    /* boundaries without a record */
	uint64_t doubled;   /* records for the boundary of the one before */
	uint64_t backwards; /* records for an earlier one */
	uint64_t garbled;   /* torn, of another length, or not a time */
	uint64_t early;	    /* ticks that came before their boundary */
	struct histogram lateness; /* of the ticks received */
};

struct sequence_check {
	struct sequence_rule rule;
	int64_t from, until; /* the window: from < boundary <= until */
	struct sequence_counts *counts;
	bool cached; /* the stamp read last: most are the same as it */
	char stamp[SEQUENCE_STAMP];
	int64_t boundary;
};

/* One connection; all zero at its start. */
struct sequence {
	int64_t last;		   /* the boundary of its last record */
	uint32_t held;		   /* bytes of a record that is not whole yet */
	bool started;		   /* its first record was seen */
	bool placed;		   /* and `last` is known */
	char part[SEQUENCE_STAMP]; /* the first of them */
};

/*
 * Seconds since the epoch that the SEQUENCE_STAMP bytes at TEXT stand for,
 * read as UTC; false when they are no time.
 */
bool sequence_parse(const char *text, int64_t *seconds);

/* Make RULE from a whole record, without its newline, that came at ARRIVAL. */
void sequence_learn(struct sequence_rule *rule, int64_t interval,
		    const char *record, size_t length, bool newline,
		    int64_t arrival);

/* LENGTH bytes of a connection arrived at ARRIVAL. */
void sequence_bytes(struct sequence *sequence, struct sequence_check *check,
		    const char *bytes, size_t length, int64_t arrival);

/*
 * The connection's account is closed: what it did not get up to the boundary
 * check->until is missed.  CLOSED: the server closed it, so that half a
 * record was torn.
 */
void sequence_end(const struct sequence *sequence,
		  const struct sequence_check *check, bool closed);

/* How many boundaries lie in FROM < boundary <= UNTIL. */
int64_t sequence_boundaries(int64_t from, int64_t until, int64_t interval);

void sequence_merge(struct sequence_counts *into,
		    const struct sequence_counts *from);

#endif
