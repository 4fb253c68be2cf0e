/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/format.h"

#include "ipc/keeper_wire.h"

#include <stdio.h>
#include <string.h>

/* "[2026-11-21 10:02:03] ", a name, " -> ", a name, ": " and the newline. */
_Static_assert(48 + 2 * NAME_SIZE + KEEPER_TEXT <= RING_LINE,
	       "every line fits the ring");

void
format_init(struct format *format, const struct zone *zone)
{
	*format = (struct format){ .zone = zone };
}

static const char *
stamp(struct format *format, int64_t second)
{
	struct tm tm;

	if (format->stamp[0] && format->second == second)
		return format->stamp;
	zone_time(format->zone, second, &tm);
	if (strftime(format->stamp, sizeof(format->stamp), "%Y-%m-%d %H:%M:%S",
		     &tm) == 0)
		strcpy(format->stamp, "?");
	format->second = second;
	return format->stamp;
}

size_t
format_message(struct format *format, const struct store_message *message,
	       char text[RING_LINE])
{
	const char *when = stamp(format, message->time);
	const char *from = message->from_name;
	/* The store may have been written by another hand. */
	int most = message->length > KEEPER_TEXT ? KEEPER_TEXT
						 : (int)message->length;
	int names = NAME_SIZE - 1;
	int length;

	if (message->to_name)
		length = snprintf(text, RING_LINE, "[%s] %.*s -> %.*s: %.*s\n",
				  when, names, from, names, message->to_name,
				  most, message->text);
	else if (message->kind == RING_ACTION)
		length = snprintf(text, RING_LINE, "[%s] * %.*s %.*s\n", when,
				  names, from, most, message->text);
	else
		length = snprintf(text, RING_LINE, "[%s] %.*s: %.*s\n", when,
				  names, from, most, message->text);
	return length > 0 ? (size_t)length : 0;
}

size_t
format_notice(enum ring_kind kind, const char *name, char text[RING_LINE])
{
	int length = snprintf(text, RING_LINE, "* %s has %s\n", name,
			      kind == RING_JOINED ? "joined" : "left");

	return length > 0 ? (size_t)length : 0;
}
