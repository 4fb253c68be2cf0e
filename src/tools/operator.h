/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What timedctl does with a command: make a request of its words, as
 * ipc/control.h says what there is; have it answered; show the answer.
 */
#ifndef TIMED_TOOLS_OPERATOR_H
#define TIMED_TOOLS_OPERATOR_H

#include "ipc/control.h"
#include "ipc/snapshot.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct operator_options {
	bool json;
	const char *runtime_dir;
};

/*
 * The command that the COUNT words begin with; *USED are how many it takes.
 * NULL: none.
 */
const struct control_command *operator_command(char *const *words, int count,
					       int *used);

/*
 * COMMAND with the words behind it as a request.  NULL with one line of text
 * in ERROR.
 */
json_t *operator_request(const struct control_command *command,
			 char *const *words, int count, char *error,
			 size_t size);

/* "log [-n N] [-f]" */
void operator_synopsis(const struct control_command *command, char *text,
		       size_t size);

/*
 * Look at the scoreboard.  False, with one line of text in ERROR and the exit
 * status in *STATUS, when no timed is there that keeps it.
 */
bool operator_look(const struct operator_options *options,
		   struct snapshot *snapshot, char *error, size_t size,
		   int *status);

/* Say that nothing was done and why; returns STATUS. */
int operator_fail(const struct operator_options *options, int status,
		  const char *error);

/*
 * Whether COMMAND, with the words behind it, goes on until somebody ends it or
 * says yes to it, and has the terminal for itself meanwhile.
 */
bool operator_lasts(const struct control_command *command, char *const *words,
		    int count);

/* Do what the words say; the exit status. */
int operator_run(const struct operator_options *options, char *const *words,
		 int count);

#endif
