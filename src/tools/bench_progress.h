/* SPDX-License-Identifier: BSD-2-Clause */
/* A progress bar on standard error, if that is a terminal. */
#ifndef TIMED_TOOLS_BENCH_PROGRESS_H
#define TIMED_TOOLS_BENCH_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct bench_progress {
	bool shown;    /* is it a terminal */
	uint64_t last; /* when it was drawn, monotonic */
};

void bench_progress_open(struct bench_progress *progress);

/* WHAT is being done: DONE of ALL, in UNIT.  Draws ten times a second. */
void bench_progress_show(struct bench_progress *progress, const char *what,
			 double done, double all, const char *unit);

/* Wipe it off. */
void bench_progress_hide(struct bench_progress *progress);

#endif
