/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys are an interface: timebench(1) lists them. */
#include "base/clock.h"
#include "tools/bench_chat.h"
#include "tools/bench_pack.h"

#include <inttypes.h>

bool
chat_report_clean(const struct chat_report *report)
{
	return report->order.line_count > 0 && report->lost == 0 &&
	       report->slow == 0 && report->missed == 0 &&
	       report->order.misplaced == 0 &&
	       order_missing(&report->order) == 0;
}

static double
a_second(const struct chat_report *report, uint64_t count)
{
	return report->seconds > 0 ? (double)count / report->seconds : 0;
}

void
chat_report_text(const struct chat_report *report, FILE *out)
{
	const struct bench_options *options = report->options;
	const struct order *order = &report->order;
	const struct histogram *all = &order->all_have;

	fprintf(out,
		"chat %s, %" PRIu32 " users, %" PRIu32 " of them talk, %" PRIu32
		" lines at once, %" PRIu32 " bytes each\n",
		report->address, options->connections, options->talkers,
		options->burst, options->size);
	fprintf(out, "window       %.3f s%s\n", report->seconds,
		report->interrupted ? ", cut short" : "");
	fprintf(out,
		"lines        said %" PRIu32 "  all have %" PRIu64
		"  refused %" PRIu64 "\n",
		order->line_count, order->complete, report->slow);
	fprintf(out,
		"deliveries   %" PRIu64 ", %.0f a second  missing %" PRIu64
		"  out of order %" PRIu64 "  given up %" PRIu64
		"  lost %" PRIu64 "\n",
		order->delivered, a_second(report, order->delivered),
		order_missing(order), order->misplaced, report->missed,
		report->lost);
	fprintf(out,
		"all have us  p50 %" PRIu64 "  p90 %" PRIu64 "  p99 %" PRIu64
		"  p99.9 %" PRIu64 "  max %" PRIu64 "\n",
		histogram_percentile(all, 50), histogram_percentile(all, 90),
		histogram_percentile(all, 99), histogram_percentile(all, 99.9),
		all->max);
	if (report->server.asked)
		bench_server_text(&report->server, "delivery", order->delivered,
				  out);
}

static json_t *
pack(const struct chat_report *report)
{
	const struct bench_options *options = report->options;
	const struct order *order = &report->order;

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:b, s:b, s:f, s:I, s:I, s:I, s:I, s:I,"
		" s:I, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:I, s:o, s:o}",
		"mode", options->mode, "protocol", options->protocol, "address",
		report->address, "version", PACKAGE_VERSION, "clean",
		chat_report_clean(report), "interrupted", report->interrupted,
		"window_seconds", report->seconds, "users",
		(json_int_t)options->connections, "talkers",
		(json_int_t)options->talkers, "burst",
		(json_int_t)options->burst, "line_bytes",
		(json_int_t)options->size, "lines_said",
		(json_int_t)order->line_count, "lines_complete",
		(json_int_t)order->complete, "lines_refused",
		(json_int_t)report->slow, "deliveries",
		(json_int_t)order->delivered, "lines_per_second",
		a_second(report, order->line_count), "deliveries_per_second",
		a_second(report, order->delivered), "deliveries_missing",
		(json_int_t)order_missing(order), "deliveries_misplaced",
		(json_int_t)order->misplaced, "deliveries_given_up",
		(json_int_t)report->missed, "connections_lost",
		(json_int_t)report->lost, "all_have_us",
		bench_pack_percentiles(&order->all_have),
		"all_have_histogram_us",
		bench_pack_histogram(&order->all_have));
}

int
chat_report_json(const struct chat_report *report, FILE *out)
{
	json_t *object = json_object();
	bool whole = bench_pack_into(object, pack(report));

	if (whole && report->server.asked)
		whole = json_object_set_new(
				object, "server",
				bench_server_json(
					&report->server, "cpu_us_per_delivery",
					report->order.delivered)) == 0;
	return bench_pack_show(object, whole, out);
}
