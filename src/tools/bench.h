/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of timebench share: what was asked, the plan that the load
 * processes follow, and what each of them found.
 *
 * The main process makes the plan and the load processes keep to it; both lie
 * in one shared anonymous mapping.  Every field there has one writer.
 */
#ifndef TIMED_TOOLS_BENCH_H
#define TIMED_TOOLS_BENCH_H

#include "base/addr.h"
#include "tools/bench_sequence.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	BENCH_PIDS = 16,
	BENCH_PROCESSES = 64,
	BENCH_OUTSTANDING = 512,   /* connects under way, in all processes */
	BENCH_PATIENCE_MS = 10000, /* without any progress: give up */
};

struct bench_options {
	const char *mode; /* its name */
	const char *target;
	unsigned port; /* when the target names none */
	uint32_t connections;
	uint32_t unread;
	uint32_t processes; /* 0: as many as the descriptor limit asks for */
	int64_t window;	    /* nanoseconds */
	int64_t interval;   /* nanoseconds */
	bool udp, tcp;	    /* what was asked for, if anything */
	uint32_t batch;	    /* requests together; 0: what suits */
	uint32_t rate;	    /* requests a second; 0: closed loop */
	uint32_t size;	    /* bytes of an echo */
	int64_t timeout;    /* for an answer, nanoseconds */
	uint32_t talkers;   /* of the users of a room */
	uint32_t burst;	    /* lines that one says at once */
	const char *name;   /* what users are called, before a number */
	const char *password;
	const char *protocol; /* of the room; see bench_room.h */
	bool json;
	const char *plot; /* a file, or NULL */
	pid_t pids[BENCH_PIDS];
	int pid_count;
};

/* Written by the main process alone, read by the load processes. */
struct bench_plan {
	struct addr address;
	struct sequence_rule rule;
	uint32_t processes;
	/* The window; set before GATE_GO opens, and again by GATE_STOP. */
	_Atomic int64_t from, until;
};

/* Written by one load process, read by the main process. */
struct bench_result {
	_Atomic uint32_t made;	 /* connections with their first record */
	_Atomic uint32_t failed; /* never made, or closed before a record */
	_Atomic uint32_t lost;	 /* closed by the server later */
	_Atomic uint32_t unread_made;
	_Atomic uint32_t unread_failed;
	_Atomic uint32_t unread_closed;
	_Atomic int error; /* errno of the first that failed */
	int64_t cpu;	   /* of the load process in the window, nanoseconds */
	struct sequence_counts counts;
};

struct bench_shared {
	struct bench_plan plan;
	struct bench_result results[BENCH_PROCESSES];
};

/* One line on standard error, "timebench: ..." */
void bench_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#endif
