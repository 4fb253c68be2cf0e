/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the status process knows at a moment: what every answer of it is
 * made of.
 */
#ifndef TIMED_STATUS_FIGURES_H
#define TIMED_STATUS_FIGURES_H

#include "base/clock.h"
#include "ipc/snapshot.h"
#include "status/history.h"

#include <stdbool.h>

struct figures {
	struct snapshot_source source;
	struct snapshot snapshot;
	struct clock_state clock;
	int64_t now; /* CLOCK_REALTIME, nanoseconds */
	struct history *history;
	unsigned guests;  /* connections of the status process itself */
	unsigned streams; /* those of them that are at /events */
};

/*
 * Look anew.  False when the master died in the midst of a change; then what
 * was seen before stays.
 */
bool figures_look(struct figures *figures);

/*
 * Whether timed serves; else WHY is one word that says why not: "paused",
 * "stopping", "starting", or "stalled" when the master does not beat.
 */
bool figures_serving(const struct figures *figures, const char **why);

/* The last sample; one of zeros where there is none. */
const struct history_sample *figures_last(const struct figures *figures);

/* As JSON, to be freed; NULL: out of memory.  timed-metrics(7) has the keys. */
char *figures_status(const struct figures *figures);
char *figures_tick(const struct figures *figures);
char *figures_history(const struct figures *figures);

#endif
