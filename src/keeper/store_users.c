/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The users and sessions of the SQLite store.
 */
#include "keeper/store_sqlite.h"

/* --- users --- */

static enum store_result
take_user(struct store *store, sqlite3_stmt *statement, struct store_user *user)
{
	enum store_result result = store_sql_row(store, statement);

	if (result == STORE_OK) {
		user->id = (uint64_t)sqlite3_column_int64(statement, 0);
		store_sql_text(statement, 1, user->name, sizeof(user->name));
		store_sql_text(statement, 2, user->hash, sizeof(user->hash));
		user->created = sqlite3_column_int64(statement, 3);
		user->last_seen = sqlite3_column_int64(statement, 4);
	}
	return store_sql_done(statement, result);
}

enum store_result
store_user(struct store *store, const struct name *name,
	   struct store_user *user)
{
	return take_user(store, store_sql(store, SQL_USER, "t", name->key),
			 user);
}

enum store_result
store_next_user(struct store *store, uint64_t after, struct store_user *user)
{
	return take_user(store,
			 store_sql(store, SQL_NEXT_USER, "i", (int64_t)after),
			 user);
}

enum store_result
store_add_user(struct store *store, const struct name *name, const char *hash,
	       int64_t now, uint64_t *id)
{
	enum store_result result = store_sql_run(
		store, store_sql(store, SQL_ADD_USER, "ttti", name->text,
				 name->key, hash, now));

	*id = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return result;
}

enum store_result
store_set_hash(struct store *store, uint64_t user, const char *hash)
{
	return store_sql_run(store, store_sql(store, SQL_SET_HASH, "ti", hash,
					      (int64_t)user));
}

enum store_result
store_saw(struct store *store, uint64_t user, int64_t now)
{
	return store_sql_run(
		store, store_sql(store, SQL_SAW, "ii", now, (int64_t)user));
}

enum store_result
store_remove_user(struct store *store, uint64_t user)
{
	return store_sql_run(
		store, store_sql(store, SQL_REMOVE_USER, "i", (int64_t)user));
}

enum store_result
store_remove_users(struct store *store, uint64_t *removed)
{
	enum store_result result =
		store_sql_run(store, store_sql(store, SQL_REMOVE_USERS, ""));

	*removed =
		result == STORE_OK ? (uint64_t)sqlite3_changes(store->db) : 0;
	return result;
}

/* --- sessions --- */

enum store_result
store_add_session(struct store *store, uint64_t user, uint64_t key, int64_t now,
		  uint64_t *id)
{
	enum store_result result = store_sql_run(
		store, store_sql(store, SQL_ADD_SESSION, "iii", (int64_t)user,
				 (int64_t)key, now));

	*id = (uint64_t)sqlite3_last_insert_rowid(store->db);
	return result;
}

enum store_result
store_next_session(struct store *store, uint64_t after,
		   struct store_session *session)
{
	sqlite3_stmt *statement =
		store_sql(store, SQL_NEXT_SESSION, "i", (int64_t)after);
	enum store_result result = store_sql_row(store, statement);

	if (result == STORE_OK) {
		session->id = (uint64_t)sqlite3_column_int64(statement, 0);
		session->key = (uint64_t)sqlite3_column_int64(statement, 1);
		session->user = (uint64_t)sqlite3_column_int64(statement, 2);
		store_sql_text(statement, 3, session->name,
			       sizeof(session->name));
	}
	return store_sql_done(statement, result);
}

enum store_result
store_remove_session(struct store *store, uint64_t id)
{
	return store_sql_run(
		store, store_sql(store, SQL_REMOVE_SESSION, "i", (int64_t)id));
}

enum store_result
store_remove_sessions(struct store *store)
{
	return store_sql_run(store, store_sql(store, SQL_REMOVE_SESSIONS, ""));
}
