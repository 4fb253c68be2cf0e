/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's programs that run while the master becomes another program:
 * their part of what carry.h has.
 */
#ifndef TIMED_MASTER_CARRY_HOOKS_H
#define TIMED_MASTER_CARRY_HOOKS_H

#include "master/hooks.h"
#include "master/problem.h"

#include <jansson.h>

/* An array of those that run; NULL: out of memory. */
json_t *carry_hooks_text(const struct hooks *hooks);

/*
 * Go on with those that ARRAY tells of; NULL is none.  0, or -1 with PROBLEM.
 * One of a kind that this program does not know is let go: nobody listens to
 * it, and it is reaped as nobody.
 */
int carry_hooks_read(json_t *array, struct hooks *hooks,
		     struct problem *problem);

#endif
