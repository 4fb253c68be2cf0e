/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/store_sqlite.h"

#include <bsd/string.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	APPLICATION = 0x54494d44, /* "TIMD", in the head of the file */
	TABLES = 1,		  /* version of them */
	PATIENCE = 1000,	  /* with another program's lock, ms */
};

/* "from" and "to" are names as they were, and outlive their users. */
static const char SCHEMA[] =
	"CREATE TABLE users ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  name TEXT NOT NULL,"
	"  key TEXT NOT NULL UNIQUE,"
	"  hash TEXT NOT NULL,"
	"  created INTEGER NOT NULL,"
	"  last_seen INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE sessions ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,"
	"  key INTEGER NOT NULL,"
	"  opened INTEGER NOT NULL);"
	"CREATE INDEX sessions_user ON sessions (user);"
	"CREATE TABLE messages ("
	"  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  time INTEGER NOT NULL,"
	"  kind INTEGER NOT NULL,"
	"  \"from\" TEXT NOT NULL,"
	"  \"to\" TEXT,"
	"  text TEXT NOT NULL,"
	"  sender INTEGER NOT NULL,"
	"  receiver INTEGER NOT NULL,"
	"  session INTEGER NOT NULL,"
	"  number INTEGER NOT NULL,"
	"  UNIQUE (session, number));"
	/* So that the ids of all three are never given twice. */
	"INSERT INTO sqlite_sequence (name, seq) VALUES"
	"  ('users', 0), ('sessions', 0), ('messages', 0);";

#define USER_COLUMNS "id, name, hash, created, last_seen"
#define MESSAGE_COLUMNS                                                  \
	"seq, time, kind, session, number, sender, receiver, \"from\", " \
	"\"to\", text"

static const char *const sql[SQL_STATEMENTS] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_USER] = "SELECT " USER_COLUMNS " FROM users WHERE key = ?",
	[SQL_NEXT_USER] = "SELECT " USER_COLUMNS " FROM users WHERE id > ?"
			  " ORDER BY id LIMIT 1",
	[SQL_ADD_USER] = "INSERT INTO users (name, key, hash, created)"
			 " VALUES (?, ?, ?, ?)",
	[SQL_SET_HASH] = "UPDATE users SET hash = ? WHERE id = ?",
	[SQL_SAW] = "UPDATE users SET last_seen = ? WHERE id = ?",
	[SQL_REMOVE_USER] = "DELETE FROM users WHERE id = ?",
	[SQL_REMOVE_USERS] = "DELETE FROM users WHERE id > 0",
	[SQL_ADD_SESSION] = "INSERT INTO sessions (user, key, opened)"
			    " VALUES (?, ?, ?)",
	[SQL_NEXT_SESSION] =
		"SELECT sessions.id, sessions.key, user, name FROM sessions"
		" JOIN users ON users.id = user WHERE sessions.id > ?"
		" ORDER BY sessions.id LIMIT 1",
	[SQL_REMOVE_SESSION] = "DELETE FROM sessions WHERE id = ?",
	[SQL_REMOVE_SESSIONS] = "DELETE FROM sessions",
	[SQL_ADD_MESSAGE] =
		"INSERT INTO messages (time, kind, session, number, sender,"
		" receiver, \"from\", \"to\", text)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_FIND_MESSAGE] = "SELECT seq FROM messages"
			     " WHERE session = ? AND number = ?",
	[SQL_LAST_SEQ] = "SELECT seq FROM sqlite_sequence"
			 " WHERE name = 'messages'",
	[SQL_BEFORE_LAST] = "SELECT seq FROM messages"
			    " ORDER BY seq DESC LIMIT 1 OFFSET ?",
	[SQL_SET_LAST_SEQ] = "UPDATE sqlite_sequence SET seq = ?"
			     " WHERE name = 'messages'",
	[SQL_MESSAGES] = "SELECT " MESSAGE_COLUMNS " FROM messages"
			 " WHERE seq > ? ORDER BY seq",
	[SQL_HISTORY] = "SELECT * FROM (SELECT " MESSAGE_COLUMNS
			" FROM messages WHERE seq > ?1 AND seq <= ?2 AND"
			" (receiver = 0 OR ?3 = 0 OR sender = ?3 OR"
			" receiver = ?3) ORDER BY seq DESC LIMIT ?4)"
			" ORDER BY seq",
	[SQL_PRUNE] = "DELETE FROM messages WHERE seq IN (SELECT seq FROM"
		      " messages WHERE seq <= ? ORDER BY seq LIMIT ?)",
};

