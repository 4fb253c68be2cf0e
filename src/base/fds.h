/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors of a process as a whole: which ones it keeps over a fork, and
 * how many it may have.
 */
#ifndef TIMED_BASE_FDS_H
#define TIMED_BASE_FDS_H

#include <stdbool.h>

/*
 * Close every descriptor above 2 but the COUNT ones in KEEP (which gets
 * sorted; entries below 3 are passed over).  A child that was forked without
 * exec calls it first, so that it holds nothing that it was not given.
 * 0, or -1 with errno.
 */
int fds_keep_only(int *keep, int count);

/*
 * Open /dev/null for those of standard input, output and error that are
 * closed, so that nothing else gets their numbers.  0, or -1 with errno.
 */
int fds_fill_standard(void);

/* Point standard input and output, and error if STDERR_TOO, to /dev/null. */
int fds_detach(bool stderr_too);

/* Raise the soft limit of open files to the hard one; returns what it is. */
unsigned long fds_raise_limit(void);

/* How many more can be opened, where none is open above HIGHEST. */
unsigned long fds_left(int highest);

/* Whether PATH is the very file that FD has open. */
bool fds_is_file(int fd, const char *path);

/* Make a descriptor non-blocking.  0, or -1 with errno. */
int fds_nonblocking(int fd);

#endif
