/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timebench daytime, time, ntp and echo: what was asked for, the plan that the
 * load processes follow, and what each of them found.  All of it lies in one
 * shared anonymous mapping, where every field has one writer.
 *
 * A request is answered rightly, wrongly or with a refusal, or it has failed
 * (the system says so), or it is lost: nothing came in time.  So many are sent
 * as are counted in these five.
 */
#ifndef TIMED_TOOLS_BENCH_QUERY_H
#define TIMED_TOOLS_BENCH_QUERY_H

#include "base/histogram.h"
#include "tools/bench.h"
#include "tools/bench_ask.h"

enum {
	QUERY_BATCH = 64, /* the most requests in one system call */
};

/* Written by the main process alone. */
struct query_plan {
	const struct ask *ask;
	struct addr address;
	struct ask_rule rule;
	bool udp;
	size_t request; /* bytes of each */
	size_t answer;	/* bytes of an answer that are looked at */
	uint32_t processes;
	uint32_t outstanding; /* at most, in all processes; 0: as it comes */
	uint32_t batch;	      /* requests to one socket at a time */
	double rate;	      /* requests a second in all; 0: closed loop */
	int64_t timeout;      /* nanoseconds */
	/* The window, monotonic; set before GATE_GO opens. */
	_Atomic int64_t from, until;
};

struct query_counts {
	uint64_t sent;
	uint64_t answered; /* rightly */
	uint64_t wrong;
	uint64_t refused;
	uint64_t failed;
	uint64_t lost;
	uint64_t unsynchronised;  /* of those answered */
	uint64_t stray;		  /* datagrams that answer nothing */
	uint64_t unsent;	  /* that the rate asked for */
	struct histogram latency; /* of all answers, right or wrong */
};

/* Written by one load process. */
struct query_result {
	struct query_counts counts;
	int error;   /* errno of the first that failed */
	int64_t cpu; /* of the load process, nanoseconds */
};

struct query_shared {
	struct query_plan plan;
	struct query_result results[BENCH_PROCESSES];
};

/*
 * Run it and report on standard output.  Returns the exit status, as
 * bench_stream() does; call it once.
 */
int bench_query(const struct bench_options *options);

#endif
