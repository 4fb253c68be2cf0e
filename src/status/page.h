/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page, GET /: page.html with the figures in their places, so that it is
 * whole without its script, and as it will be with it.
 */
#ifndef TIMED_STATUS_PAGE_H
#define TIMED_STATUS_PAGE_H

#include "status/figures.h"
#include "status/text.h"

void page_write(const struct figures *figures, struct text *text);

#endif
