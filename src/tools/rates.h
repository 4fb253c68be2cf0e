/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happened between two snapshots of a scoreboard, a second: of timed as
 * a whole, of its workers and of its services.
 *
 * Whoever was not there before is counted from zero, which is where its
 * counters began.  Counters that went back, in a file that is damaged, count
 * nothing.
 */
#ifndef TIMED_TOOLS_RATES_H
#define TIMED_TOOLS_RATES_H

#include "ipc/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

/* A second; RATES_UNKNOWN while there is nothing to compare with. */
#define RATES_UNKNOWN (-1.0)
struct rates_flow {
	double accepted;
	double requests;
	double ticks;
	double skipped;
	double refused;
	double bytes_in;
	double bytes_out;
};

/*
 * Of the lines that went out meanwhile; microseconds, AMOUNT_NO_TIME when
 * there were none.
 */
struct rates_lateness {
	uint64_t p50;
	uint64_t p99;
	uint64_t max;
};

struct rates_worker {
	int slot;
	struct scoreboard_place place;
	uint64_t connections;
	struct rates_flow flow;
	struct rates_lateness late;
};

struct rates_service {
	int index;				/* in the snapshot's services */
	const struct scoreboard_master *master; /* whose listeners it has */
	char name[SCOREBOARD_NAME];
	char type[16];
	bool paused;
	uint64_t connections;
	struct rates_flow flow;
};

struct rates {
	uint64_t connections;
	struct rates_flow flow;
	struct rates_lateness late;
	int worker_count;
	struct rates_worker workers[SCOREBOARD_SLOTS];
	int service_count;
	struct rates_service services[SCOREBOARD_SERVICES];
};

/*
 * From BEFORE to NOW, which RATES points into from then on.  When BEFORE is
 * NULL or another timed's, there are no rates yet.
 */
void rates_between(struct rates *rates, const struct snapshot *before,
		   const struct snapshot *now);

#endif
