/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the words of a command may go on: for Tab in the prompt, and for shells,
 * which ask with `timedctl --complete`.  All of it comes from the table of
 * commands, and from the scoreboard the names of services.
 */
#ifndef TIMED_TOOLS_COMPLETION_H
#define TIMED_TOOLS_COMPLETION_H

#include "tools/operator.h"

#include <stdbool.h>

struct completion {
	const struct operator_options *options;
	bool prompt; /* its own commands too */
	void (*found)(void *context, const char *word);
	void *context;
};

/* What the prompt does by itself; ends with NULL. */
extern const char *const completion_own[];

/*
 * Call back with each word that the last one of the COUNT words, at least one,
 * may become.
 */
void completion_find(const struct completion *completion, char *const *words,
		     int count);

#endif
