/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One user of timebench chat: a connection, what is sent over it, and what
 * comes.
 */
#ifndef TIMED_TOOLS_BENCH_CHAT_USER_H
#define TIMED_TOOLS_BENCH_CHAT_USER_H

#include "base/addr.h"
#include "base/loop.h"
#include "tools/bench_order.h"
#include "tools/bench_room.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chat_user;

/* What the users of a run share, and what it is told of them. */
struct chat_users {
	struct loop *loop;
	const struct bench_room *room;
	struct order *order;
	char tag[16];  /* what the lines of this run have before their number */
	uint32_t size; /* bytes of a line */
	void *context;
	void (*entered)(void *context, struct chat_user *user);
	/* Everybody has line NUMBER. */
	void (*complete)(void *context, uint32_t number);
	/* One line was refused, or COUNT are missed; see enum bench_room_event.
	 */
	void (*told)(void *context, enum bench_room_event event,
		     uint64_t count);
	/* It is not let in, or cut off: WHY, or errno in ERROR. */
	void (*gone)(void *context, struct chat_user *user, const char *why,
		     int error);
};

struct chat_user {
	struct loop_source source; /* fd -1: not connected */
	struct chat_users *users;
	struct bench_room_user who;
	struct dialogue dialogue;
	struct order_reader reader;
	char name[64];
	uint32_t unseen; /* lines of its own that not everybody has */
	char *unsent;
	size_t from, to, room;
	bool waits; /* for room to send it */
};

/*
 * A descriptor on its way to ADDRESS for user NUMBER, or -1 with errno; and a
 * user begins with it, whose it is then.  0, or -1 with errno.
 */
int chat_user_connect(const struct addr *address, uint32_t number);
int chat_user_begin(struct chat_user *user, struct chat_users *users, int fd);

/* Say COUNT lines at once.  False: no memory. */
bool chat_user_say(struct chat_user *user, uint32_t count);

void chat_user_close(struct chat_user *user);

#endif
