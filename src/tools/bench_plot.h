/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A histogram as a standalone SVG: microseconds on a logarithmic axis, and how
 * many out of all there are, as area: a bar's height is its share for its width
 * on that axis, so that the linear buckets below 8 us do not stand out.
 */
#ifndef TIMED_TOOLS_BENCH_PLOT_H
#define TIMED_TOOLS_BENCH_PLOT_H

#include "base/histogram.h"

/* All of them as they may stand in XML. */
struct bench_plot_texts {
	const char *title;
	const char *value;   /* "lateness" */
	const char *axis;    /* what that is: "time after the boundary" */
	const char *counted; /* "ticks" */
};

/* Into the file PATH.  0, or -1 with errno. */
int bench_plot(const struct histogram *histogram,
	       const struct bench_plot_texts *texts, const char *path);

#endif
