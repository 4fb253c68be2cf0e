/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/metrics.h"

#include <inttypes.h>
#include <stddef.h>

static void
head(struct text *text, const char *name, const char *type, const char *help)
{
	text_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		    type);
}

static void
number(struct text *text, const char *name, uint64_t value)
{
	text_format(text, "%s %" PRIu64 "\n", name, value);
}

/* MICROSECONDS in seconds: exact, where a double's text need not be. */
static void
seconds(struct text *text, const char *name, uint64_t microseconds)
{
	text_format(text, "%s %" PRIu64 ".%06" PRIu64 "\n", name,
		    microseconds / 1000000, microseconds % 1000000);
}

/* --- of timed as a whole --- */

#define OF_MASTER(member) offsetof(struct snapshot, master.member)

/* Counters, 64 bits each, and where they are in a snapshot. */
static const struct {
	const char *name;
	const char *help;
	size_t offset;
} counters[] = {
	{ "timed_reloads_total", "Reloads that were made.",
	  OF_MASTER(reloads) },
	{ "timed_reloads_refused_total",
	  "Reloads that were refused, and left everything as it was.",
	  OF_MASTER(reloads_refused) },
	{ "timed_upgrades_total", "Upgrades to another program.",
	  OF_MASTER(upgrades) },
	{ "timed_upgrades_refused_total",
	  "Upgrades that were refused, or went back to the old program.",
	  OF_MASTER(upgrades_refused) },
	{ "timed_handoffs_total",
	  "Generations of workers that took over from the one before.",
	  OF_MASTER(handoffs) },
	{ "timed_log_records_lost_total",
	  "Records for the log that there was no room for.",
	  offsetof(struct snapshot, log_lost) },
	{ "timed_log_records_limited_total",
	  "Records for the log above its rate.",
	  offsetof(struct snapshot, log_limited) },
};

static void
write_counters(const struct figures *figures, struct text *text)
{
	const char *base = (const char *)&figures->snapshot;

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		head(text, counters[i].name, "counter", counters[i].help);
		number(text, counters[i].name,
		       *(const uint64_t *)(const void *)(base +
							 counters[i].offset));
	}
}

static void
write_master(const struct figures *figures, struct text *text)
{
	const struct scoreboard_master *master = &figures->snapshot.master;

	head(text, "timed_build_info", "gauge",
	     "Always 1; the label is the version of timed that runs.");
	text_format(text, "timed_build_info{version=\"%s\"} 1\n",
		    master->version);
	head(text, "timed_start_time_seconds", "gauge",
	     "When timed was started, in seconds since the epoch.");
	number(text, "timed_start_time_seconds", (uint64_t)master->started);
	head(text, "timed_state", "gauge",
	     "1 for the state that timed is in, 0 for the others.");
	for (uint32_t i = MASTER_STARTING; i <= MASTER_STOPPING; i++)
		text_format(text, "timed_state{state=\"%s\"} %d\n",
			    snapshot_state_name(i), master->state == i);
	head(text, "timed_generation", "gauge",
	     "The generation of workers that serves.");
	number(text, "timed_generation", master->generation);
}

static void
write_restarts(const struct figures *figures, struct text *text)
{
	const struct scoreboard_master *master = &figures->snapshot.master;

	head(text, "timed_restarts_total", "counter",
	     "Processes that died unasked and were replaced.");
	text_format(text,
		    "timed_restarts_total{process=\"worker\"} %" PRIu64 "\n",
		    master->crashes);
	for (int i = 0; i < SIDES; i++)
		text_format(text,
			    "timed_restarts_total{process=\"%s\"} %" PRIu64
			    "\n",
			    side_names[i], master->restarts[i]);
}

/* --- of workers --- */

static void
write_workers(const struct figures *figures, struct text *text)
{
	const struct snapshot *snapshot = &figures->snapshot;
	unsigned count[WORKER_STOPPING + 1] = { 0 };

	for (int i = 0; i < snapshot->worker_count; i++)
		if (snapshot->workers[i].place.state <= WORKER_STOPPING)
			count[snapshot->workers[i].place.state]++;
	head(text, "timed_workers", "gauge", "Worker processes, by state.");
	for (uint32_t i = WORKER_STARTING; i <= WORKER_STOPPING; i++)
		text_format(text, "timed_workers{state=\"%s\"} %u\n",
			    worker_state_name(i), count[i]);
	head(text, "timed_worker_connections", "gauge",
	     "Connections that a worker has, by its slot in the scoreboard.");
	for (int i = 0; i < snapshot->worker_count; i++)
		text_format(text,
			    "timed_worker_connections{slot=\"%d\"} %" PRIu64
			    "\n",
			    snapshot->workers[i].slot,
			    tally_connections(&snapshot->workers[i].sum));
}

/*
 * Powers of two from 16 us to 8 s: there a bucket of the histogram ends.  It
 * holds whole microseconds, those below a power being less than that.
 */
static void
write_lateness(const struct figures *figures, struct text *text)
{
	enum {
		FIRST = 4,
		LAST = 23
	};
	const struct histogram *late = &figures->snapshot.lateness;
	uint64_t below = 0;
	int bucket = 0;

	head(text, "timed_tick_lateness_seconds", "histogram",
	     "How late lines of streams were sent after their second began.");
	for (int i = FIRST; i <= LAST; i++) {
		uint64_t edge = UINT64_C(1) << i;

		while (histogram_upper(bucket) < edge)
			below += late->count[bucket++];
		text_format(text,
			    "timed_tick_lateness_seconds_bucket{le=\"%" PRIu64
			    ".%06" PRIu64 "\"} %" PRIu64 "\n",
			    edge / 1000000, edge % 1000000, below);
	}
	text_format(text,
		    "timed_tick_lateness_seconds_bucket{le=\"+Inf\"} %" PRIu64
		    "\n",
		    histogram_total(late));
	seconds(text, "timed_tick_lateness_seconds_sum", late->sum);
	number(text, "timed_tick_lateness_seconds_count",
	       histogram_total(late));
}

