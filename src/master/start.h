/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Becoming a daemon whose launcher knows whether it started.
 *
 * The launching process stays until the daemon says how its start went, and
 * exits with that; what the daemon has to say until then goes to the same
 * standard error.
 */
#ifndef TIMED_MASTER_START_H
#define TIMED_MASTER_START_H

/*
 * Fork into the background.  Returns in the daemon only, with a descriptor
 * for start_tell(); the launcher exits in here.  -1 with errno when there
 * was no daemon to be made.
 */
int start_background(void);

/*
 * Let the launcher exit with STATUS; 0 also lets go of its terminal.  FD -1
 * (in the foreground): nothing happens.
 */
void start_tell(int fd, int status);

#endif
