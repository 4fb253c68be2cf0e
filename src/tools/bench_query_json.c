/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys are an interface: timebench(1) lists them. */
#include "base/clock.h"
#include "tools/bench_pack.h"
#include "tools/bench_query_report.h"

static json_t *
pack_run(const struct query_report *report)
{
	const struct query_plan *plan = report->plan;

	return json_pack(
		"{s:s, s:s, s:s, s:b, s:b, s:s, s:f, s:i, s:f, s:I, s:I, s:f, s:f}",
		"mode", report->options->mode, "address", report->address,
		"version", PACKAGE_VERSION, "clean", query_report_clean(report),
		"interrupted", report->interrupted, "transport",
		plan->udp ? "udp" : "tcp", "window_seconds", report->seconds,
		"load_processes", (int)plan->processes, "load_cpu_seconds",
		(double)report->load_cpu / CLOCK_SECOND, "outstanding",
		(json_int_t)plan->outstanding, "batch", (json_int_t)plan->batch,
		"rate_asked", plan->rate, "timeout_seconds",
		(double)plan->timeout / CLOCK_SECOND);
}

static json_t *
pack_requests(const struct query_report *report)
{
	const struct query_counts *counts = &report->counts;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:o}",
		"requests_sent", (json_int_t)counts->sent, "requests_answered",
		(json_int_t)counts->answered, "requests_lost",
		(json_int_t)counts->lost, "requests_wrong",
		(json_int_t)counts->wrong, "requests_refused",
		(json_int_t)counts->refused, "requests_failed",
		(json_int_t)counts->failed, "requests_unsent",
		(json_int_t)counts->unsent, "answers_unsynchronised",
		(json_int_t)counts->unsynchronised, "answers_stray",
		(json_int_t)counts->stray, "answers_per_second",
		query_report_rate(report), "loss", query_report_loss(report),
		"latency_us", bench_pack_percentiles(&counts->latency),
		"latency_histogram_us", bench_pack_histogram(&counts->latency));
}

int
query_report_json(const struct query_report *report, FILE *out)
{
	json_t *object = json_object();
	bool whole = bench_pack_into(object, pack_run(report)) &&
		     bench_pack_into(object, pack_requests(report));

	if (whole && report->plan->ask->kept)
		whole = json_object_set_new(
				object, "request_bytes",
				json_integer(
					(json_int_t)report->plan->request)) ==
			0;
	if (whole && report->server.asked)
		whole = json_object_set_new(
				object, "server",
				bench_server_json(
					&report->server, "cpu_us_per_request",
					report->counts.answered)) == 0;
	return bench_pack_show(object, whole, out);
}
