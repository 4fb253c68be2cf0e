/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/status.h"

#include "base/clock.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *
state_name(uint32_t state)
{
	static const char *const names[] = {
		[MASTER_STARTING] = "starting",
		[MASTER_RUNNING] = "running",
		[MASTER_PAUSED] = "paused",
		[MASTER_STOPPING] = "stopping",
	};

	return state < sizeof(names) / sizeof(*names) ? names[state]
						      : "unknown";
}

/* Of all workers: one that changes hands is counted by two for a moment. */
static uint64_t
connections_of(const struct tally *tally)
{
	return tally->accepted > tally->closed ? tally->accepted - tally->closed
					       : 0;
}

static uint64_t
uptime(const struct snapshot *snapshot)
{
	uint64_t since = snapshot->master.started_monotonic;

	return snapshot->now > since
		       ? (snapshot->now - since) / (uint64_t)CLOCK_SECOND
		       : 0;
}

/* Services of the configuration, in its order; how many. */
static int
active_services(const struct snapshot *snapshot, int order[SCOREBOARD_SERVICES])
{
	const struct scoreboard_service *all = snapshot->master.services;
	int count = 0;

	for (int i = 0; i < SCOREBOARD_SERVICES; i++) {
		int at = count;

		if (!all[i].active || !all[i].name[0])
			continue;
		while (at > 0 && all[order[at - 1]].order > all[i].order) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		count++;
	}
	return count;
}

/* --- text --- */

static void
print_head(const struct snapshot *snapshot, FILE *out)
{
	const struct scoreboard_master *master = &snapshot->master;
	uint64_t seconds = uptime(snapshot);

	fprintf(out,
		"timed %s, pid %d, %s for %" PRIu64 "d %02u:%02u:%02u\n"
		"generation %" PRIu32 ", %" PRIu64 " reloads (%" PRIu64
		" refused), %" PRIu64 " worker crashes\n",
		master->version, master->pid, state_name(master->state),
		seconds / 86400, (unsigned)(seconds / 3600 % 24),
		(unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60),
		master->generation, master->reloads, master->reloads_refused,
		master->crashes);
	if (snapshot->log_lost || snapshot->log_limited)
		fprintf(out,
			"log: %" PRIu64 " records lost, %" PRIu64
			" left out by the rate bound\n",
			snapshot->log_lost, snapshot->log_limited);
	fputc('\n', out);
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
	fputc('\n', out);
}

static void
print_services(const struct snapshot *snapshot, FILE *out)
{
	const struct scoreboard_master *master = &snapshot->master;
	int order[SCOREBOARD_SERVICES];
	int count = active_services(snapshot, order);

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
			service->name, service->type, connections_of(tally),
			tally->accepted, tally->closed, tally->requests,
			tally->refused, tally->bytes_out);
		for (uint32_t k = 0; k < master->listener_count; k++)
			if (master->listeners[k].service == (uint32_t)order[i])
				fprintf(out, " %s", master->listeners[k].text);
		fprintf(out, "%s\n", service->paused ? " (paused)" : "");
	}
}

bool
status_text(const struct snapshot *snapshot, FILE *out)
{
	print_head(snapshot, out);
	print_workers(snapshot, out);
	print_services(snapshot, out);
	return fflush(out) == 0;
}

/* --- JSON --- */

