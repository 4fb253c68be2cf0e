/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/dialogue.h"

#include <string.h>

struct question {
	enum dialogue_kind kind;
	const char *text;
};

static const struct question questions[] = {
	{ DIALOGUE_NAME, "name: " },
	{ DIALOGUE_PASSWORD, "password: " },
	{ DIALOGUE_CHOICE, "new name, choose a password: " },
	{ DIALOGUE_PASSWORD, "old password: " },
	{ DIALOGUE_CHOICE, "new password: " },
	{ DIALOGUE_NOTHING, NULL },
};

void
dialogue_open(struct dialogue *dialogue,
	      void (*heard)(void *context, enum dialogue_kind kind,
			    const char *text, size_t length),
	      void *context)
{
	dialogue->heard = heard;
	dialogue->context = context;
	dialogue->asked = false;
	dialogue->length = 0;
}

static void
say(struct dialogue *dialogue, enum dialogue_kind kind)
{
	size_t length = dialogue->length;

	dialogue->length = 0;
	dialogue->asked = dialogue_is_question(kind);
	dialogue->heard(dialogue->context, kind, dialogue->line, length);
}

static enum dialogue_kind
kind_of(const char *line, size_t length)
{
	if (length < 2 || line[1] != ' ')
		return DIALOGUE_TEXT;
	switch (line[0]) {
	case '*':
		return DIALOGUE_NOTICE;
	case '!':
		return DIALOGUE_REFUSAL;
	case '+':
		return DIALOGUE_STORED;
	default:
		return DIALOGUE_TEXT;
	}
}

static void
end_line(struct dialogue *dialogue)
{
	if (dialogue->length > 0 &&
	    dialogue->line[dialogue->length - 1] == '\r')
		dialogue->length--;
	/* The end of what was asked, and not answered. */
	if (dialogue->asked && dialogue->length == 0)
		dialogue->asked = false;
	else
		say(dialogue, kind_of(dialogue->line, dialogue->length));
}

/* Whether all that came since the last line is a question. */
static void
look_for_question(struct dialogue *dialogue)
{
	for (const struct question *q = questions; q->text; q++)
		if (dialogue->length == strlen(q->text) &&
		    memcmp(dialogue->line, q->text, dialogue->length) == 0) {
			say(dialogue, q->kind);
			return;
		}
}

void
dialogue_bytes(struct dialogue *dialogue, const char *bytes, size_t length)
{
	while (length > 0) {
		const char *end = memchr(bytes, '\n', length);
		size_t room = DIALOGUE_LINE - dialogue->length;
		size_t part = end ? (size_t)(end - bytes) : length;

		if (part > room) {
			part = room;
			end = NULL;
		}
		memcpy(dialogue->line + dialogue->length, bytes, part);
		dialogue->length += part;
		part += end != NULL;
		bytes += part;
		length -= part;
		if (end || dialogue->length == DIALOGUE_LINE)
			end_line(dialogue);
	}
	look_for_question(dialogue);
}

void
dialogue_end(struct dialogue *dialogue)
{
	if (dialogue->length > 0)
		end_line(dialogue);
}

static bool
begins(const char *text, size_t length, const char *with)
{
	size_t n = strlen(with);

	return length >= n && memcmp(text, with, n) == 0;
}

bool
dialogue_welcomes(const char *text, size_t length)
{
	return begins(text, length, "* welcome, ");
}

bool
dialogue_parts(const char *text, size_t length)
{
	return begins(text, length, "* goodbye");
}
