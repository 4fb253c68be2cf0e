/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status of a running timed, from a copy of its scoreboard: as text for
 * people, and as the JSON object that `timedctl -j status` is defined by.
 */
#ifndef TIMED_TOOLS_STATUS_H
#define TIMED_TOOLS_STATUS_H

#include "ipc/snapshot.h"

#include <stdbool.h>
#include <stdio.h>

/* False when OUT could not take it. */
bool status_text(const struct snapshot *snapshot, FILE *out);

/* One line.  False when OUT could not take it, or out of memory. */
bool status_json(const struct snapshot *snapshot, FILE *out);

#endif
