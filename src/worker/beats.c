/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/beats.h"

#include "base/log.h"

static void
fill(const struct beats *beats, const struct histogram *lateness,
     struct report_beat *beat)
{
	beat->lateness_max = lateness->max;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		beat->lateness[i] =
			(uint32_t)(lateness->count[i] -
				   beats->reported_lateness.count[i]);
}

void
beats_send(struct beats *beats, struct scoreboard_slot *slot,
	   const struct instance *instances, int instance_count,
	   uint32_t connections)
{
	struct report_beat beat = { .connections = connections };
	struct tally sum = { 0 };

	for (int i = 0; i < instance_count; i++)
		tally_add(&sum, instances[i].tally);
	beat.delta = sum;
	tally_subtract(&beat.delta, &beats->reported);
	fill(beats, &slot->lateness, &beat);
	if (report_beat(&beats->report, &beat)) {
		beats->reported = sum;
		beats->reported_lateness = slot->lateness;
	}
	log_flush();
	counter_set(&slot->reports_lost, beats->report.lost);
	counter_set(&slot->log_lost, log_lost());
	counter_set(&slot->log_limited, log_limited());
}
