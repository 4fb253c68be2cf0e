/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/status.h"

#include "ipc/status_json.h"

#include <inttypes.h>

/* --- text --- */

static void
print_head(const struct snapshot *snapshot, FILE *out)
{
	const struct scoreboard_master *master = &snapshot->master;
	uint64_t seconds = snapshot_uptime(snapshot);

	fprintf(out,
		"timed %s, pid %d, %s, up %" PRIu64 "d %02u:%02u:%02u\n"
		"generation %" PRIu32 ", %" PRIu64 " reload%s (%" PRIu64
		" refused), %" PRIu64 " worker crash%s\n",
		master->version, master->pid,
		snapshot_state_name(master->state), seconds / 86400,
		(unsigned)(seconds / 3600 % 24), (unsigned)(seconds / 60 % 60),
		(unsigned)(seconds % 60), master->generation, master->reloads,
		master->reloads == 1 ? "" : "s", master->reloads_refused,
		master->crashes, master->crashes == 1 ? "" : "es");
	if (snapshot->log_lost || snapshot->log_limited)
		fprintf(out,
			"log: %" PRIu64 " records lost, %" PRIu64
			" left out by the rate bound\n",
			snapshot->log_lost, snapshot->log_limited);
}

static void
print_workers(const struct snapshot *snapshot, FILE *out)
{
	fprintf(out, "%6s %8s %4s %-9s %8s %10s %12s %9s %8s %8s %8s\n",
		"WORKER", "PID", "GEN", "STATE", "CLIENTS", "ACCEPTED", "TICKS",
		"SKIPPED", "P50 us", "P99 us", "MAX us");
	for (int i = 0; i < snapshot->worker_count; i++) {
		const struct snapshot_worker *worker = &snapshot->workers[i];
		const struct histogram *late = &worker->own.lateness;

		fprintf(out,
			"%6" PRIu32 " %8" PRId32 " %4" PRIu32 " %-9s %8" PRIu64
			" %10" PRIu64 " %12" PRIu64 " %9" PRIu64 " %8" PRIu64
			" %8" PRIu64 " %8" PRIu64 "\n",
			worker->place.number, worker->place.pid,
			worker->place.generation,
			worker_state_name(worker->place.state),
			tally_connections(&worker->sum), worker->sum.accepted,
			worker->sum.ticks, worker->sum.skipped,
			histogram_percentile(late, 50),
			histogram_percentile(late, 99), late->max);
	}
}

static void
print_services(const struct snapshot *snapshot, FILE *out)
{
	const struct scoreboard_master *master = &snapshot->master;
	int order[SCOREBOARD_SERVICES];
	int count = snapshot_services(snapshot, order);

	fprintf(out, "%-12s %-8s %8s %10s %10s %10s %8s %12s  %s\n", "SERVICE",
		"TYPE", "CLIENTS", "ACCEPTED", "CLOSED", "REQUESTS", "REFUSED",
		"BYTES OUT", "LISTENS ON");
	for (int i = 0; i < count; i++) {
		const struct scoreboard_service *service =
			&master->services[order[i]];
		const struct tally *tally = &snapshot->services[order[i]];

		fprintf(out,
			"%-12s %-8s %8" PRIu64 " %10" PRIu64 " %10" PRIu64
			" %10" PRIu64 " %8" PRIu64 " %12" PRIu64 " ",
			service->name, service->type,
			snapshot_connections(tally), tally->accepted,
			tally->closed, tally->requests, tally->refused,
			tally->bytes_out);
		for (uint32_t k = 0; k < master->listener_count; k++)
			if (master->listeners[k].service == (uint32_t)order[i])
				fprintf(out, " %s", master->listeners[k].text);
		fprintf(out, "%s\n", service->paused ? " (paused)" : "");
	}
}

bool
status_workers_text(const struct snapshot *snapshot, FILE *out)
{
	print_workers(snapshot, out);
	return fflush(out) == 0;
}

bool
status_services_text(const struct snapshot *snapshot, FILE *out)
{
	print_services(snapshot, out);
	return fflush(out) == 0;
}

bool
status_text(const struct snapshot *snapshot, FILE *out)
{
	print_head(snapshot, out);
	fputc('\n', out);
	print_workers(snapshot, out);
	fputc('\n', out);
	print_services(snapshot, out);
	return fflush(out) == 0;
}

/* --- JSON --- */

static bool
print_json(json_t *json, FILE *out)
{
	bool written = json && json_dumpf(json, out, JSON_COMPACT) == 0 &&
		       fputc('\n', out) != EOF && fflush(out) == 0;

	json_decref(json);
	return written;
}

bool
status_workers_json(const struct snapshot *snapshot, FILE *out)
{
	return print_json(status_workers(snapshot), out);
}

bool
status_services_json(const struct snapshot *snapshot, FILE *out)
{
	return print_json(status_services(snapshot), out);
}

bool
status_json(const struct snapshot *snapshot, FILE *out)
{
	return print_json(status_object(snapshot), out);
}
