/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up what a child process does not need.
 */
#ifndef TIMED_WORKER_SANDBOX_H
#define TIMED_WORKER_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

/* Whom to become; `change` is false when timed was not started as root. */
struct sandbox_identity {
	bool change;
	uid_t uid;
	gid_t gid;
};

/*
 * For good: supplementary groups, group and user, all capabilities, and the
 * way to new ones through exec.  0, or -1 with errno.
 */
int sandbox_enter(const struct sandbox_identity *identity);

#endif
