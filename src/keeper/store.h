/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where users, sessions and messages are kept.
 *
 * This is an interface: nothing in it is SQLite's, though store.c is SQLite,
 * one file that sqlite3(1) opens.  A store that several hosts share can take
 * its place: it gives out ids and the order of messages, and says what is
 * there twice.
 *
 * Everything that changes it happens between store_begin() and
 * store_commit(), and is there after the latter or not at all.  STORE_FAILED
 * means that nothing is known to have been done: roll back, say
 * store_problem(), try later; after a failure of its own, store_usable() tells
 * whether it has to be opened again.
 */
#ifndef TIMED_KEEPER_STORE_H
#define TIMED_KEEPER_STORE_H

#include "base/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_HASH = 384, /* room for a hash, as crypt(5) has it */
};

struct store;

enum store_result {
	STORE_OK,
	STORE_NONE,   /* there is none of that name, id ... */
	STORE_TWICE,  /* it is there already */
	STORE_FAILED, /* see store_problem() */
};

/*
 * Open FILE, made if it is missing.  POWER: a commit is on the disk when it
 * returns; otherwise it is with the system.  NULL with a line of text in ERROR:
 * of a newer timed, no database, no permission, no room ...
 */
struct store *store_open(const char *file, bool power, char *error,
			 size_t size);
void store_close(struct store *store);

/* Why the last call failed: "database or disk is full". */
const char *store_problem(const struct store *store);

/* False when it is damaged: close it and open it again. */
bool store_usable(const struct store *store);

enum store_result store_begin(struct store *store);
enum store_result store_commit(struct store *store);
void store_rollback(struct store *store); /* nothing is fine, too */

/* --- users --- */

struct store_user {
	uint64_t id; /* no other ever has it; 1 and up */
	char name[NAME_SIZE];
	char hash[STORE_HASH];
	int64_t created;   /* CLOCK_REALTIME, seconds */
	int64_t last_seen; /* the same; 0: never */
};

/* By name->key.  STORE_OK, STORE_NONE. */
enum store_result store_user(struct store *store, const struct name *name,
			     struct store_user *user);
/* The one with the lowest id above AFTER. */
enum store_result store_next_user(struct store *store, uint64_t after,
				  struct store_user *user);
/* STORE_TWICE: the name is taken. */
enum store_result store_add_user(struct store *store, const struct name *name,
				 const char *hash, int64_t now, uint64_t *id);
enum store_result store_set_hash(struct store *store, uint64_t user,
				 const char *hash);
enum store_result store_saw(struct store *store, uint64_t user, int64_t now);
/* With all its sessions; what it said stays. */
enum store_result store_remove_user(struct store *store, uint64_t user);
/* All of them; *REMOVED: how many. */
enum store_result store_remove_users(struct store *store, uint64_t *removed);

/* --- sessions --- */

struct store_session {
	uint64_t id; /* no other ever has it */
	uint64_t key;
	uint64_t user;
	char name[NAME_SIZE]; /* of the user */
};

enum store_result store_add_session(struct store *store, uint64_t user,
				    uint64_t key, int64_t now, uint64_t *id);
/* The one with the lowest id above AFTER. */
enum store_result store_next_session(struct store *store, uint64_t after,
				     struct store_session *session);
enum store_result store_remove_session(struct store *store, uint64_t id);
enum store_result store_remove_sessions(struct store *store);

/* --- messages --- */

struct store_message {
	uint64_t seq;	  /* its place in the order; 1 and up */
	int64_t time;	  /* CLOCK_REALTIME, seconds */
	uint32_t kind;	  /* enum ring_kind */
	uint64_t session; /* it is line `number` of that */
	uint64_t number;
	uint64_t from; /* user */
	uint64_t to;   /* user; 0: everybody */
	const char *from_name;
	const char *to_name; /* NULL: everybody */
	const char *text;    /* not terminated */
	size_t length;
};

/*
 * Give *message its seq.  STORE_TWICE: that session's line of that number is
 * there, with that seq.
 */
enum store_result store_add_message(struct store *store,
				    struct store_message *message);

/* The seq of the last one that there ever was. */
enum store_result store_last_seq(struct store *store, uint64_t *seq);

/* What a reading call does with each; false ends it. */
typedef bool store_take(void *context, const struct store_message *message);

/* *SEQ: of the one before the last COUNT ones; 0: there are no more. */
enum store_result store_before_last(struct store *store, uint32_t count,
				    uint64_t *seq);

/* All after seq AFTER in order; the texts are there during the call. */
enum store_result store_messages(struct store *store, uint64_t after,
				 store_take *take, void *context);

/*
 * The last COUNT messages after AFTER and up to UNTIL, in order, of those that
 * USER may see (0: all); *FOUND is how many there are.
 */
enum store_result store_history(struct store *store, uint64_t user,
				uint64_t after, uint64_t until, uint32_t count,
				uint32_t *found, store_take *take,
				void *context);

/* Let the next one have a seq above SEQ. */
enum store_result store_skip_to(struct store *store, uint64_t seq);

/* Forget all but the last KEEP, MOST of them now; it was *REMOVED. */
enum store_result store_prune(struct store *store, uint64_t keep, uint32_t most,
			      uint64_t *removed);
enum store_result store_clear_messages(struct store *store, uint64_t *removed);

#endif
