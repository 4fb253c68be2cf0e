/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys are an interface: timebench(1) lists them. */
#include "base/clock.h"
#include "tools/bench_report.h"

#include <errno.h>
#include <jansson.h>

/* "s": string, "i": integer, "b": boolean, "f": real, as jansson packs. */

static json_t *
pack_lateness(const struct histogram *late)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "p50",
			 (json_int_t)histogram_percentile(late, 50), "p90",
			 (json_int_t)histogram_percentile(late, 90), "p99",
			 (json_int_t)histogram_percentile(late, 99), "p99_9",
			 (json_int_t)histogram_percentile(late, 99.9), "max",
			 (json_int_t)late->max);
}

/* [lower, upper, count] for each bucket that holds something. */
static json_t *
pack_histogram(const struct histogram *late)
{
	json_t *list = json_array();

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t upper = histogram_upper(i);

		if (late->count[i] == 0)
			continue;
		if (upper > late->max)
			upper = late->max;
		if (json_array_append_new(
			    list, json_pack("[I, I, I]",
					    (json_int_t)histogram_lower(i),
					    (json_int_t)upper,
					    (json_int_t)late->count[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *
pack_run(const struct bench_report *report)
{
	const struct bench_plan *plan = report->plan;
	const struct sequence_rule *rule = &plan->rule;
	double interval = (double)rule->interval / CLOCK_SECOND;

	return json_pack(
		"{s:s, s:s, s:s, s:b, s:b, s:f, s:f, s:I, s:i, s:i, s:b, s:f}",
		"mode", report->options->mode, "address", report->address,
		"version", PACKAGE_VERSION, "clean", bench_report_clean(report),
		"interrupted", report->interrupted, "interval_seconds",
		interval, "window_seconds",
		interval * (double)report->boundaries, "boundaries",
		(json_int_t)report->boundaries, "load_processes",
		(int)plan->processes, "line_bytes",
		(int)(rule->length + rule->newline), "newline", rule->newline,
		"load_cpu_seconds", (double)report->load_cpu / CLOCK_SECOND);
}

static json_t *
pack_connections(const struct bench_report *report)
{
	double seconds = report->connect_seconds;

	return json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I}",
			 "connections_asked",
			 (json_int_t)report->options->connections,
			 "connections_made", (json_int_t)report->made,
			 "connections_failed", (json_int_t)report->failed,
			 "connections_lost", (json_int_t)report->lost,
			 "connect_seconds", seconds, "connections_per_second",
			 seconds > 0 ? report->made / seconds : 0.0,
			 "unread_asked", (json_int_t)report->options->unread,
			 "unread_made", (json_int_t)report->unread_made,
			 "unread_failed", (json_int_t)report->unread_failed,
			 "unread_closed", (json_int_t)report->unread_closed);
}

static json_t *
pack_ticks(const struct bench_report *report)
{
	const struct sequence_counts *counts = &report->counts;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
			 "ticks_expected", (json_int_t)report->expected,
			 "ticks_received", (json_int_t)counts->received,
			 "ticks_missed", (json_int_t)counts->missed,
			 "ticks_doubled", (json_int_t)counts->doubled,
			 "ticks_backwards", (json_int_t)counts->backwards,
			 "ticks_garbled", (json_int_t)counts->garbled,
			 "ticks_early", (json_int_t)counts->early,
			 "lateness_us", pack_lateness(&counts->lateness),
			 "lateness_histogram_us",
			 pack_histogram(&counts->lateness));
}

/* A number of kB, or null. */
static json_t *
pack_kb(long kb)
{
	return kb < 0 ? json_null() : json_integer(kb);
}

static json_t *
pack_process(const struct bench_report *report, const struct bench_proc *proc)
{
	const struct bench_proc *before =
		bench_proc_find(&report->before, proc->pid);
	int64_t cpu = proc->cpu - (before ? before->cpu : 0);

	return json_pack("{s:i, s:i, s:s, s:f, s:o, s:o, s:o}", "pid",
			 (int)proc->pid, "parent_pid", (int)proc->parent,
			 "name", proc->name, "cpu_seconds",
			 (double)cpu / CLOCK_SECOND, "rss_kb",
			 pack_kb(proc->rss_kb), "rollup_rss_kb",
			 pack_kb(proc->rollup_rss_kb), "rollup_pss_kb",
			 pack_kb(proc->rollup_pss_kb));
}

static json_t *
pack_server(const struct bench_report *report)
{
	json_t *processes = json_array();
	long rss = 0, pss = 0;

	for (size_t i = 0; i < report->after.count; i++) {
		const struct bench_proc *proc = &report->after.entries[i];

		rss += proc->rss_kb > 0 ? proc->rss_kb : 0;
		if (proc->rollup_pss_kb < 0)
			pss = -1;
		if (pss >= 0)
			pss += proc->rollup_pss_kb;
		if (json_array_append_new(processes,
					  pack_process(report, proc)) < 0) {
			json_decref(processes);
			return NULL;
		}
	}
	return json_pack("{s:f, s:f, s:I, s:o, s:o}", "cpu_seconds",
			 (double)bench_report_server_cpu(report) / CLOCK_SECOND,
			 "cpu_us_per_tick", bench_report_cpu_per_tick(report),
			 "rss_kb", (json_int_t)rss, "pss_kb", pack_kb(pss),
			 "processes", processes);
}

/* Move all of FROM into INTO; false when either could not be made. */
static bool
move(json_t *into, json_t *from)
{
	bool moved = from && json_object_update(into, from) == 0;

	json_decref(from);
	return moved;
}

int
bench_report_json(const struct bench_report *report, FILE *out)
{
	json_t *object = json_object();
	bool whole = move(object, pack_run(report)) &&
		     move(object, pack_connections(report)) &&
		     move(object, pack_ticks(report));
	int status = -1;

	if (whole && report->server)
		whole = json_object_set_new(object, "server",
					    pack_server(report)) == 0;
	errno = ENOMEM;
	if (whole && json_dumpf(object, out, JSON_REAL_PRECISION(9)) == 0 &&
	    fputc('\n', out) != EOF)
		status = 0;
	json_decref(object);
	return status;
}
