/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The master: reads the configuration, opens the listeners, keeps the
 * journal and the workers running, and does what signals ask for.
 *
 *	HUP	read the configuration again
 *	TERM	stop, as does INT
 *	USR1	open the log file again
 *	USR2	run the program again that is there now, in this process
 */
#ifndef TIMED_MASTER_MASTER_H
#define TIMED_MASTER_MASTER_H

#include "config/config.h"
#include "master/start.h"

#include <stdbool.h>

struct master_options {
	const char *file; /* of the configuration; NULL: the default one */
	bool foreground;
	bool terminal;	     /* timedctl shows the log: master/terminal.h */
	const char *program; /* to upgrade to; an absolute path */
	int carry; /* what another image of this process left, or -1 */
	const char *refused; /* it says so: why the one after it did not do */
};

/*
 * Run with CONFIG, which becomes the master's, until it is told to stop.
 * LAUNCHER hears whether it started, and why not.  Returns the exit status
 * (sysexits(3)).
 */
int master_run(const struct master_options *options, struct config *config,
	       const struct launcher *launcher);

#endif
