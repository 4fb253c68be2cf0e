/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/prompt_editor.h"

#include <stddef.h>

#ifdef HAVE_EDIT

#include "tools/completion.h"
#include "tools/words.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum {
	REMEMBERED = 500, /* lines */
	CANDIDATES = 64,  /* of a completion, that are shown */
};

struct prompt_editor {
	struct prompt_wait *wait;
	struct prompt_text *text;
	EditLine *edit;
	History *history;
	enum prompt_event event; /* why there was no line */
	mbstate_t state;	 /* of the character that is being read */
};

static struct prompt_editor *
editor_of(EditLine *edit)
{
	void *data = NULL;

	el_get(edit, EL_CLIENTDATA, &data);
	return data;
}

static char *
prompt_of(EditLine *edit)
{
	return editor_of(edit)->text->text;
}

/* --- the log, above the line --- */

static int
cells(wchar_t c)
{
	int width = wcwidth(c);

	/* As "^C". */
	return width < 0 ? 2 : width;
}

/* The row of the cursor below that of the prompt. */
static int
row_of_cursor(struct prompt_editor *editor)
{
	const LineInfo *line = el_line(editor->edit);
	size_t left = (size_t)(line->cursor - line->buffer);
	size_t at = strlen(editor->text->text);
	const char *from = line->buffer;
	mbstate_t state = { 0 };
	int columns = 0;

	while (left > 0) {
		wchar_t c;
		size_t n = mbrtowc(&c, from, left, &state);

		if (n == 0 || n > left)
			break;
		at += (size_t)cells(c);
		from += n;
		left -= n;
	}
	el_get(editor->edit, EL_GETTC, "co", &columns, NULL);
	return columns > 0 ? (int)at / columns : 0;
}

static void
put_capability(struct prompt_editor *editor, const char *name)
{
	char *text = NULL;

	if (el_get(editor->edit, EL_GETTC, name, &text, NULL) == 0 && text)
		fputs(text, stdout);
}

/* Take the line that is edited off the terminal. */
static void
hide(struct prompt_editor *editor)
{
	for (int row = row_of_cursor(editor); row > 0; row--)
		put_capability(editor, "up");
	fputc('\r', stdout);
	put_capability(editor, "cd");
}

static void
show_log(struct prompt_editor *editor)
{
	hide(editor);
	console_show(editor->wait->console);
	/* What was logged may be that it runs. */
	prompt_text_look(editor->text);
	el_set(editor->edit, EL_REFRESH);
}

/* --- keys --- */

static void
suspend(struct prompt_editor *editor)
{
	el_set(editor->edit, EL_PREP_TERM, 0);
	prompt_wait_suspend();
	el_set(editor->edit, EL_PREP_TERM, 1);
	el_set(editor->edit, EL_REFRESH);
}

static void
resize(struct prompt_editor *editor)
{
	el_resize(editor->edit);
	el_set(editor->edit, EL_REFRESH);
}

/* 1 with a character, 0 for the end, -1 when more bytes of it have to come. */
static int
read_character(struct prompt_editor *editor, wchar_t *character)
{
	char byte;
	ssize_t n = read(STDIN_FILENO, &byte, 1);
	size_t length;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return -1;
	if (n <= 0)
		return 0;
	length = mbrtowc(character, &byte, 1, &editor->state);
	if (length == (size_t)-2)
		return -1;
	if (length == (size_t)-1) {
		memset(&editor->state, 0, sizeof(editor->state));
		*character = L'?';
	}
	return 1;
}

/* For libedit: wait for a key, and do what happens meanwhile. */
static int
get_character(EditLine *edit, wchar_t *character)
{
	struct prompt_editor *editor = editor_of(edit);
	int got;

	fflush(stdout);
	for (;;) {
		editor->event = prompt_wait_next(editor->wait, true);
		switch (editor->event) {
		case PROMPT_INPUT:
			got = read_character(editor, character);
			if (got == 0)
				editor->event = PROMPT_END;
			if (got >= 0)
				return got;
			break;
		case PROMPT_LOG:
			show_log(editor);
			break;
		case PROMPT_RESIZE:
			resize(editor);
			break;
		case PROMPT_SUSPEND:
			suspend(editor);
			break;
		case PROMPT_CHILD:
			break;
		case PROMPT_INTERRUPT:
			errno = EINTR;
			return -1;
		case PROMPT_END:
			return 0;
		}
	}
}

/* --- completion --- */

struct candidates {
	int count;
	char *words[CANDIDATES];
};

static void
add_candidate(void *context, const char *word)
{
	struct candidates *candidates = context;
	char *copy;

	if (candidates->count == CANDIDATES)
		return;
	copy = strdup(word);
	if (copy)
		candidates->words[candidates->count++] = copy;
}

/* How many bytes all of them begin with. */
static size_t
in_common(const struct candidates *candidates)
{
	size_t length = strlen(candidates->words[0]);

	for (int i = 1; i < candidates->count; i++)
		for (size_t k = 0; k < length; k++)
			if (candidates->words[i][k] != candidates->words[0][k])
				length = k;
	return length;
}

static void
list_candidates(const struct candidates *candidates)
{
	fputc('\n', stdout);
	for (int i = 0; i < candidates->count; i++)
		printf("%s%s", candidates->words[i],
		       i + 1 < candidates->count ? "  " : "\n");
	fflush(stdout);
}

