/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a run of timebench daytime, time or ntp found, as text, as JSON and as a
 * picture.
 */
#ifndef TIMED_TOOLS_BENCH_QUERY_REPORT_H
#define TIMED_TOOLS_BENCH_QUERY_REPORT_H

#include "tools/bench_query.h"
#include "tools/bench_server.h"

#include <stdio.h>

struct query_report {
	const struct bench_options *options;
	const struct query_plan *plan;
	char address[ADDR_TEXT];
	bool interrupted; /* SIGINT, or a load process that ended early */
	double seconds;	  /* of the window */
	/* The sums over all load processes: */
	struct query_counts counts;
	int error;	  /* errno of the first request that failed */
	int64_t load_cpu; /* nanoseconds */
	struct bench_server server;
};

/* Add what one load process found. */
void query_report_add(struct query_report *report,
		      const struct query_result *result);

/* Whether every request was sent and had its right answer, and no other. */
bool query_report_clean(const struct query_report *report);

/* Right answers a second. */
double query_report_rate(const struct query_report *report);

/* The part of all that were sent that had no answer, 0 to 1. */
double query_report_loss(const struct query_report *report);

void query_report_text(const struct query_report *report, FILE *out);

/* One object and a newline.  0, or -1: out of memory, or OUT is full. */
int query_report_json(const struct query_report *report, FILE *out);

/* The latency as SVG into the file PATH.  0, or -1 with errno. */
int query_report_plot(const struct query_report *report, const char *path);

#endif
