/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of the page's tables; page.js makes the same.
 */
#ifndef TIMED_STATUS_TABLES_H
#define TIMED_STATUS_TABLES_H

#include "status/figures.h"
#include "status/text.h"

void tables_workers(const struct figures *figures, struct text *text);
void tables_services(const struct figures *figures, struct text *text);
void tables_handoffs(const struct figures *figures, struct text *text);

#endif