/* --- of services --- */

/* Those that are gone from the configuration are told of, too: their clients
 * may still be here, and a sum over all must not become less. */
static bool
known(const struct figures *figures, int service)
{
	return figures->snapshot.master.services[service].name[0] != '\0';
}

static void
of_service(struct text *text, const struct figures *figures, int service,
	   const char *name)
{
	const struct scoreboard_service *one =
		&figures->snapshot.master.services[service];

	text_format(text, "%s{service=\"%s\",type=\"%s\"", name, one->name,
		    one->type);
}

#define OF_TALLY(member) offsetof(struct tally, member)

static const struct {
	const char *name;
	const char *help;
	size_t offset;
} tallies[] = {
	{ "timed_connections_accepted_total", "Connections that came.",
	  OF_TALLY(accepted) },
	{ "timed_connections_closed_total", "Connections that ended.",
	  OF_TALLY(closed) },
	{ "timed_connections_handed_over_total",
	  "Connections that changed hands, from one worker to the next.",
	  OF_TALLY(handed) },
	{ "timed_requests_total", "Requests that were answered.",
	  OF_TALLY(requests) },
	{ "timed_ticks_total", "Lines of a stream that a client was sent.",
	  OF_TALLY(ticks) },
	{ "timed_ticks_skipped_total",
	  "Lines of a stream that a client had no room for.",
	  OF_TALLY(skipped) },
	{ "timed_received_bytes_total", "Bytes that came from clients.",
	  OF_TALLY(bytes_in) },
	{ "timed_sent_bytes_total", "Bytes that went to clients.",
	  OF_TALLY(bytes_out) },
};

static void
write_tallies(const struct figures *figures, struct text *text)
{
	for (size_t i = 0; i < sizeof(tallies) / sizeof(*tallies); i++) {
		head(text, tallies[i].name, "counter", tallies[i].help);
		for (int k = 0; k < SCOREBOARD_SERVICES; k++) {
			const char *tally =
				(const char *)&figures->snapshot.services[k];

			if (!known(figures, k))
				continue;
			of_service(text, figures, k, tallies[i].name);
			text_format(
				text, "} %" PRIu64 "\n",
				*(const uint64_t
					  *)(const void *)(tally +
							   tallies[i].offset));
		}
	}
}

static void
write_refusals(const struct figures *figures, struct text *text)
{
	head(text, "timed_refusals_total", "counter",
	     "Connections and datagrams that were turned away, by reason.");
	for (int k = 0; k < SCOREBOARD_SERVICES; k++)
		for (int i = 0; known(figures, k) && i < REFUSALS; i++) {
			const struct tally *tally =
				&figures->snapshot.services[k];

			of_service(text, figures, k, "timed_refusals_total");
			text_format(text, ",reason=\"%s\"} %" PRIu64 "\n",
				    refusal_names[i], tally->refused_by[i]);
		}
}

static void
write_services(const struct figures *figures, struct text *text)
{
	const struct scoreboard_service *all =
		figures->snapshot.master.services;

	head(text, "timed_connections", "gauge", "Connections there are.");
	for (int k = 0; k < SCOREBOARD_SERVICES; k++) {
		if (!known(figures, k))
			continue;
		of_service(text, figures, k, "timed_connections");
		text_format(
			text, "} %" PRIu64 "\n",
			snapshot_connections(&figures->snapshot.services[k]));
	}
	head(text, "timed_service_paused", "gauge",
	     "1 for a service that takes no clients, as an operator wished.");
	for (int k = 0; k < SCOREBOARD_SERVICES; k++) {
		if (!known(figures, k) || !all[k].active)
			continue;
		of_service(text, figures, k, "timed_service_paused");
		text_format(text, "} %d\n", all[k].paused != 0);
	}
}

/* --- of the clock, and of those who ask --- */

/* No value is better than one that is not so. */
static void
write_clock(const struct figures *figures, struct text *text)
{
	if (!figures->clock.known)
		return;
	head(text, "timed_clock_synchronised", "gauge",
	     "1 when somebody keeps the system's clock, and it is right.");
	number(text, "timed_clock_synchronised", figures->clock.synchronised);
	head(text, "timed_clock_maximum_error_seconds", "gauge",
	     "What the system's clock may be off by at most.");
	seconds(text, "timed_clock_maximum_error_seconds",
		figures->clock.maximum_error);
	head(text, "timed_clock_estimated_error_seconds", "gauge",
	     "What the system's clock is off by, as far as is known.");
	seconds(text, "timed_clock_estimated_error_seconds",
		figures->clock.estimated_error);
}

static void
write_status(const struct figures *figures, struct text *text)
{
	head(text, "timed_status_connections", "gauge",
	     "Connections to the status page itself.");
	number(text, "timed_status_connections", figures->guests);
	head(text, "timed_status_streams", "gauge",
	     "Those of them that follow its events.");
	number(text, "timed_status_streams", figures->streams);
}

void
metrics_write(const struct figures *figures, struct text *text)
{
	write_master(figures, text);
	write_counters(figures, text);
	write_restarts(figures, text);
	write_workers(figures, text);
	write_services(figures, text);
	write_tallies(figures, text);
	write_refusals(figures, text);
	write_lateness(figures, text);
	write_clock(figures, text);
	write_status(figures, text);
}