/* Go on from PREFIX as far as they agree, or else show them. */
static unsigned char
use_candidates(EditLine *edit, const struct candidates *candidates,
	       const char *prefix)
{
	size_t known = strlen(prefix), common;
	char rest[WORDS_BYTES];

	if (candidates->count == 0)
		return CC_ERROR;
	common = in_common(candidates);
	if (common <= known && candidates->count > 1) {
		list_candidates(candidates);
		return CC_REDISPLAY;
	}
	snprintf(rest, sizeof(rest), "%.*s%s", (int)(common - known),
		 candidates->words[0] + known,
		 candidates->count == 1 ? " " : "");
	return el_insertstr(edit, rest) < 0 ? CC_ERROR : CC_REFRESH;
}

/* For libedit: Tab. */
static unsigned char
complete(EditLine *edit, int key)
{
	const LineInfo *line = el_line(edit);
	struct candidates candidates = { 0 };
	struct completion completion = {
		.options = editor_of(edit)->text->options,
		.prompt = true,
		.found = add_candidate,
		.context = &candidates,
	};
	struct words words;
	char text[WORDS_BYTES];
	unsigned char result;

	(void)key;
	snprintf(text, sizeof(text), "%.*s", (int)(line->cursor - line->buffer),
		 line->buffer);
	if (!words_split_open(&words, text))
		return CC_ERROR;
	completion_find(&completion, words.list, words.count);
	result = use_candidates(edit, &candidates, words.list[words.count - 1]);
	while (candidates.count > 0)
		free(candidates.words[--candidates.count]);
	return result;
}

/* --- history --- */

/* Where it is kept; false: nowhere. */
static bool
find_file(char path[PATH_MAX])
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int length = -1;

	if (state && *state == '/')
		length = snprintf(path, PATH_MAX, "%s/timedctl_history", state);
	else if (home && *home == '/')
		length = snprintf(path, PATH_MAX, "%s/.timedctl_history", home);
	return length > 0 && length < PATH_MAX;
}

static void
load_history(struct prompt_editor *editor)
{
	char path[PATH_MAX];
	HistEvent event;

	history(editor->history, &event, H_SETSIZE, REMEMBERED);
	history(editor->history, &event, H_SETUNIQUE, 1);
	if (find_file(path))
		history(editor->history, &event, H_LOAD, path);
}

/* Whole or not at all; what cannot be kept is forgotten. */
static void
save_history(struct prompt_editor *editor)
{
	char path[PATH_MAX], made[PATH_MAX];
	HistEvent event;
	FILE *file;
	int fd, length;

	if (!find_file(path))
		return;
	length = snprintf(made, sizeof(made), "%s.XXXXXX", path);
	if (length < 0 || (size_t)length >= sizeof(made))
		return;
	/* 0600 from the start. */
	fd = mkostemp(made, O_CLOEXEC);
	if (fd < 0)
		return;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		unlink(made);
		return;
	}
	length = history(editor->history, &event, H_SAVE_FP, file);
	if (fclose(file) != 0 || length < 0 || rename(made, path) < 0)
		unlink(made);
}

static void
remember(struct prompt_editor *editor, const char *line)
{
	HistEvent event;

	if (line[strspn(line, " \t")])
		history(editor->history, &event, H_ENTER, line);
}

/* --- life --- */

static void
configure(struct prompt_editor *editor)
{
	EditLine *edit = editor->edit;

	el_set(edit, EL_CLIENTDATA, editor);
	el_set(edit, EL_PROMPT, prompt_of);
	el_set(edit, EL_EDITOR, "emacs");
	el_set(edit, EL_SIGNAL, 0);
	el_set(edit, EL_HIST, history, editor->history);
	el_set(edit, EL_GETCFN, get_character);
	el_set(edit, EL_ADDFN, "timedctl-complete", "complete the word",
	       complete);
	el_set(edit, EL_BIND, "^I", "timedctl-complete", NULL);
	el_set(edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
	/* What the user wants of all programs. */
	el_source(edit, NULL);
}

struct prompt_editor *
prompt_editor_open(struct prompt_wait *wait, struct prompt_text *text)
{
	struct prompt_editor *editor;
	const char *type = getenv("TERM");

	if (!type || !*type || strcmp(type, "dumb") == 0)
		return NULL;
	editor = calloc(1, sizeof(*editor));
	if (!editor)
		return NULL;
	editor->wait = wait;
	editor->text = text;
	editor->history = history_init();
	editor->edit = el_init("timedctl", stdin, stdout, stderr);
	if (editor->history && editor->edit) {
		load_history(editor);
		configure(editor);
		return editor;
	}
	if (editor->edit)
		el_end(editor->edit);
	if (editor->history)
		history_end(editor->history);
	free(editor);
	return NULL;
}

void
prompt_editor_close(struct prompt_editor *editor)
{
	save_history(editor);
	el_end(editor->edit);
	history_end(editor->history);
	free(editor);
}

enum prompt_event
prompt_editor_next(struct prompt_editor *editor, const char **line)
{
	int length;

	prompt_text_look(editor->text);
	editor->event = PROMPT_INPUT;
	*line = el_gets(editor->edit, &length);
	if (*line && length > 0) {
		remember(editor, *line);
		return PROMPT_INPUT;
	}
	fputc('\n', stdout);
	/* Ctrl-D is a key. */
	return editor->event == PROMPT_INPUT ? PROMPT_END : editor->event;
}

#else

struct prompt_editor *
prompt_editor_open(struct prompt_wait *wait, struct prompt_text *text)
{
	(void)wait;
	(void)text;
	return NULL;
}

void
prompt_editor_close(struct prompt_editor *editor)
{
	(void)editor;
}

enum prompt_event
prompt_editor_next(struct prompt_editor *editor, const char **line)
{
	(void)editor;
	(void)line;
	return PROMPT_END;
}

#endif
