/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens when a filter refuses a system call: the kernel sends SIGSYS in
 * its place (SECCOMP_RET_TRAP), and the handler tells of it and has the call
 * return EPERM.
 *
 * That is no signal that comes at any time: it is the call itself, and so the
 * handler may do what its caller could have done.  It is told at once, and not
 * from the loop, since what makes such a call may never come back to the loop.
 */
#ifndef TIMED_SANDBOX_REFUSED_H
#define TIMED_SANDBOX_REFUSED_H

#include <stdbool.h>

/*
 * Whether a refusal can be told of on this architecture.  Otherwise a filter
 * has to refuse with an error and nothing else, and the kernel's own log, where
 * it is asked to, says so (SECCOMP_FILTER_FLAG_LOG).
 */
bool refused_possible(void);

/* Make the names of calls ready, for this process and those that it forks. */
void refused_prepare(void);

/* As of sandbox_lock().  0, or -1 with errno. */
int refused_watch(void (*tell)(void *context, int number, const char *name),
		  void *context);

#endif
