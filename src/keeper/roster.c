/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/roster.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t
bucket_of(uint64_t id)
{
	return id % ROSTER_BUCKETS;
}

void
roster_init(struct roster *roster)
{
	for (int i = 0; i < ROSTER_BUCKETS; i++) {
		LIST_INIT(&roster->sessions[i]);
		LIST_INIT(&roster->users[i]);
	}
	TAILQ_INIT(&roster->all);
	roster->session_count = 0;
	roster->user_count = 0;
}

void
roster_free(struct roster *roster)
{
	struct roster_session *session, *next_session;
	struct roster_user *user, *next_user;

	for (session = TAILQ_FIRST(&roster->all); session;
	     session = next_session) {
		next_session = TAILQ_NEXT(session, entry);
		free(session);
	}
	for (int i = 0; i < ROSTER_BUCKETS; i++) {
		for (user = LIST_FIRST(&roster->users[i]); user;
		     user = next_user) {
			next_user = LIST_NEXT(user, bucket);
			free(user);
		}
	}
	roster_init(roster);
}

struct roster_session *
roster_add(struct roster *roster, uint64_t id, uint64_t key)
{
	struct roster_session *session;

	if (roster->session_count == ROSTER_SESSIONS)
		return NULL;
	session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->id = id;
	session->key = key;
	LIST_INSERT_HEAD(&roster->sessions[bucket_of(id)], session, bucket);
	TAILQ_INSERT_TAIL(&roster->all, session, entry);
	roster->session_count++;
	return session;
}

static struct roster_user *
add_user(struct roster *roster, uint64_t id, const char *name)
{
	struct roster_user *user = calloc(1, sizeof(*user));

	if (!user)
		return NULL;
	user->id = id;
	strlcpy(user->name, name, sizeof(user->name));
	LIST_INSERT_HEAD(&roster->users[bucket_of(id)], user, bucket);
	roster->user_count++;
	return user;
}

bool
roster_identify(struct roster *roster, struct roster_session *session,
		uint64_t id, const char *name, bool *first)
{
	struct roster_user *user = roster_user(roster, id);

	*first = !user;
	if (!user)
		user = add_user(roster, id, name);
	if (!user)
		return false;
	user->sessions++;
	session->user = user;
	return true;
}

bool
roster_remove(struct roster *roster, struct roster_session *session)
{
	struct roster_user *user = session->user;
	bool last = user && --user->sessions == 0;

	LIST_REMOVE(session, bucket);
	TAILQ_REMOVE(&roster->all, session, entry);
	free(session);
	roster->session_count--;
	if (!last)
		return false;
	LIST_REMOVE(user, bucket);
	free(user);
	roster->user_count--;
	return true;
}

struct roster_session *
roster_find(const struct roster *roster, uint64_t id)
{
	struct roster_session *session;

	for (session = LIST_FIRST(&roster->sessions[bucket_of(id)]); session;
	     session = LIST_NEXT(session, bucket)) {
		if (session->id == id)
			return session;
	}
	return NULL;
}

struct roster_user *
roster_user(const struct roster *roster, uint64_t id)
{
	struct roster_user *user;

	for (user = LIST_FIRST(&roster->users[bucket_of(id)]); user;
	     user = LIST_NEXT(user, bucket)) {
		if (user->id == id)
			return user;
	}
	return NULL;
}

/* --- who is here --- */

static int
by_name(const void *a, const void *b)
{
	const struct roster_user *const *one = a;
	const struct roster_user *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

/* Those whose names come after AFTER, in order; how many. */
static size_t
sorted(const struct roster *roster, const char *after,
       const struct roster_user **users)
{
	const struct roster_user *user;
	size_t count = 0;

	for (int i = 0; i < ROSTER_BUCKETS; i++) {
		for (user = LIST_FIRST(&roster->users[i]); user;
		     user = LIST_NEXT(user, bucket)) {
			if (strcmp(user->name, after) > 0)
				users[count++] = user;
		}
	}
	qsort(users, count, sizeof(*users), by_name);
	return count;
}

static size_t
show_user(const struct roster_user *user, char *line, size_t size)
{
	int length = snprintf(line, size, "* %s\n", user->name);

	if (user->sessions > 1)
		length = snprintf(line, size, "* %s, %" PRIu32 " sessions\n",
				  user->name, user->sessions);
	return (size_t)length;
}

size_t
roster_show(const struct roster *roster, const char *after, char *text,
	    size_t size, const char **more)
{
	const struct roster_user **users =
		calloc(roster->user_count + 1, sizeof(*users));
	size_t count = users ? sorted(roster, after, users) : 0;
	size_t used = 0;

	*more = NULL;
	for (size_t i = 0; i < count; i++) {
		char line[NAME_SIZE + 40];
		size_t length = show_user(users[i], line, sizeof(line));

		if (length > size - used) {
			*more = i > 0 ? users[i - 1]->name : NULL;
			break;
		}
		memcpy(text + used, line, length);
		used += length;
	}
	free(users);
	return used;
}
