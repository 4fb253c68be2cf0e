/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What waits to be stored: lines, and sessions that are over.
 *
 * All of it goes into one transaction as soon as the requests that are there
 * have been read.  When that is committed, and not before, lines are published
 * to the ring in the order of the store, and acknowledged.  When it fails none
 * is: each is answered KEEPER_TROUBLE, and the sessions are removed with the
 * next one.
 */
#ifndef TIMED_KEEPER_LINES_H
#define TIMED_KEEPER_LINES_H

#include "base/loop.h"
#include "ipc/keeper_wire.h"
#include "ipc/ring.h"
#include "keeper/channel.h"
#include "keeper/roster.h"
#include "keeper/store.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	LINES_BATCH = 256
};

struct keeper;

struct lines_item {
	/* A line; else the end of `session`. */
	bool said;
	bool absent;
	bool last; /* its user is gone, and that is said */
	enum store_result result;
	struct channel *channel; /* NULL: nobody waits for the answer */
	uint64_t token;
	struct store_message message;
	char from[NAME_SIZE];
	char to[NAME_SIZE];
	char text[KEEPER_TEXT];
};

struct lines {
	struct loop_task due; /* something waits */
	struct keeper *keeper;
	int count;
	uint64_t since_pruned; /* messages */
	struct lines_item items[LINES_BATCH];
};

void lines_open(struct lines *lines, struct keeper *keeper);

/* SESSION says what REQUEST has; TO is a user's id, or 0 for all. */
void lines_say(struct lines *lines, struct channel *channel,
	       const struct roster_session *session,
	       const struct keeper_asked *request, uint64_t to,
	       const char *to_name);

/* SESSION is over: forget it, here and in the store. */
void lines_leave(struct lines *lines, struct roster_session *session);

/* Nobody waits for answers through CHANNEL any more. */
void lines_forget(struct lines *lines, const struct channel *channel);

/* Store what waits, now. */
void lines_commit(struct lines *lines);

/* Publish MESSAGE, which the store has; see also ring_publish(). */
void lines_append(struct keeper *keeper, const struct store_message *message);

/* Publish that NAME is here, with SESSION, or has gone. */
void lines_notice(struct keeper *keeper, enum ring_kind kind, const char *name,
		  uint64_t session);

#endif
