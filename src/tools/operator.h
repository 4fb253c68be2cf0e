/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What timedctl does with a command: make a request of its words, as
 * ipc/control.h says what there is; have it answered; show the answer.
 */
#ifndef TIMED_TOOLS_OPERATOR_H
#define TIMED_TOOLS_OPERATOR_H

#include "ipc/control.h"

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

/* Do what the words say; the exit status. */
int operator_run(const struct operator_options *options, char *const *words,
		 int count);

#endif
