/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log as timedctl shows it: the objects of journal/readers.h.
 */
#ifndef TIMED_TOOLS_SHOW_LOG_H
#define TIMED_TOOLS_SHOW_LOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Whether OBJECT is for those who read, and not a place alone. */
bool show_log_is_shown(const json_t *object);

/* The line to OUT; that some are missing, to standard error. */
void show_log_object(const json_t *object, FILE *out);

/* What came of a clear. */
void show_log_cleared(const json_t *answer, FILE *out);

/* See tools/inquiry.h. */
void show_log_keep(json_t *request, const json_t *object);

#endif
