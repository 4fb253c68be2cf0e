/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line that is being edited, at the bottom of a terminal, while other lines
 * scroll by above it.
 *
 * It is libedit's, with its keys and a history.  Without libedit, or on a
 * terminal that cannot do it, there is none, and lines are the terminal's own.
 */
#ifndef TIMED_TOOLS_CHAT_EDITOR_H
#define TIMED_TOOLS_CHAT_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

struct chat_editor;

/*
 * PROMPT stays the caller's.  WAIT is called with CONTEXT when a key is wanted;
 * it returns when there is one, or false to leave the line.  NULL: there is no
 * editor.
 */
struct chat_editor *chat_editor_open(const char *prompt,
				     bool (*wait)(void *context),
				     void *context);
void chat_editor_close(struct chat_editor *editor);

/*
 * The next line, which ends with a newline, and *LENGTH; it is there until the
 * next call, and in the history.  NULL: WAIT was false, or the user has ended
 * the input.
 */
const char *chat_editor_line(struct chat_editor *editor, size_t *length);

/* In WAIT: take the line off the screen, and put it there again below. */
void chat_editor_hide(struct chat_editor *editor);
void chat_editor_show(struct chat_editor *editor);

#endif
