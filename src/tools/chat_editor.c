/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/chat_editor.h"

#include <stdlib.h>

#ifndef HAVE_EDIT

struct chat_editor *
chat_editor_open(const char *prompt, bool (*wait)(void *context), void *context)
{
	(void)prompt;
	(void)wait;
	(void)context;
	return NULL;
}

void
chat_editor_close(struct chat_editor *editor)
{
	(void)editor;
}

const char *
chat_editor_line(struct chat_editor *editor, size_t *length)
{
	(void)editor;
	*length = 0;
	return NULL;
}

void
chat_editor_hide(struct chat_editor *editor)
{
	(void)editor;
}

void
chat_editor_show(struct chat_editor *editor)
{
	(void)editor;
}

#else

#include <errno.h>
#include <histedit.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum {
	REMEMBERED = 500 /* lines */
};

struct chat_editor {
	EditLine *el;
	History *history;
	const char *prompt;
	bool (*wait)(void *context);
	void *context;
	int columns;
	const char *up;	   /* what moves the cursor up a row, */
	const char *clear; /* and clears all from there */
};

static struct chat_editor *
editor_of(EditLine *el)
{
	struct chat_editor *editor = NULL;

	el_get(el, EL_CLIENTDATA, &editor);
	return editor;
}

static char *
prompt_of(EditLine *el)
{
	return (char *)(uintptr_t)editor_of(el)->prompt;
}

/* One character of standard input, as libedit wants it: 1, 0 or -1. */
static int
next_key(EditLine *el, wchar_t *key)
{
	struct chat_editor *editor = editor_of(el);
	mbstate_t state = { 0 };

	fflush(stdout);
	for (;;) {
		size_t got;
		ssize_t n;
		char byte;

		if (!editor->wait(editor->context))
			return 0;
		n = read(STDIN_FILENO, &byte, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return 0;
		got = mbrtowc(key, &byte, 1, &state);
		if (got == (size_t)-1)
			memset(&state, 0, sizeof(state));
		else if (got != (size_t)-2)
			return 1;
	}
}

static int
columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* What the terminal does for a capability of two letters; NULL: nothing. */
static const char *
capability(EditLine *el, const char *name)
{
	char *value = NULL;

	if (el_get(el, EL_GETTC, name, &value) < 0)
		return NULL;
	return value && *value ? value : NULL;
}

static bool
open_history(struct chat_editor *editor)
{
	HistEvent event;

	editor->history = history_init();
	if (!editor->history)
		return false;
	history(editor->history, &event, H_SETSIZE, REMEMBERED);
	history(editor->history, &event, H_SETUNIQUE, 1);
	el_set(editor->el, EL_HIST, history, editor->history);
	return true;
}

struct chat_editor *
chat_editor_open(const char *prompt, bool (*wait)(void *context), void *context)
{
	struct chat_editor *editor = calloc(1, sizeof(*editor));

	if (!editor)
		return NULL;
	editor->prompt = prompt;
	editor->wait = wait;
	editor->context = context;
	editor->columns = columns();
	editor->el = el_init("timec", stdin, stdout, stderr);
	if (!editor->el || !open_history(editor)) {
		chat_editor_close(editor);
		return NULL;
	}
	el_set(editor->el, EL_CLIENTDATA, editor);
	el_set(editor->el, EL_PROMPT, prompt_of);
	el_set(editor->el, EL_EDITOR, "emacs");
	el_set(editor->el, EL_GETCFN, next_key);
	/* What the user has set for it elsewhere holds here, too. */
	el_source(editor->el, NULL);
	editor->up = capability(editor->el, "up");
	editor->clear = capability(editor->el, "cd");
	if (editor->up && editor->clear)
		return editor;
	chat_editor_close(editor);
	return NULL;
}

void
chat_editor_close(struct chat_editor *editor)
{
	if (!editor)
		return;
	if (editor->history)
		history_end(editor->history);
	if (editor->el)
		el_end(editor->el);
	free(editor);
}

const char *
chat_editor_line(struct chat_editor *editor, size_t *length)
{
	HistEvent event;
	int count = 0;
	const char *line = el_gets(editor->el, &count);

	if (!line || count <= 0)
		return NULL;
	*length = (size_t)count;
	if (count > 1)
		history(editor->history, &event, H_ENTER, line);
	return line;
}

/* How many columns LENGTH bytes of TEXT take. */
static int
width_of(const char *text, size_t length)
{
	mbstate_t state = { 0 };
	int width = 0;

	while (length > 0) {
		wchar_t character;
		size_t n = mbrtowc(&character, text, length, &state);
		int columns_of;

		if (n == 0 || n > length)
			break;
		columns_of = wcwidth(character);
		/* Control characters are shown as two. */
		width += columns_of < 0 ? 2 : columns_of;
		text += n;
		length -= n;
	}
	return width;
}

void
chat_editor_hide(struct chat_editor *editor)
{
	const LineInfo *line = el_line(editor->el);
	int width =
		width_of(editor->prompt, strlen(editor->prompt)) +
		width_of(line->buffer, (size_t)(line->cursor - line->buffer));

	fputc('\r', stdout);
	for (int rows = width / editor->columns; rows > 0; rows--)
		fputs(editor->up, stdout);
	fputs(editor->clear, stdout);
	fflush(stdout);
}

void
chat_editor_show(struct chat_editor *editor)
{
	if (columns() != editor->columns) {
		editor->columns = columns();
		el_resize(editor->el);
	}
	el_set(editor->el, EL_REFRESH);
	fflush(stdout);
}

#endif
