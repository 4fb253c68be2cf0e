/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filters of system calls, seccomp(2): a list of what each role makes, and
 * everything else is refused.  filter.c makes them, calls.c is the list.
 */
#ifndef TIMED_SANDBOX_FILTER_H
#define TIMED_SANDBOX_FILTER_H

#include "sandbox/sandbox.h"

/* As of sandbox_filters(), which asks here. */
bool filter_possible(char *why, size_t size);

/*
 * For good, and for what this process forks; it must have no_new_privs.  What
 * was refused before stays so.  0, or -1 with errno.
 */
int filter_load(enum sandbox_role role);

#endif
