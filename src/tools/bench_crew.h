/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main process and its load processes.
 *
 * A load process is told what to do by gates: pipes that nobody writes to, and
 * that open when the main process closes its end, or is gone.  It tells by a
 * byte when it is ready and by another one when its load is over.  It dies
 * with the main process.
 */
#ifndef TIMED_TOOLS_BENCH_CREW_H
#define TIMED_TOOLS_BENCH_CREW_H

#include "tools/bench_progress.h"

#include <stdbool.h>
#include <stdint.h>

enum bench_gate {
	GATE_GO,      /* the window is planned */
	GATE_STOP,    /* the window ends before its time */
	GATE_RELEASE, /* let go and exit */
	GATES,
};

/* What a load process has of it. */
struct crew_ends {
	int gates[GATES]; /* the ends to read */
	int report;
};

struct crew {
	struct bench_progress progress;
	int gates[GATES][2];
	int reports[2];
	int signals;	   /* a signalfd */
	uint32_t running;  /* load processes not waited for yet */
	uint32_t reported; /* bytes that they wrote */
	bool interrupted;  /* SIGINT or SIGTERM */
	bool broken;	   /* a load process ended before its time */
	bool releasing;
};

/*
 * How many processes it takes for so many DESCRIPTORS: at least LEAST, but no
 * more than there are descriptors.  0: more than BENCH_PROCESSES.  Raises
 * RLIMIT_NOFILE.
 */
uint32_t crew_size(uint64_t descriptors, uint32_t least);

/* The part of TOTAL that process I of COUNT takes. */
uint32_t crew_part(uint32_t total, uint32_t i, uint32_t count);

/* Blocks SIGINT, SIGTERM and SIGCHLD.  0, or -1 with errno. */
int crew_open(struct crew *crew);

/*
 * Fork a load process, whose exit status WORK returns.  0, or -1 with errno.
 * After the last one comes crew_manned().
 */
int crew_fork(struct crew *crew,
	      int (*work)(void *context, const struct crew_ends *ends),
	      void *context);
void crew_manned(struct crew *crew);

/* Neither interrupted nor broken. */
bool crew_going(const struct crew *crew);

/* Wait for reports or signals, at most NANOSECONDS (negative: no end). */
void crew_turn(struct crew *crew, int64_t nanoseconds);

void crew_gate(struct crew *crew, enum bench_gate gate);

/* Open all gates, and wait until all have ended. */
void crew_release(struct crew *crew);

#endif
