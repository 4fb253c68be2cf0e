/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last ten minutes as pictures (SVG), one figure each; page.js draws the
 * same, a second later.
 */
#ifndef TIMED_STATUS_PLOT_H
#define TIMED_STATUS_PLOT_H

#include "status/figures.h"
#include "status/text.h"

void plot_write(const struct figures *figures, struct text *text);

#endif
