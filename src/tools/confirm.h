/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has a person say yes before something is done that cannot be undone: what
 * ipc/control.h has an option for that confirms it.  The question goes to
 * standard error, so that standard output has the answer of the command alone.
 */
#ifndef TIMED_TOOLS_CONFIRM_H
#define TIMED_TOOLS_CONFIRM_H

#include "ipc/control.h"
#include "tools/operator.h"

#include <jansson.h>
#include <stdbool.h>

/* Whether somebody has to be asked before REQUEST, one of COMMAND, is made. */
bool confirm_is_due(const struct control_command *command,
		    const json_t *request);

/*
 * Ask if that is due, and take out of REQUEST what timed need not know.  EX_OK:
 * go on; else nobody is there to be asked, or he said no, which was said, and
 * this is the exit status.
 */
int confirm_or_refuse(const struct operator_options *options,
		      const struct control_command *command, json_t *request);

#endif
