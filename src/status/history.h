/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last ten minutes, a sample for each second, for those who open the page
 * and want to see what was before.
 *
 * It lies in memory that the master makes, keeps and never looks at, so that
 * the next status process goes on with it.  Whatever is found there is shown
 * and followed nowhere: a sample is found by its second, and one that does not
 * carry that second is none.
 */
#ifndef TIMED_STATUS_HISTORY_H
#define TIMED_STATUS_HISTORY_H

#include "ipc/snapshot.h"

#include <stdint.h>

enum {
	HISTORY_SECONDS = 600
};

struct history_sample {
	int64_t time;	      /* seconds since the epoch; 0: none */
	uint64_t connections; /* then */
	uint64_t ticks;	      /* lines sent since the sample before */
	uint64_t requests;    /* the same */
	uint64_t p50;	      /* how late these lines were, microseconds */
	uint64_t p99;
	uint64_t max;
};

struct history {
	struct history_sample samples[HISTORY_SECONDS];
};

/* For the master: the memory.  A descriptor, or -1 with errno. */
int history_create(void);

/*
 * Map it, for writing; where it is of another size, some that is this process's
 * alone.  NULL with errno.
 */
struct history *history_open(int fd);

void history_close(struct history *history);

/* What a sample is the difference of. */
struct history_meter {
	uint64_t ticks;
	uint64_t requests;
	struct histogram lateness;
};

/* Begin to measure with SNAPSHOT. */
void history_begin(struct history_meter *meter,
		   const struct snapshot *snapshot);

/* The sample of the second TIME, by SNAPSHOT, and into HISTORY with it. */
void history_add(struct history *history, struct history_meter *meter,
		 const struct snapshot *snapshot, int64_t time);

/* The sample of the second TIME; NULL: there is none. */
const struct history_sample *history_at(const struct history *history,
					int64_t time);

#endif
