/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status of timed as JSON: what `timedctl -j status` is defined by.
 */
#ifndef TIMED_IPC_STATUS_JSON_H
#define TIMED_IPC_STATUS_JSON_H

#include "ipc/snapshot.h"

#include <jansson.h>

enum {
	STATUS_TIME = 32
};

/* WHEN, seconds since the epoch, as it is shown: 2026-11-21T10:02:03Z. */
void status_time(int64_t when, char text[STATUS_TIME]);

/* NULL: out of memory. */
json_t *status_object(const struct snapshot *snapshot);

/* The arrays `workers` and `services` of it. */
json_t *status_workers(const struct snapshot *snapshot);
json_t *status_services(const struct snapshot *snapshot);

#endif
