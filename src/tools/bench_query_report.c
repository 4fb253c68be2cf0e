/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_query_report.h"

#include "base/clock.h"
#include "tools/bench_plot.h"

#include <inttypes.h>
#include <string.h>

void
query_report_add(struct query_report *report, const struct query_result *result)
{
	struct query_counts *into = &report->counts;
	const struct query_counts *from = &result->counts;

	into->sent += from->sent;
	into->answered += from->answered;
	into->wrong += from->wrong;
	into->refused += from->refused;
	into->failed += from->failed;
	into->lost += from->lost;
	into->unsynchronised += from->unsynchronised;
	into->stray += from->stray;
	into->unsent += from->unsent;
	histogram_merge(&into->latency, &from->latency);
	report->load_cpu += result->cpu;
	if (report->error == 0)
		report->error = result->error;
}

bool
query_report_clean(const struct query_report *report)
{
	const struct query_counts *counts = &report->counts;

	return counts->sent > 0 && counts->answered == counts->sent &&
	       counts->stray == 0 && counts->unsent == 0;
}

double
query_report_rate(const struct query_report *report)
{
	if (report->seconds <= 0)
		return 0;
	return (double)report->counts.answered / report->seconds;
}

double
query_report_loss(const struct query_report *report)
{
	if (report->counts.sent == 0)
		return 0;
	return (double)report->counts.lost / (double)report->counts.sent;
}

static void
print_head(const struct query_report *report, FILE *out)
{
	const struct query_plan *plan = report->plan;

	fprintf(out, "%s %s over %s, ", report->options->mode, report->address,
		plan->udp ? "UDP" : "TCP");
	if (plan->rate > 0)
		fprintf(out, "%.0f requests a second", plan->rate);
	else
		fprintf(out, "%" PRIu32 " outstanding", plan->outstanding);
	if (plan->batch > 1)
		fprintf(out, ", %s%" PRIu32 " at once",
			plan->rate > 0 ? "at most " : "", plan->batch);
	if (plan->ask->kept)
		fprintf(out, ", %zu bytes each", plan->request);
	fprintf(out,
		"\nwindow       %.3f s%s; %" PRIu32
		" load process%s, %.2f s of CPU\n",
		report->seconds, report->interrupted ? ", cut short" : "",
		plan->processes, plan->processes == 1 ? "" : "es",
		(double)report->load_cpu / CLOCK_SECOND);
}

static void
print_requests(const struct query_report *report, FILE *out)
{
	const struct query_counts *counts = &report->counts;

	fprintf(out,
		"requests     sent %" PRIu64 "  answered %" PRIu64
		"  lost %" PRIu64 "  wrong %" PRIu64 "  refused %" PRIu64
		"  failed %" PRIu64 "\n",
		counts->sent, counts->answered, counts->lost, counts->wrong,
		counts->refused, counts->failed);
	if (counts->unsynchronised > 0)
		fprintf(out,
			"             of a clock that is not set: %" PRIu64
			"\n",
			counts->unsynchronised);
	if (counts->stray > 0)
		fprintf(out, "             answers to nothing: %" PRIu64 "\n",
			counts->stray);
	if (counts->unsent > 0)
		fprintf(out, "             not sent in time: %" PRIu64 "\n",
			counts->unsent);
	if (report->error != 0)
		fprintf(out, "             the first that failed: %s\n",
			strerror(report->error));
	fprintf(out, "rate         %.0f answers a second, loss %.4f%%\n",
		query_report_rate(report), query_report_loss(report) * 100);
}

void
query_report_text(const struct query_report *report, FILE *out)
{
	const struct histogram *latency = &report->counts.latency;

	print_head(report, out);
	print_requests(report, out);
	fprintf(out,
		"latency us   p50 %" PRIu64 "  p90 %" PRIu64 "  p99 %" PRIu64
		"  p99.9 %" PRIu64 "  max %" PRIu64 "\n",
		histogram_percentile(latency, 50),
		histogram_percentile(latency, 90),
		histogram_percentile(latency, 99),
		histogram_percentile(latency, 99.9), latency->max);
	if (report->server.asked)
		bench_server_text(&report->server, "request",
				  report->counts.answered, out);
}

int
query_report_plot(const struct query_report *report, const char *path)
{
	char title[128];
	struct bench_plot_texts texts = {
		.title = title,
		.value = "latency",
		.axis = "time from request to answer",
		.counted = "answers",
	};

	snprintf(title, sizeof(title),
		 "%s over %s: %.0f answers a second, %" PRIu64 " of %" PRIu64,
		 report->options->mode, report->plan->udp ? "UDP" : "TCP",
		 query_report_rate(report), report->counts.answered,
		 report->counts.sent);
	return bench_plot(&report->counts.latency, &texts, path);
}
