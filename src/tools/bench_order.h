/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether everybody in a room got every line once, and all in one order.
 *
 * Nobody gets his own lines.  So the order is what those see who say nothing,
 * and of whom there is at least one: whichever of them is ahead makes it, and
 * the others have to have the same.  What somebody got who says something is
 * kept, and compared with it at the end.
 */
#ifndef TIMED_TOOLS_BENCH_ORDER_H
#define TIMED_TOOLS_BENCH_ORDER_H

#include "base/histogram.h"

#include <stdbool.h>
#include <stdint.h>

struct order_line {
	uint64_t said;	 /* CLOCK_MONOTONIC, nanoseconds */
	uint32_t author; /* whose it is: the user's number */
	uint32_t left;	 /* users who have not got it */
	uint32_t place;	 /* in the order; UINT32_MAX: not known */
};

/* One user's view. */
struct order_reader {
	uint32_t number;
	bool talks;
	uint32_t at;	 /* silent: the place of what he gets next */
	uint32_t *heard; /* talks: the lines that he got */
	uint32_t heard_count;
	uint32_t heard_room;
};

struct order {
	uint32_t users;
	struct order_line *lines;
	uint32_t line_count;
	uint32_t line_room;
	uint32_t *sequence; /* lines in their order */
	uint32_t sequence_count;
	uint32_t sequence_room;
	uint64_t delivered;	   /* to one user each */
	uint64_t complete;	   /* lines that all have */
	uint64_t misplaced;	   /* deliveries that were not the next one */
	struct histogram all_have; /* from said to that, microseconds */
};

void order_open(struct order *order, uint32_t users);
void order_close(struct order *order);
void order_forget(struct order_reader *reader);

/* AUTHOR says a line, at NOW.  Its number, or UINT32_MAX: no memory. */
uint32_t order_say(struct order *order, uint32_t author, uint64_t now);

/*
 * READER got line NUMBER at NOW.  True when everybody has it now.  False also
 * for what nobody said; that is misplaced.
 */
bool order_hear(struct order *order, struct order_reader *reader,
		uint32_t number, uint64_t now);

/* At the end: look at what READER got, who talks. */
void order_settle(struct order *order, const struct order_reader *reader);

/* Deliveries that there should have been, and were not. */
uint64_t order_missing(const struct order *order);

#endif
