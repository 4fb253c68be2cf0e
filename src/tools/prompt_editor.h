/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines that are edited on a terminal, with a history and with completion:
 * libedit.  What the log brings meanwhile goes above the line.
 *
 * The history is of the user: $XDG_STATE_HOME/timedctl_history, or else
 * ~/.timedctl_history, readable for nobody else, 500 lines.
 */
#ifndef TIMED_TOOLS_PROMPT_EDITOR_H
#define TIMED_TOOLS_PROMPT_EDITOR_H

#include "tools/prompt_text.h"
#include "tools/prompt_wait.h"

struct prompt_editor;

/*
 * NULL where there can be none: on a terminal that is too simple, and in a
 * program that was built without libedit.
 */
struct prompt_editor *prompt_editor_open(struct prompt_wait *wait,
					 struct prompt_text *text);

/* Keeps the history. */
void prompt_editor_close(struct prompt_editor *editor);

/*
 * The next line, into *LINE, until the next call: PROMPT_INPUT.  Else
 * PROMPT_INTERRUPT or PROMPT_END.
 */
enum prompt_event prompt_editor_next(struct prompt_editor *editor,
				     const char **line);

#endif
