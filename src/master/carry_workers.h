/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workers while the master becomes another program: their part of what
 * carry.h has.
 */
#ifndef TIMED_MASTER_CARRY_WORKERS_H
#define TIMED_MASTER_CARRY_WORKERS_H

#include "master/crew.h"
#include "master/problem.h"

#include <jansson.h>

/* An array of them; NULL: out of memory. */
json_t *carry_workers_text(const struct crew *crew);

/* Go on with those that ARRAY tells of.  0, or -1 with PROBLEM. */
int carry_workers_read(json_t *array, struct crew *crew,
		       struct problem *problem);

#endif
