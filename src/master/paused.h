/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which services are paused: a list of names, or all.
 *
 * "All" counts for services that a reload adds, too.  Whoever takes one of them
 * off has the others by name from then on.  Knows nothing of sockets.
 */
#ifndef TIMED_MASTER_PAUSED_H
#define TIMED_MASTER_PAUSED_H

#include "ipc/scoreboard.h"
#include "master/listeners.h"

#include <jansson.h>
#include <stdbool.h>

struct paused {
	bool all;
	int count; /* of names; 0 when it is all */
	char names[SCOREBOARD_SERVICES][SCOREBOARD_NAME];
};

bool paused_has(const struct paused *paused, const char *name);

/* NAME, or with NULL all.  Whether that changes anything. */
bool paused_put_on(struct paused *paused, const char *name);

/* The same; LISTENERS are those of all services that there are. */
bool paused_take_off(struct paused *paused, const struct listeners *listeners,
		     const char *name);

/* Forget the names that no service of LISTENERS has any more. */
void paused_prune(struct paused *paused, const struct listeners *listeners);

/* As text, for another image of this process; NULL: out of memory. */
json_t *paused_save(const struct paused *paused);

/* What TEXT has; NULL: it is of an image that knew no such thing. */
void paused_restore(struct paused *paused, json_t *text);

#endif
