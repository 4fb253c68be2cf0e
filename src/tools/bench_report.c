/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_report.h"

#include "base/clock.h"
#include "tools/bench_plot.h"

#include <inttypes.h>
#include <string.h>

void
bench_report_add(struct bench_report *report, const struct bench_result *result)
{
	report->made += result->made;
	report->failed += result->failed;
	report->lost += result->lost;
	report->unread_made += result->unread_made;
	report->unread_failed += result->unread_failed;
	report->unread_closed += result->unread_closed;
	report->load_cpu += result->cpu;
	if (report->error == 0)
		report->error = result->error;
	sequence_merge(&report->counts, &result->counts);
}

bool
bench_report_clean(const struct bench_report *report)
{
	const struct sequence_counts *counts = &report->counts;

	return report->made == report->options->connections &&
	       report->failed == 0 && report->lost == 0 &&
	       counts->received == report->expected && counts->missed == 0 &&
	       counts->doubled == 0 && counts->backwards == 0 &&
	       counts->garbled == 0;
}

static double
seconds(int64_t nanoseconds)
{
	return (double)nanoseconds / CLOCK_SECOND;
}

static void
print_head(const struct bench_report *report, FILE *out)
{
	const struct sequence_rule *rule = &report->plan->rule;

	fprintf(out, "%s %s, every %g s, lines of %" PRIu32 " bytes%s\n",
		report->options->mode, report->address, seconds(rule->interval),
		rule->length + rule->newline,
		rule->newline ? "" : " without newline");
	fprintf(out,
		"window       %" PRId64 " boundaries%s; %" PRIu32
		" load process%s, %.2f s of CPU\n",
		report->boundaries, report->interrupted ? ", cut short" : "",
		report->plan->processes,
		report->plan->processes == 1 ? "" : "es",
		seconds(report->load_cpu));
}

static void
print_connections(const struct bench_report *report, FILE *out)
{
	double rate = report->connect_seconds > 0
			      ? report->made / report->connect_seconds
			      : 0;

	fprintf(out,
		"connections  asked %" PRIu32 "  made %" PRIu32
		"  failed %" PRIu32 "  lost %" PRIu32
		"  (%.3f s to connect, %.0f/s)\n",
		report->options->connections, report->made, report->failed,
		report->lost, report->connect_seconds, rate);
	if (report->error != 0)
		fprintf(out, "             the first that failed: %s\n",
			strerror(report->error));
	if (report->options->unread > 0)
		fprintf(out,
			"unread       asked %" PRIu32 "  made %" PRIu32
			"  failed %" PRIu32 "  closed by the server %" PRIu32
			"\n",
			report->options->unread, report->unread_made,
			report->unread_failed, report->unread_closed);
}

static void
print_ticks(const struct bench_report *report, FILE *out)
{
	const struct sequence_counts *counts = &report->counts;
	const struct histogram *late = &counts->lateness;

	fprintf(out,
		"ticks        received %" PRIu64 " of %" PRIu64
		"  missed %" PRIu64 "  doubled %" PRIu64 "  backwards %" PRIu64
		"  garbled %" PRIu64 "\n",
		counts->received, report->expected, counts->missed,
		counts->doubled, counts->backwards, counts->garbled);
	if (counts->early > 0)
		fprintf(out,
			"             before their boundary: %" PRIu64 "\n",
			counts->early);
	fprintf(out,
		"lateness us  p50 %" PRIu64 "  p90 %" PRIu64 "  p99 %" PRIu64
		"  p99.9 %" PRIu64 "  max %" PRIu64 "\n",
		histogram_percentile(late, 50), histogram_percentile(late, 90),
		histogram_percentile(late, 99),
		histogram_percentile(late, 99.9), late->max);
}

void
bench_report_text(const struct bench_report *report, FILE *out)
{
	print_head(report, out);
	print_connections(report, out);
	print_ticks(report, out);
	if (report->server.asked)
		bench_server_text(&report->server, "tick",
				  report->counts.received, out);
}

int
bench_report_plot(const struct bench_report *report, const char *path)
{
	char title[128];
	struct bench_plot_texts texts = {
		.title = title,
		.value = "lateness",
		.axis = "time after the boundary",
		.counted = "ticks",
	};

	snprintf(title, sizeof(title),
		 "%s: %" PRIu32 " connections, %" PRIu64 " ticks",
		 report->options->mode, report->made, report->counts.received);
	return bench_plot(&report->counts.lateness, &texts, path);
}