/* --- statements --- */

/* Keep why it failed; what is damaged does not get well by trying again. */
static enum store_result
fail(struct store *store)
{
	int system = sqlite3_system_errno(store->db);

	switch (sqlite3_errcode(store->db) & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR:
		store->damaged = true;
		break;
	default:
		break;
	}
	strlcpy(store->problem, sqlite3_errmsg(store->db),
		sizeof(store->problem));
	if ((sqlite3_errcode(store->db) & 0xff) == SQLITE_CANTOPEN && system) {
		strlcat(store->problem, ": ", sizeof(store->problem));
		strlcat(store->problem, strerror(system),
			sizeof(store->problem));
	}
	return STORE_FAILED;
}

static int
bind(sqlite3_stmt *statement, int place, char what, va_list *values)
{
	const char *text;
	size_t length;

	if (what == 'i')
		return sqlite3_bind_int64(statement, place,
					  va_arg(*values, int64_t));
	text = va_arg(*values, const char *);
	length = what == 'b' ? va_arg(*values, size_t)
			     : strlen(text ? text : "");
	return sqlite3_bind_text64(statement, place, text, length,
				   SQLITE_STATIC, SQLITE_UTF8);
}

sqlite3_stmt *
store_sql(struct store *store, enum store_statement which, const char *format,
	  ...)
{
	sqlite3_stmt *statement = store->statements[which];
	va_list values;

	va_start(values, format);
	for (int i = 0; format[i]; i++)
		(void)bind(statement, i + 1, format[i], &values);
	va_end(values);
	return statement;
}

enum store_result
store_sql_row(struct store *store, sqlite3_stmt *statement)
{
	switch (sqlite3_step(statement)) {
	case SQLITE_ROW:
		return STORE_OK;
	case SQLITE_DONE:
		return STORE_NONE;
	default:
		return fail(store);
	}
}

enum store_result
store_sql_done(sqlite3_stmt *statement, enum store_result result)
{
	sqlite3_reset(statement);
	/* Texts are bound as they lie, and may not be there any more. */
	sqlite3_clear_bindings(statement);
	return result;
}

enum store_result
store_sql_run(struct store *store, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	enum store_result result = STORE_OK;

	if (code == SQLITE_CONSTRAINT &&
	    sqlite3_extended_errcode(store->db) == SQLITE_CONSTRAINT_UNIQUE)
		result = STORE_TWICE;
	else if (code != SQLITE_DONE && code != SQLITE_ROW)
		result = fail(store);
	return store_sql_done(statement, result);
}

void
store_sql_text(sqlite3_stmt *statement, int column, char *room, size_t size)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	strlcpy(room, text ? (const char *)text : "", size);
}

const char *
store_problem(const struct store *store)
{
	return store->problem;
}

bool
store_usable(const struct store *store)
{
	int moved = 0;

	/* Somebody took the file away: what is written is nobody's. */
	(void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED,
				   &moved);
	return !store->damaged && !moved;
}

enum store_result
store_begin(struct store *store)
{
	return store_sql_run(store, store_sql(store, SQL_BEGIN, ""));
}

enum store_result
store_commit(struct store *store)
{
	return store_sql_run(store, store_sql(store, SQL_COMMIT, ""));
}

