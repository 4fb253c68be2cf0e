/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_room.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL "#timebench"

static void reply(struct bench_room_user *user, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void
reply(struct bench_room_user *user, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(user->reply, sizeof(user->reply), format, arguments);
	va_end(arguments);
	user->reply_length = 0;
	if (length > 0 && (size_t)length < sizeof(user->reply))
		user->reply_length = (size_t)length;
}

static bool
has(const char *text, size_t length, const char *what)
{
	return memmem(text, length, what, strlen(what)) != NULL;
}

static bool
begins(const char *text, size_t length, const char *what)
{
	size_t n = strlen(what);

	return length >= n && memcmp(text, what, n) == 0;
}

/* ---- timed -------------------------------------------------------------- */

static enum bench_room_event
refused(struct bench_room_user *user, const char *text, size_t length)
{
	if (user->in && begins(text, length, "! slow down"))
		return BENCH_ROOM_SLOW;
	if (user->in && has(text, length, " lines missed")) {
		/* There is a newline or more after it. */
		user->count = strtoull(text + 2, NULL, 10);
		return BENCH_ROOM_MISSED;
	}
	/* Its name is asked for again. */
	if (has(text, length, "too many log in"))
		return BENCH_ROOM_NOTHING;
	return BENCH_ROOM_REFUSED;
}

static enum bench_room_event
hear_timed(struct bench_room_user *user, enum dialogue_kind kind,
	   const char *text, size_t length)
{
	switch (kind) {
	case DIALOGUE_NAME:
		reply(user, "%s\n", user->name);
		return BENCH_ROOM_NOTHING;
	case DIALOGUE_PASSWORD:
	case DIALOGUE_CHOICE:
		reply(user, "%s\n", user->password);
		return BENCH_ROOM_NOTHING;
	case DIALOGUE_NOTICE:
		return dialogue_welcomes(text, length) ? BENCH_ROOM_IN
						       : BENCH_ROOM_NOTHING;
	case DIALOGUE_REFUSAL:
		return refused(user, text, length);
	case DIALOGUE_TEXT:
		return BENCH_ROOM_LINE;
	default:
		return BENCH_ROOM_NOTHING;
	}
}

/* ---- IRC (RFC 2812) ------------------------------------------------------ */

static void
begin_irc(struct bench_room_user *user)
{
	reply(user, "NICK %s\r\nUSER %s 0 * :%s\r\n", user->name, user->name,
	      user->name);
}

/* The second word of a line; 0: it is no number. */
static int
numeric(const char *text, size_t length)
{
	const char *space = memchr(text, ' ', length);

	if (!space || length - (size_t)(space - text) < 5)
		return 0;
	return atoi(space + 1);
}

static enum bench_room_event
hear_irc(struct bench_room_user *user, enum dialogue_kind kind,
	 const char *text, size_t length)
{
	(void)kind;
	if (begins(text, length, "PING ")) {
		reply(user, "PONG %.*s\r\n", (int)length - 5, text + 5);
		return BENCH_ROOM_NOTHING;
	}
	if (user->in)
		return has(text, length, " PRIVMSG ") ? BENCH_ROOM_LINE
						      : BENCH_ROOM_NOTHING;
	if (begins(text, length, "ERROR "))
		return BENCH_ROOM_REFUSED;
	switch (numeric(text, length)) {
	case 1: /* RPL_WELCOME */
		reply(user, "JOIN " CHANNEL "\r\n");
		return BENCH_ROOM_NOTHING;
	case 366: /* RPL_ENDOFNAMES */
		return BENCH_ROOM_IN;
	case 433: /* ERR_NICKNAMEINUSE */
	case 471: /* ERR_CHANNELISFULL */
		return BENCH_ROOM_REFUSED;
	default:
		return BENCH_ROOM_NOTHING;
	}
}

/* ---- ncat --chat ---------------------------------------------------------- */

static enum bench_room_event
hear_lines(struct bench_room_user *user, enum dialogue_kind kind,
	   const char *text, size_t length)
{
	(void)kind;
	if (begins(text, length, "<announce> "))
		return !user->in && has(text, length, "already connected")
			       ? BENCH_ROOM_IN
			       : BENCH_ROOM_NOTHING;
	return BENCH_ROOM_LINE;
}

static const struct bench_room rooms[] = {
	{ "timed", NULL, hear_timed, "", "\n" },
	{ "irc", begin_irc, hear_irc, "PRIVMSG " CHANNEL " :", "\r\n" },
	{ "lines", NULL, hear_lines, "", "\n" },
	{ NULL, NULL, NULL, NULL, NULL },
};

const struct bench_room *
bench_room_find(const char *name)
{
	for (const struct bench_room *room = rooms; room->name; room++)
		if (strcmp(room->name, name) == 0)
			return room;
	return NULL;
}
