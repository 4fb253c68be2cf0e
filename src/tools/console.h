/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The prompt's side of `timed -C`: the log of a timed that is a child of this
 * process, through a pipe, and its life.
 *
 * Once the pipe ends, timed and all its processes are gone.  When this process
 * is gone, timed sees that nobody reads the pipe, and stops.
 */
#ifndef TIMED_TOOLS_CONSOLE_H
#define TIMED_TOOLS_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CONSOLE_BYTES = 256 * 1024 /* of lines that are held back */
};

struct console {
	int fd; /* the pipe; ready to be read when there is more */
	pid_t pid;
	bool ended; /* there will be no more */
	size_t used;
	uint64_t left_out; /* lines */
	char bytes[CONSOLE_BYTES];
};

/*
 * As `timed -C` says where the pipe is and who timed is: "FD:PID".  NULL when
 * that is no such thing, or no memory.
 */
struct console *console_open(const char *text);

/* Read what there is; when there is too much of it the oldest is left out. */
void console_read(struct console *console);

/* Whether there is a line to be shown. */
bool console_has_lines(const struct console *console);

/* Write the lines that were read to standard output. */
void console_show(struct console *console);

/*
 * Stop timed, unless it has ended, wait for its end while its log is shown,
 * and let go.  Its exit status; 128 and a signal's number when that ended it.
 */
int console_close(struct console *console);

#endif
