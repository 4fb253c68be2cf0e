/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the SQLite store share: statements that are prepared once
 * and then bound, stepped and reset.
 */
#ifndef TIMED_KEEPER_STORE_SQLITE_H
#define TIMED_KEEPER_STORE_SQLITE_H

#include "keeper/store.h"

#include <sqlite3.h>

enum store_statement {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_USER,
	SQL_NEXT_USER,
	SQL_ADD_USER,
	SQL_SET_HASH,
	SQL_SAW,
	SQL_REMOVE_USER,
	SQL_REMOVE_USERS,
	SQL_ADD_SESSION,
	SQL_NEXT_SESSION,
	SQL_REMOVE_SESSION,
	SQL_REMOVE_SESSIONS,
	SQL_ADD_MESSAGE,
	SQL_FIND_MESSAGE,
	SQL_LAST_SEQ,
	SQL_BEFORE_LAST,
	SQL_SET_LAST_SEQ,
	SQL_MESSAGES,
	SQL_HISTORY,
	SQL_PRUNE,
	SQL_STATEMENTS
};

struct store {
	sqlite3 *db;
	bool damaged;
	char problem[256];
	sqlite3_stmt *statements[SQL_STATEMENTS];
};

/*
 * The statement, with its parameters bound to numbers as FORMAT says: 'i', an
 * int64_t; 't', a const char *, NULL or terminated; 'b', a const char * and a
 * size_t.  store_sql_done() ends its use.
 */
sqlite3_stmt *store_sql(struct store *store, enum store_statement which,
			const char *format, ...);

/* Step: STORE_OK for a row, STORE_NONE for the end, STORE_FAILED. */
enum store_result store_sql_row(struct store *store, sqlite3_stmt *statement);

/* RESULT, after the statement is reset. */
enum store_result store_sql_done(sqlite3_stmt *statement,
				 enum store_result result);

/*
 * Run one that gives no row: STORE_OK, STORE_TWICE where something has to be
 * unique and is not, STORE_FAILED.
 */
enum store_result store_sql_run(struct store *store, sqlite3_stmt *statement);

/* SIZE bytes of ROOM get text COLUMN, terminated and cut short if need be. */
void store_sql_text(sqlite3_stmt *statement, int column, char *room,
		    size_t size);

#endif
