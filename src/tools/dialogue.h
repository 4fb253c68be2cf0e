/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a chat server says, taken apart: its lines by their kind, and what it
 * asks for, which has no end of line.
 *
 * The kind of a line is what its first character says; a server that is none of
 * ours may say anything, and that is text.  A line that is longer than
 * DIALOGUE_LINE comes in pieces.
 */
#ifndef TIMED_TOOLS_DIALOGUE_H
#define TIMED_TOOLS_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	DIALOGUE_LINE = 4096, /* bytes */
};

enum dialogue_kind {
	DIALOGUE_NOTHING,
	/* Lines. */
	DIALOGUE_TEXT,	  /* "[2026-11-21 10:02:03] name: text", or another */
	DIALOGUE_NOTICE,  /* "* ..." */
	DIALOGUE_REFUSAL, /* "! ..." */
	DIALOGUE_STORED,  /* "+ 17" */
	/* What is asked for. */
	DIALOGUE_NAME,
	DIALOGUE_PASSWORD,
	DIALOGUE_CHOICE, /* of a password */
};

struct dialogue {
	/* TEXT of LENGTH bytes, without its end. */
	void (*heard)(void *context, enum dialogue_kind kind, const char *text,
		      size_t length);
	void *context;
	bool asked; /* the last thing was a question */
	size_t length;
	char line[DIALOGUE_LINE];
};

void dialogue_open(struct dialogue *dialogue,
		   void (*heard)(void *context, enum dialogue_kind kind,
				 const char *text, size_t length),
		   void *context);

/* LENGTH of BYTES came from the server. */
void dialogue_bytes(struct dialogue *dialogue, const char *bytes,
		    size_t length);

/* The server is gone: what is left of a line is one. */
void dialogue_end(struct dialogue *dialogue);

static inline bool
dialogue_is_question(enum dialogue_kind kind)
{
	return kind >= DIALOGUE_NAME;
}

static inline bool
dialogue_is_secret(enum dialogue_kind kind)
{
	return kind == DIALOGUE_PASSWORD || kind == DIALOGUE_CHOICE;
}

/* Whether TEXT, a notice, says that the client is in the room, or leaves. */
bool dialogue_welcomes(const char *text, size_t length);
bool dialogue_parts(const char *text, size_t length);

#endif