void
store_rollback(struct store *store)
{
	char problem[sizeof(store->problem)];

	/* SQLite has done it itself after some errors. */
	if (sqlite3_get_autocommit(store->db))
		return;
	memcpy(problem, store->problem, sizeof(problem));
	(void)store_sql_run(store, store_sql(store, SQL_ROLLBACK, ""));
	memcpy(store->problem, problem, sizeof(problem));
}

/* --- opening --- */

/* The one number that TEXT gives. */
static bool
number_of(struct store *store, const char *text, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	bool got = sqlite3_prepare_v2(store->db, text, -1, &statement, NULL) ==
			   SQLITE_OK &&
		   sqlite3_step(statement) == SQLITE_ROW;

	if (got)
		*number = sqlite3_column_int64(statement, 0);
	else
		fail(store);
	sqlite3_finalize(statement);
	return got;
}

static bool
run(struct store *store, const char *text)
{
	if (sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	fail(store);
	return false;
}

static bool
make_tables(struct store *store)
{
	char pragmas[96];

	snprintf(pragmas, sizeof(pragmas),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 APPLICATION, TABLES);
	return run(store, "BEGIN IMMEDIATE") && run(store, SCHEMA) &&
	       run(store, pragmas) && run(store, "COMMIT");
}

static bool
check_tables(struct store *store)
{
	int64_t tables, application, version;

	if (!number_of(store, "SELECT count(*) FROM sqlite_schema", &tables) ||
	    !number_of(store, "PRAGMA application_id", &application) ||
	    !number_of(store, "PRAGMA user_version", &version))
		return false;
	if (sqlite3_db_readonly(store->db, "main") == 1) {
		strlcpy(store->problem, "it may only be read",
			sizeof(store->problem));
		return false;
	}
	if (tables == 0)
		return make_tables(store);
	if (application != APPLICATION)
		strlcpy(store->problem, "it is another program's database",
			sizeof(store->problem));
	else if (version != TABLES)
		snprintf(store->problem, sizeof(store->problem),
			 "its version is %lld, this timed knows %d alone",
			 (long long)version, TABLES);
	return application == APPLICATION && version == TABLES;
}

static bool
prepare(struct store *store)
{
	for (int i = 0; i < SQL_STATEMENTS; i++)
		if (sqlite3_prepare_v3(
			    store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &store->statements[i], NULL) != SQLITE_OK) {
			fail(store);
			return false;
		}
	return true;
}

/*
 * FILE without links on the way to its directory.  SQLite would refuse those,
 * too, where it is to refuse one in the place of the file.
 */
static void
resolve(const char *file, char path[PATH_MAX])
{
	char directory[PATH_MAX];
	const char *name = strrchr(file, '/');

	strlcpy(directory, file, PATH_MAX);
	directory[name ? name - file : 0] = '\0';
	if (!name || !realpath(*directory ? directory : "/", path) ||
	    strlcat(path, name, PATH_MAX) >= PATH_MAX)
		strlcpy(path, file, PATH_MAX);
}

static bool
open_all(struct store *store, const char *file, bool power)
{
	char path[PATH_MAX];

	resolve(file, path);
	if (sqlite3_open_v2(path, &store->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			    NULL) != SQLITE_OK) {
		fail(store);
		return false;
	}
	sqlite3_extended_result_codes(store->db, 0);
	sqlite3_busy_timeout(store->db, PATIENCE);
	return run(store, "PRAGMA journal_mode = WAL;"
			  "PRAGMA wal_autocheckpoint = 4000;"
			  "PRAGMA journal_size_limit = 16777216;"
			  "PRAGMA foreign_keys = ON;"
			  "PRAGMA secure_delete = ON;"
			  "PRAGMA trusted_schema = OFF") &&
	       run(store, power ? "PRAGMA synchronous = FULL"
				: "PRAGMA synchronous = NORMAL") &&
	       check_tables(store) && prepare(store);
}

struct store *
store_open(const char *file, bool power, char *error, size_t size)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		strlcpy(error, "out of memory", size);
		return NULL;
	}
	if (open_all(store, file, power))
		return store;
	strlcpy(error, store->problem, size);
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	free(store);
}
