/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The directories and the pidfile that a running timed has.
 */
#ifndef TIMED_MASTER_PLACES_H
#define TIMED_MASTER_PLACES_H

#include "config/config.h"
#include "master/problem.h"

#include <limits.h>
#include <stdbool.h>

struct places {
	char runtime_dir[PATH_MAX];
	bool made_runtime_dir; /* and so removes it */
	int pidfile;	       /* open and locked */
};

/*
 * Make the runtime directory, the log file's and the state's if they are not
 * there (not what is above them), and take the pidfile, which is locked as long as this
 * process lives.  0, or -1 with PROBLEM: another timed runs, no permission,
 * no such directory.
 */
int places_open(struct places *places, const struct config *config,
		struct problem *problem);

/*
 * Make the directory of the log file if it is not there; a reload may name
 * another one.  0, or -1 with PROBLEM.
 */
int places_log_directory(const struct config *config, struct problem *problem);

/*
 * The same for the directory of the state, if a service keeps any.
 */
int places_state_directory(const struct config *config,
			   struct problem *problem);

/* Remove what places_open() made but the directories of log and state. */
void places_close(struct places *places);

#endif
