/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stream without anything around it: every client has a line at every whole
 * second.  A connection is a descriptor in an array; how a line gets to all of
 * them is the caller's.  There is no supervision, no limit and no care for slow
 * clients.
 *
 * Of the connections that will come, each process takes its share and no more,
 * so that the load is even.
 */
#ifndef TIMED_BENCH_TICKS_H
#define TIMED_BENCH_TICKS_H

#include "floor.h"

enum {
	TICKS_LINE = 20
};

struct ticks {
	int listener;
	int room;  /* connections to take */
	int count; /* of them there are */
	int *fds;
	char line[TICKS_LINE + 1];
};

/*
 * Serve for ever.  FAN, which is given CONTEXT, sends the line to each of the
 * COUNT FDS, and drops those that do not take it.
 */
void ticks_serve(const struct floor_share *share,
		 void (*fan)(struct ticks *ticks, void *context),
		 void *context);

/* Send the line to connection I; 0, or -1 when it does not take all of it. */
int ticks_send(const struct ticks *ticks, int i);

/*
 * Connection I is closed, unless -1 says that it is, and the last one takes its
 * place.
 */
void ticks_drop(struct ticks *ticks, int i);

#endif
