/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a user of timebench chat talks to a room: to timed's, and for comparison
 * to an IRC server's or to the bare lines of ncat --chat.
 *
 * All are lines; what one is sent is taken apart by tools/dialogue.h.
 */
#ifndef TIMED_TOOLS_BENCH_ROOM_H
#define TIMED_TOOLS_BENCH_ROOM_H

#include "tools/dialogue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BENCH_ROOM_MOST = 400, /* bytes of one that is said, at most, */
	BENCH_ROOM_TEXT = 512, /* and with what goes around it */
	BENCH_ROOM_REPLY = 1024,
};

enum bench_room_event {
	BENCH_ROOM_NOTHING,
	BENCH_ROOM_IN,	    /* it is in the room from now on */
	BENCH_ROOM_LINE,    /* somebody said something */
	BENCH_ROOM_REFUSED, /* it is not let in, for what the line says */
	BENCH_ROOM_SLOW,    /* a line of it was not said */
	BENCH_ROOM_MISSED,  /* it misses `count` lines */
};

struct bench_room_user {
	const char *name;
	const char *password;
	bool in;
	/* To be sent: what the last call has to say. */
	char reply[BENCH_ROOM_REPLY];
	size_t reply_length;
	uint64_t count;
};

struct bench_room {
	const char *name;
	/* It is connected; NULL: it waits to be asked. */
	void (*begin)(struct bench_room_user *user);
	enum bench_room_event (*hear)(struct bench_room_user *user,
				      enum dialogue_kind kind, const char *text,
				      size_t length);
	/* What goes before and after a text to say it. */
	const char *before;
	const char *after;
};

/* NULL: there is none of that name. */
const struct bench_room *bench_room_find(const char *name);

#endif
