/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reloading: the new configuration is built whole beside the old one, with
 * its listeners open and its workers ready, and only then takes its place.
 * Whatever fails before that leaves everything as it was, and is logged.
 *
 * One reload runs at a time.  Those asked for meanwhile become one more when
 * it is over.
 */
#ifndef TIMED_MASTER_RELOAD_H
#define TIMED_MASTER_RELOAD_H

#include "master/context.h"

/* Somebody wants one. */
void reload_request(struct master *master);

/* One with so many workers, whatever the configuration says. */
void reload_resize(struct master *master, int workers);

/* The master serves for the first time: do what was asked for before. */
void reload_pending(struct master *master);

/* The workers of the next generation are ready. */
void reload_ready(struct master *master);

/* timed stops: give up the one that is under way, if any. */
void reload_cancel(struct master *master);

/* They will not be. */
void reload_failed(struct master *master, const struct problem *problem);

/*
 * Give each service of CONFIG its entry in the scoreboard.  0, or -1 with
 * PROBLEM: there are too many.
 */
int reload_place_services(struct master *master, struct config *config,
			  struct problem *problem);

/*
 * This image has taken the place of another one: start a generation of its
 * own, which takes over.
 */
void reload_take_over(struct master *master);

/* Write the configuration in use to the scoreboard. */
void reload_publish(struct master *master);

/* Log that it is in use; KIND: EVENT_STARTED, EVENT_RELOADED. */
void reload_log(struct master *master, int kind);

/*
 * Run the program for what became of a CHANGE, of the "configuration" or the
 * "program"; ERROR: why it was refused, or NULL.
 */
void reload_tell_hooks(struct master *master, const char *change,
		       const char *error);

#endif
