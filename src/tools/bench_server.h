/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the server spent, its processes being looked at before and after: as
 * text and as JSON.
 */
#ifndef TIMED_TOOLS_BENCH_SERVER_H
#define TIMED_TOOLS_BENCH_SERVER_H

#include "tools/bench_proc.h"

#include <jansson.h>
#include <stdio.h>

struct bench_options;

struct bench_server {
	bool asked; /* is anybody to look */
	struct bench_proc_list before, after;
};

/* Look before (memory not included) or, when it is OVER, after. */
void bench_server_look(struct bench_server *server,
		       const struct bench_options *options, bool over);

void bench_server_close(struct bench_server *server);

/* UNIT: what there were COUNT of, for the CPU time of one. */
void bench_server_text(const struct bench_server *server, const char *unit,
		       uint64_t count, FILE *out);

/* KEY: of the CPU time of one.  NULL: out of memory. */
json_t *bench_server_json(const struct bench_server *server, const char *key,
			  uint64_t count);

#endif
