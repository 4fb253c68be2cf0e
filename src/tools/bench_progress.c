/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	CELLS = 40,
	REDRAW_MS = 100
};

void
bench_progress_open(struct bench_progress *progress)
{
	progress->shown = isatty(STDERR_FILENO) == 1;
	progress->last = 0;
}

void
bench_progress_show(struct bench_progress *progress, const char *what,
		    double done, double all, const char *unit)
{
	uint64_t now = clock_monotonic();
	char bar[CELLS + 1];
	double share = all > 0 ? done / all : 0;

	if (!progress->shown ||
	    now - progress->last < REDRAW_MS * CLOCK_MILLISECOND)
		return;
	progress->last = now;
	share = share < 0 ? 0 : share > 1 ? 1 : share;
	memset(bar, ' ', CELLS);
	memset(bar, '#', (size_t)(share * CELLS));
	bar[CELLS] = '\0';
	fprintf(stderr, "\r%s [%s] %.0f of %.0f%s\033[K", what, bar,
		done < 0 ? 0 : done, all, unit);
}

void
bench_progress_hide(struct bench_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
}
