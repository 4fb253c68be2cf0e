/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run of an operator's program.  Which one is run, and when, is hooks.c's
 * business.
 *
 * It leads a session and a process group of its own, in the root directory;
 * signals are as at a login; it has nothing to read, and what it says is
 * logged.  Its environment is made for it, so that it is the same whoever
 * started timed, and nothing in there speaks for timed:
 *
 *	PATH		where a system has its programs
 *	LANG, LC_ALL, TZ	as timed has them
 *	TIMED_...	what happened
 */
#ifndef TIMED_MASTER_HOOK_H
#define TIMED_MASTER_HOOK_H

#include "config/programs.h"
#include "master/hook_output.h"

#include <stdint.h>
#include <sys/types.h>

/* Facts for the environment: NAME=value, each with its NUL. */
struct hook_details {
	size_t length;
	char text[1024];
};

struct hook {
	struct hook_output output;
	pid_t pid;	/* 0: it does not run */
	uint64_t began; /* CLOCK_MONOTONIC, nanoseconds */
};

/*
 * Add a fact, called TIMED_ and something.  One that does not fit is left out.
 * No text may be given that a worker made once it serves: the program has more
 * rights than it.
 */
void hook_detail(struct hook_details *details, const char *name,
		 const char *format, ...) __attribute__((format(printf, 3, 4)));

struct hook_order {
	const struct program *program;
	const char *name; /* of the hook */
	const struct hook_details *details;
	const char *runtime_dir;
	unsigned generation;
};

/* Run a program.  False, with WHY, when it could not be. */
bool hook_start(struct hook *hook, struct loop *loop,
		const struct hook_order *order, char *why, size_t size);

/* Send SIGNAL to all of its process group. */
void hook_signal(const struct hook *hook, int signal);

#endif
