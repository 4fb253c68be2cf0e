/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The listeners of the status page: opened by the master, served by the status
 * process, kept over a reload when the new configuration still asks for them.
 * As those of services (listeners.h), a new set is opened beside the one in
 * use, and then takes its place or is given up.
 */
#ifndef TIMED_MASTER_PAGES_H
#define TIMED_MASTER_PAGES_H

#include "base/addr.h"
#include "config/config.h"
#include "ipc/scoreboard.h"
#include "master/problem.h"

#include <jansson.h>
#include <stdbool.h>

struct pages {
	struct page_listener {
		int fd;
		struct addr wanted; /* as configured; port 0 stays 0 */
		struct addr bound;  /* as it is */
		bool kept;	    /* it was taken from the set before */
	} items[SCOREBOARD_PAGES];
	int count;
};

/*
 * Open what CONFIG asks for, taking from CURRENT what is there already.  0, or
 * -1 with PROBLEM and nothing opened.
 */
int pages_open(struct pages *next, const struct config *config,
	       struct pages *current, struct problem *problem);

/*
 * NEXT is in use from now on: close what is in CURRENT alone.  Whether that
 * changed anything.
 */
bool pages_commit(struct pages *current, struct pages *next);

/* NEXT will not be used: close what is in it alone. */
void pages_abort(struct pages *next);

/* Nobody is served any more, whoever has them open. */
void pages_close(struct pages *pages);

/* Write them to the scoreboard. */
void pages_publish(const struct pages *pages, struct scoreboard_master *board);

/* Over an exec, as text; NULL: out of memory.  -1: it makes no sense. */
json_t *pages_save(const struct pages *pages);
int pages_restore(struct pages *pages, const json_t *text);

#endif
