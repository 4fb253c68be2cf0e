/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the master does once a second whatever else is going on: it shows that
 * it is alive, looks after listeners and workers, and tells systemd how much
 * is being served.
 */
#ifndef TIMED_MASTER_PULSE_H
#define TIMED_MASTER_PULSE_H

#include "master/context.h"

/* A worker told what happened in about a second. */
void pulse_count(struct master *master, const struct report_beat *beat);

/* Another second has passed. */
void pulse_second(struct master *master);

#endif
