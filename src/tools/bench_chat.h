/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timebench chat: users in a room, of whom some talk.  One process; what it
 * measures is how long it takes until everybody has a line, and what that costs
 * the server.
 *
 * Without a rate a talker says his next lines when everybody has the ones
 * before.
 */
#ifndef TIMED_TOOLS_BENCH_CHAT_H
#define TIMED_TOOLS_BENCH_CHAT_H

#include "base/addr.h"
#include "tools/bench.h"
#include "tools/bench_order.h"
#include "tools/bench_server.h"

#include <stdio.h>

/* What there was at the end. */
struct chat_report {
	const struct bench_options *options;
	char address[ADDR_TEXT];
	bool interrupted;
	double seconds;	 /* of the window */
	uint64_t slow;	 /* lines that were refused as too fast */
	uint64_t missed; /* that the server said somebody misses */
	uint64_t lost;	 /* connections */
	struct order order;
	struct bench_server server;
};

/* Whether everybody got every line once, in one order, and stayed. */
bool chat_report_clean(const struct chat_report *report);

void chat_report_text(const struct chat_report *report, FILE *out);

/* One object and a newline.  0, or -1: out of memory, or OUT is full. */
int chat_report_json(const struct chat_report *report, FILE *out);

/* Run it and report on standard output.  Returns the exit status. */
int bench_chat(const struct bench_options *options);

#endif
