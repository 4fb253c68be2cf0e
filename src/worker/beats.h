/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker tells the master once a second: that it is alive, and what
 * happened since the last beat that the report pipe took.
 */
#ifndef TIMED_WORKER_BEATS_H
#define TIMED_WORKER_BEATS_H

#include "base/histogram.h"
#include "ipc/report.h"
#include "ipc/scoreboard.h"
#include "worker/service.h"

struct beats {
	struct report_writer report;
	struct tally reported; /* sums as of the last beat */
	struct histogram reported_lateness;
};

/*
 * Send one, with CONNECTIONS that there are now; write the log that waits, and
 * to SLOT what neither pipe could take.
 */
void beats_send(struct beats *beats, struct scoreboard_slot *slot,
		const struct instance *instances, int instance_count,
		uint32_t connections);

#endif
