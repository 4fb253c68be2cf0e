/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/status_json.h"

#include "base/clock.h"
#include "ipc/turnover.h"

#include <string.h>
#include <time.h>

/* Whoever wrote it: a count is not negative. */
static void
set_count(json_t *object, const char *key, uint64_t value)
{
	if (value > INT64_MAX)
		value = INT64_MAX;
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

json_t *
status_workers(const struct snapshot *snapshot)
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
	set_count(object, "connections", snapshot_connections(tally));
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

json_t *
status_services(const struct snapshot *snapshot)
{
	int order[SCOREBOARD_SERVICES];
	int count = snapshot_services(snapshot, order);
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
restarts_json(const struct scoreboard_master *master)
{
	json_t *object = json_object();

	for (int i = 0; i < SIDES; i++)
		set_count(object, side_names[i], master->restarts[i]);
	return object;
}

/* The last one first. */
static json_t *
handoffs_json(const struct scoreboard_master *master)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < SCOREBOARD_HANDOFFS && i < master->handoffs;
	     i++) {
		const struct scoreboard_handoff *one =
			&master->handoff[(master->handoffs - 1 - i) %
					 SCOREBOARD_HANDOFFS];
		json_t *object = json_object();
		char text[STATUS_TIME];

		status_time(one->when, text);
		json_object_set_new(object, "time", json_string(text));
		json_object_set_new(
			object, "cause",
			json_string(turnover_cause_name(one->cause)));
		set_count(object, "generation", one->generation);
		set_count(object, "connections", one->connections);
		set_count(object, "took_us",
			  one->took / (uint64_t)CLOCK_MICROSECOND);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
pages_json(const struct scoreboard_master *master)
{
	json_t *array = json_array();

	for (uint64_t i = 0; i < master->page_count; i++)
		json_array_append_new(array, json_string(master->pages[i]));
	return array;
}

void
status_time(int64_t when, char text[STATUS_TIME])
{
	time_t seconds = (time_t)when;
	struct tm tm;

	/* The file may hold anything. */
	if (!gmtime_r(&seconds, &tm) ||
	    !strftime(text, STATUS_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
}

json_t *
status_object(const struct snapshot *snapshot)
{
	const struct scoreboard_master *master = &snapshot->master;
	json_t *object = json_object();
	char text[STATUS_TIME];

	status_time(master->started, text);
	json_object_set_new(object, "version", json_string(master->version));
	set_count(object, "pid", (uint64_t)master->pid);
	json_object_set_new(object, "state",
			    json_string(snapshot_state_name(master->state)));
	set_count(object, "generation", master->generation);
	json_object_set_new(object, "started", json_string(text));
	set_count(object, "uptime_seconds", snapshot_uptime(snapshot));
	set_count(object, "reloads", master->reloads);
	set_count(object, "reloads_refused", master->reloads_refused);
	set_count(object, "upgrades", master->upgrades);
	set_count(object, "upgrades_refused", master->upgrades_refused);
	json_object_set_new(object, "restarts", restarts_json(master));
	json_object_set_new(object, "handoffs", handoffs_json(master));
	json_object_set_new(object, "status_page", pages_json(master));
	json_object_set_new(object, "workers", status_workers(snapshot));
	json_object_set_new(object, "services", status_services(snapshot));
	json_object_set_new(object, "totals", totals_json(snapshot));
	return object;
}
