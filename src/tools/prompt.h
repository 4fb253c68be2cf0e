/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timedctl without a command: a prompt that takes commands, on a terminal with
 * editing, history and completion; and from anything else a script of them, a
 * line each.
 *
 * Each command is a process of its own, so that Ctrl-C ends the command alone,
 * and so does whatever befalls it.
 */
#ifndef TIMED_TOOLS_PROMPT_H
#define TIMED_TOOLS_PROMPT_H

#include "tools/console.h"
#include "tools/operator.h"

/*
 * Until the input ends, or is told to by a command; with a CONSOLE (NULL: none)
 * until its timed ends, which it then does in any case.
 *
 * The exit status: on a terminal that of the last command, in a script that of
 * the first one that failed, with a console that of timed.
 */
int prompt_run(const struct operator_options *options, struct console *console);

#endif
