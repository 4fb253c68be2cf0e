/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each process may do, and giving up all the rest for good.
 *
 * A process enters its sandbox when it holds no descriptor that it was not
 * given: limits, root directory, group and user, capabilities, the way to new
 * ones through exec, being looked into by others.  It locks it when it has
 * opened what it needs to begin: from then on the kernel refuses every system
 * call that its role does not make.
 *
 * The master enters, and does not lock: what it runs for the operator, and the
 * program that takes its place at an upgrade, would have its filter, too.
 *
 * With the sanitizers, whose runtime does what no role does, there are neither
 * filters nor limits, and processes can be looked into; see sandbox_filters().
 */
#ifndef TIMED_SANDBOX_SANDBOX_H
#define TIMED_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum sandbox_role {
	SANDBOX_MASTER,
	SANDBOX_WORKER,
	SANDBOX_JOURNAL,
	SANDBOX_KEEPER,
	SANDBOX_HASHER,
	SANDBOX_STATUS,
};

/* Whom to become; `change` is false when timed was not started as root. */
struct sandbox_identity {
	bool change;
	uid_t uid;
	gid_t gid;
	bool core_dumps; /* may be left, and the process be looked into */
};

/*
 * Give up all that ROLE does not need.  ROOT is the directory that is to be
 * the only one, or NULL; it takes root, and so does nothing where the identity
 * is not to change.  The master keeps its user, and may enter again.
 * 0, or -1 with errno: then the process must not go on.
 */
int sandbox_enter(enum sandbox_role role,
		  const struct sandbox_identity *identity, const char *root);

/*
 * Have no more than MOST of RESOURCE (setrlimit(2)) from now on.  0, or -1 with
 * errno.
 */
int sandbox_limit(int resource, unsigned long most);

/*
 * Let the kernel refuse every call that ROLE does not make, with EPERM.  Each
 * time REFUSED is told the number and the name of the call, in a signal
 * handler, in the midst of whatever called it; where it is NULL, the log is.
 *
 * Where there are no filters, it does nothing.  0, or -1 with errno.
 */
int sandbox_lock(enum sandbox_role role,
		 void (*refused)(void *context, int number, const char *name),
		 void *context);

/*
 * Whether system calls can be filtered here; else WHY says why not.  For who
 * forks the others, once: it prepares the names of calls for all of them.
 */
bool sandbox_filters(char *why, size_t size);

#endif