static void
set_count(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *
lateness_json(const struct histogram *late)
{
	json_t *object = json_object();

	set_count(object, "p50", histogram_percentile(late, 50));
	set_count(object, "p99", histogram_percentile(late, 99));
	set_count(object, "max", late->max);
	return object;
}

static json_t *
workers_json(const struct snapshot *snapshot)
{
	json_t *array = json_array();

	for (int i = 0; i < snapshot->worker_count; i++) {
		const struct snapshot_worker *worker = &snapshot->workers[i];
		json_t *object = json_object();

		set_count(object, "slot", (uint64_t)worker->slot);
		set_count(object, "number", worker->place.number);
		set_count(object, "pid", (uint64_t)worker->place.pid);
		set_count(object, "generation", worker->place.generation);
		json_object_set_new(
			object, "state",
			json_string(worker_state_name(worker->place.state)));
		set_count(object, "connections",
			  tally_connections(&worker->sum));
		set_count(object, "accepted", worker->sum.accepted);
		set_count(object, "closed", worker->sum.closed);
		set_count(object, "ticks", worker->sum.ticks);
		set_count(object, "skipped", worker->sum.skipped);
		json_object_set_new(object, "lateness_us",
				    lateness_json(&worker->own.lateness));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
refused_by_json(const struct tally *tally)
{
	json_t *object = json_object();

	for (int i = 0; i < REFUSALS; i++)
		set_count(object, refusal_names[i], tally->refused_by[i]);
	return object;
}

static void
set_tally(json_t *object, const struct tally *tally)
{
	set_count(object, "connections", connections_of(tally));
	set_count(object, "accepted", tally->accepted);
	set_count(object, "closed", tally->closed);
	set_count(object, "refused", tally->refused);
	json_object_set_new(object, "refused_by", refused_by_json(tally));
	set_count(object, "requests", tally->requests);
	set_count(object, "ticks", tally->ticks);
	set_count(object, "skipped", tally->skipped);
	set_count(object, "bytes_in", tally->bytes_in);
	set_count(object, "bytes_out", tally->bytes_out);
}

static json_t *
listen_json(const struct scoreboard_master *master, int service)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < master->listener_count; i++)
		if (master->listeners[i].service == (uint32_t)service)
			json_array_append_new(
				array, json_string(master->listeners[i].text));
	return array;
}

static json_t *
services_json(const struct snapshot *snapshot)
{
	int order[SCOREBOARD_SERVICES];
	int count = active_services(snapshot, order);
	json_t *array = json_array();

	for (int i = 0; i < count; i++) {
		const struct scoreboard_service *service =
			&snapshot->master.services[order[i]];
		json_t *object = json_object();

		json_object_set_new(object, "name", json_string(service->name));
		json_object_set_new(object, "type", json_string(service->type));
		json_object_set_new(object, "listen",
				    listen_json(&snapshot->master, order[i]));
		json_object_set_new(object, "paused",
				    json_boolean(service->paused));
		set_tally(object, &snapshot->services[order[i]]);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
totals_json(const struct snapshot *snapshot)
{
	json_t *object = json_object();

	set_tally(object, &snapshot->total);
	json_object_set_new(object, "lateness_us",
			    lateness_json(&snapshot->lateness));
	set_count(object, "crashes", snapshot->master.crashes);
	set_count(object, "log_lost", snapshot->log_lost);
	set_count(object, "log_limited", snapshot->log_limited);
	return object;
}

static json_t *
whole_json(const struct snapshot *snapshot)
{
	const struct scoreboard_master *master = &snapshot->master;
	json_t *object = json_object();
	time_t started = (time_t)master->started;
	char text[32];
	struct tm tm;

	/* The file may hold anything. */
	if (!gmtime_r(&started, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
	json_object_set_new(object, "version", json_string(master->version));
	set_count(object, "pid", (uint64_t)master->pid);
	json_object_set_new(object, "state",
			    json_string(state_name(master->state)));
	set_count(object, "generation", master->generation);
	json_object_set_new(object, "started", json_string(text));
	set_count(object, "uptime_seconds", uptime(snapshot));
	set_count(object, "reloads", master->reloads);
	set_count(object, "reloads_refused", master->reloads_refused);
	json_object_set_new(object, "workers", workers_json(snapshot));
	json_object_set_new(object, "services", services_json(snapshot));
	json_object_set_new(object, "totals", totals_json(snapshot));
	return object;
}

bool
status_json(const struct snapshot *snapshot, FILE *out)
{
	json_t *object = whole_json(snapshot);
	bool written = object && json_dumpf(object, out, JSON_COMPACT) == 0 &&
		       fputc('\n', out) != EOF && fflush(out) == 0;

	json_decref(object);
	return written;
}
