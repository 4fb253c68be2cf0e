/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines of `timedctl top`, as text.  Each is WIDTH cells of a terminal
 * wide at most, and TOP_TEXT bytes hold any of them.
 */
#ifndef TIMED_TOOLS_TOP_TEXT_H
#define TIMED_TOOLS_TOP_TEXT_H

#include "tools/rates.h"
#include "tools/top_view.h"

enum {
	TOP_TEXT = 4096
};

/*
 * The line I, from 0, of those about timed as a whole; on a small screen the
 * first two are all.  GONE: it has ended, and SNAPSHOT is what it left.
 * SYNCHRONISED: the clock of this machine is.
 */
void top_text_head(int i, const struct snapshot *snapshot,
		   const struct rates *rates, bool gone, bool synchronised,
		   int width, char *text);

/* A line of the workers' table; NULL: the titles. */
void top_text_worker(const struct rates_worker *worker, int width, char *text);

/* The same of the services. */
void top_text_service(const struct rates_service *service, int width,
		      char *text);

/* The last line of the screen. */
void top_text_bar(const struct top_view *view, int width, char *text);

#endif
