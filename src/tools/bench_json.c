/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys are an interface: timebench(1) lists them. */
#include "base/clock.h"
#include "tools/bench_pack.h"
#include "tools/bench_report.h"

#include <jansson.h>

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
			 "lateness_us",
			 bench_pack_percentiles(&counts->lateness),
			 "lateness_histogram_us",
			 bench_pack_histogram(&counts->lateness));
}

int
bench_report_json(const struct bench_report *report, FILE *out)
{
	json_t *object = json_object();
	bool whole = bench_pack_into(object, pack_run(report)) &&
		     bench_pack_into(object, pack_connections(report)) &&
		     bench_pack_into(object, pack_ticks(report));

	if (whole && report->server.asked)
		whole = json_object_set_new(
				object, "server",
				bench_server_json(
					&report->server, "cpu_us_per_tick",
					report->counts.received)) == 0;
	return bench_pack_show(object, whole, out);
}
