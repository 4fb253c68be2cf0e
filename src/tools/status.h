/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status of a running timed, from a copy of its scoreboard: as text for
 * people, and as JSON (ipc/status_json.h), in one line.
 *
 * All return false when OUT could not take it, or out of memory.
 */
#ifndef TIMED_TOOLS_STATUS_H
#define TIMED_TOOLS_STATUS_H

#include "ipc/snapshot.h"

#include <stdbool.h>
#include <stdio.h>

bool status_text(const struct snapshot *snapshot, FILE *out);
bool status_json(const struct snapshot *snapshot, FILE *out);

/* The workers alone: a table, an array. */
bool status_workers_text(const struct snapshot *snapshot, FILE *out);
bool status_workers_json(const struct snapshot *snapshot, FILE *out);

/* The services alone. */
bool status_services_text(const struct snapshot *snapshot, FILE *out);
bool status_services_json(const struct snapshot *snapshot, FILE *out);

#endif
