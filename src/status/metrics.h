/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The figures as Prometheus reads them: its text format, version 0.0.4.
 * timed-metrics(7) says what each is; a test compares.
 */
#ifndef TIMED_STATUS_METRICS_H
#define TIMED_STATUS_METRICS_H

#include "status/figures.h"
#include "status/text.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_write(const struct figures *figures, struct text *text);

#endif
