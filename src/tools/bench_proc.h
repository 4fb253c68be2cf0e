/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What processes used, out of /proc: CPU time and memory of a server, which
 * is its master and all that descend from it.
 */
#ifndef TIMED_TOOLS_BENCH_PROC_H
#define TIMED_TOOLS_BENCH_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	BENCH_PROC_NAME = 64
};

struct bench_proc {
	pid_t pid;
	pid_t parent;
	bool chosen; /* a root, or below one */
	char name[BENCH_PROC_NAME];
	/*
	 * CPU nanoseconds of the process and of the children that it waited
	 * for.  The sum over a tree loses nothing when a process in it ends.
	 */
	int64_t cpu;
	long rss_kb;	    /* VmRSS; -1: not readable */
	long rollup_rss_kb; /* out of smaps_rollup, -1 likewise */
	long rollup_pss_kb;
};

struct bench_proc_list {
	size_t count;
	struct bench_proc *entries;
};

/*
 * List the processes ROOTS (COUNT pids) and their descendants, in the order
 * of their pids.  MEMORY: with the *_kb as well.  0, or -1 with errno; ESRCH
 * when none of them is there.
 */
int bench_proc_read(struct bench_proc_list *list, const pid_t *roots, int count,
		    bool memory);

void bench_proc_free(struct bench_proc_list *list);

/* The entry of PID; NULL when it has none. */
const struct bench_proc *bench_proc_find(const struct bench_proc_list *list,
					 pid_t pid);

/* CPU nanoseconds of all. */
int64_t bench_proc_cpu(const struct bench_proc_list *list);

#endif
