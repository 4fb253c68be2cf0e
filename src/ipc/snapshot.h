/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader's side of the scoreboard: a consistent copy of all of it, with
 * the sums made, for whoever shows it.  Needs no more than read permission
 * and no answer from anybody.
 */
#ifndef TIMED_IPC_SNAPSHOT_H
#define TIMED_IPC_SNAPSHOT_H

#include "ipc/scoreboard.h"

#include <stdbool.h>
#include <stddef.h>

struct snapshot_worker {
	int slot;
	struct scoreboard_place place;
	struct scoreboard_slot own;
	struct tally sum; /* over its services */
};

struct snapshot {
	struct scoreboard_master master;
	uint64_t now; /* CLOCK_MONOTONIC, nanoseconds */
	int worker_count;
	struct snapshot_worker workers[SCOREBOARD_SLOTS]; /* by slot */
	struct tally services[SCOREBOARD_SERVICES]; /* with workers gone */
	struct tally total;
	struct histogram lateness; /* of all */
	uint64_t log_lost;
	uint64_t log_limited;
};

struct snapshot_source {
	const void *map;
	size_t size;
};

/*
 * Map RUNTIME_DIR/scoreboard.  0, or -1 with one line of text in ERROR and
 * errno: ENOENT or EACCES as open(2) has them, EPROTO when it is no
 * scoreboard or one of another version of timed.
 */
int snapshot_open(struct snapshot_source *source, const char *runtime_dir,
		  char *error, size_t size);

void snapshot_close(struct snapshot_source *source);

/*
 * Copy and sum up.  False when the master died in the middle of a change
 * (the copy never became consistent).
 */
bool snapshot_take(const struct snapshot_source *source,
		   struct snapshot *snapshot);

/*
 * Whether the master that wrote it is alive: its process exists and it beat
 * within the last SECONDS.
 */
bool snapshot_alive(const struct snapshot *snapshot, unsigned seconds);

/* "running", "paused" ...; "unknown" for another number. */
const char *snapshot_state_name(uint32_t state);

/*
 * The connections of a service, over all workers: one that changes hands is
 * counted by two for a moment.
 */
uint64_t snapshot_connections(const struct tally *tally);

/* Since timed was started, seconds. */
uint64_t snapshot_uptime(const struct snapshot *snapshot);

/*
 * The services of the configuration, in its order, as indexes in
 * master.services; how many.
 */
int snapshot_services(const struct snapshot *snapshot,
		      int order[SCOREBOARD_SERVICES]);

#endif
