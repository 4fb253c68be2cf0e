/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run found, as text, as JSON and as a picture.
 */
#ifndef TIMED_TOOLS_BENCH_REPORT_H
#define TIMED_TOOLS_BENCH_REPORT_H

#include "tools/bench.h"
#include "tools/bench_server.h"

#include <stdio.h>

struct bench_report {
	const struct bench_options *options;
	const struct bench_plan *plan;
	char address[ADDR_TEXT];
	bool interrupted; /* SIGINT, or a load process that ended early */
	double connect_seconds;
	int64_t boundaries; /* within the window */
	uint64_t expected;  /* ticks: connections made times boundaries */
	/* The sums over all load processes: */
	uint32_t made, failed, lost;
	uint32_t unread_made, unread_failed, unread_closed;
	int error;	  /* errno of the first connection that failed */
	int64_t load_cpu; /* nanoseconds */
	struct sequence_counts counts;
	struct bench_server server;
};

/* Add what one load process found. */
void bench_report_add(struct bench_report *report,
		      const struct bench_result *result);

/* Whether every connection was made and stayed, and every tick was right. */
bool bench_report_clean(const struct bench_report *report);

void bench_report_text(const struct bench_report *report, FILE *out);

/* One object and a newline.  0, or -1: out of memory, or OUT is full. */
int bench_report_json(const struct bench_report *report, FILE *out);

/*
 * The histogram of the lateness as SVG into the file PATH.
 * 0, or -1 with errno.
 */
int bench_report_plot(const struct bench_report *report, const char *path);

#endif
