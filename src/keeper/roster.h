/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is here: the sessions that there are, each with the worker that has its
 * connection, and the users that they are of.
 *
 * A session without a worker waits for one: its connection is on the way from
 * one to another, or its worker is dead.  Who waits too long is over.
 * One without a user is what a worker claims to have while the store cannot
 * be asked.
 */
#ifndef TIMED_KEEPER_ROSTER_H
#define TIMED_KEEPER_ROSTER_H

#include "base/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	ROSTER_SESSIONS = 65536, /* at most */
	ROSTER_BUCKETS = 4096,
};

struct channel;

struct roster_user {
	uint64_t id;
	char name[NAME_SIZE];
	uint32_t sessions;
	LIST_ENTRY(roster_user) bucket;
};

struct roster_session {
	uint64_t id;
	uint64_t key;
	struct roster_user *user; /* NULL: not known yet */
	struct channel *channel;  /* NULL: waits for a worker */
	uint64_t since;		  /* CLOCK_MONOTONIC, nanoseconds */
	uint64_t moves;		  /* of it, that a worker said so far */
	bool stored;		  /* the store has it */
	bool passed;		  /* a worker has it, and will say so */
	LIST_ENTRY(roster_session) bucket;
	TAILQ_ENTRY(roster_session) entry;
};

TAILQ_HEAD(roster_list, roster_session);

struct roster {
	LIST_HEAD(roster_sessions, roster_session) sessions[ROSTER_BUCKETS];
	LIST_HEAD(roster_users, roster_user) users[ROSTER_BUCKETS];
	struct roster_list all; /* oldest first */
	uint32_t session_count;
	uint32_t user_count;
};

void roster_init(struct roster *roster);
void roster_free(struct roster *roster);

/* A session of nobody, without a worker.  NULL: no memory, or too many. */
struct roster_session *roster_add(struct roster *roster, uint64_t id,
				  uint64_t key);

/*
 * It is of user ID, who is called NAME.  False when memory is out.  *first:
 * he was not here before.
 */
bool roster_identify(struct roster *roster, struct roster_session *session,
		     uint64_t id, const char *name, bool *first);

/* True when it was the last one of its user. */
bool roster_remove(struct roster *roster, struct roster_session *session);

struct roster_session *roster_find(const struct roster *roster, uint64_t id);
struct roster_user *roster_user(const struct roster *roster, uint64_t id);

/*
 * Write "* NAME\n" for each user, or "* NAME, 2 sessions\n", in the order of
 * their names, those after AFTER, as many as fit SIZE bytes of TEXT.  The
 * length; *MORE is the name of the last one, or NULL if there are no more
 * after him.
 */
size_t roster_show(const struct roster *roster, const char *after, char *text,
		   size_t size, const char **more);

#endif
