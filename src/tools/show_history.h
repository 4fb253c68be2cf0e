/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was said, as timedctl shows it: the messages of keeper/operator.h, as
 * the room has them, with times of the zone that timedctl is in.
 */
#ifndef TIMED_TOOLS_SHOW_HISTORY_H
#define TIMED_TOOLS_SHOW_HISTORY_H

#include <jansson.h>
#include <stdio.h>

/* "[2026-11-21 10:02:03] ada: hello" */
void show_history_object(const json_t *object, FILE *out);

/* How many messages there were. */
void show_history_removed(const json_t *answer, FILE *out);

#endif
