/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of the SQLite store.
 */
#include "keeper/store_sqlite.h"

static enum store_result
find_message(struct store *store, struct store_message *message)
{
	sqlite3_stmt *statement =
		store_sql(store, SQL_FIND_MESSAGE, "ii",
			  (int64_t)message->session, (int64_t)message->number);
	enum store_result result = store_sql_row(store, statement);

	if (result == STORE_OK)
		message->seq = (uint64_t)sqlite3_column_int64(statement, 0);
	return store_sql_done(statement, result);
}

enum store_result
store_add_message(struct store *store, struct store_message *message)
{
	enum store_result result;

	result = store_sql_run(
		store,
		store_sql(store, SQL_ADD_MESSAGE, "iiiiiittb", message->time,
			  (int64_t)message->kind, (int64_t)message->session,
			  (int64_t)message->number, (int64_t)message->from,
			  (int64_t)message->to, message->from_name,
			  message->to_name, message->text, message->length));
	if (result == STORE_OK)
		message->seq = (uint64_t)sqlite3_last_insert_rowid(store->db);
	if (result != STORE_TWICE)
		return result;
	return find_message(store, message) == STORE_OK ? STORE_TWICE
							: STORE_FAILED;
}

enum store_result
store_last_seq(struct store *store, uint64_t *seq)
{
	sqlite3_stmt *statement = store_sql(store, SQL_LAST_SEQ, "");
	enum store_result result = store_sql_row(store, statement);

	*seq = 0;
	if (result == STORE_OK)
		*seq = (uint64_t)sqlite3_column_int64(statement, 0);
	return store_sql_done(statement,
			      result == STORE_NONE ? STORE_OK : result);
}

enum store_result
store_skip_to(struct store *store, uint64_t seq)
{
	return store_sql_run(
		store, store_sql(store, SQL_SET_LAST_SEQ, "i", (int64_t)seq));
}

static bool
take_message(sqlite3_stmt *statement, store_take *take, void *context)
{
	struct store_message message = {
		.seq = (uint64_t)sqlite3_column_int64(statement, 0),
		.time = sqlite3_column_int64(statement, 1),
		.kind = (uint32_t)sqlite3_column_int64(statement, 2),
		.session = (uint64_t)sqlite3_column_int64(statement, 3),
		.number = (uint64_t)sqlite3_column_int64(statement, 4),
		.from = (uint64_t)sqlite3_column_int64(statement, 5),
		.to = (uint64_t)sqlite3_column_int64(statement, 6),
		.from_name = (const char *)sqlite3_column_text(statement, 7),
		.to_name = (const char *)sqlite3_column_text(statement, 8),
		.text = (const char *)sqlite3_column_text(statement, 9),
		.length = (size_t)sqlite3_column_bytes(statement, 9),
	};

	/* Out of memory, or somebody else wrote it. */
	if (!message.from_name || !message.text)
		return true;
	return take(context, &message);
}

/*
 * Rows are taken as long as TAKE wants more; COUNTED, the others are counted.
 */
static enum store_result
take_all(struct store *store, sqlite3_stmt *statement, uint32_t *counted,
	 store_take *take, void *context)
{
	enum store_result result;
	uint32_t found = 0;
	bool more = true;

	while ((more || counted) &&
	       (result = store_sql_row(store, statement)) == STORE_OK) {
		more = more && take_message(statement, take, context);
		found++;
	}
	if (counted)
		*counted = found;
	return store_sql_done(statement,
			      result == STORE_NONE ? STORE_OK : result);
}

enum store_result
store_before_last(struct store *store, uint32_t count, uint64_t *seq)
{
	sqlite3_stmt *statement =
		store_sql(store, SQL_BEFORE_LAST, "i", (int64_t)count);
	enum store_result result = store_sql_row(store, statement);

	*seq = 0;
	if (result == STORE_OK)
		*seq = (uint64_t)sqlite3_column_int64(statement, 0);
	return store_sql_done(statement,
			      result == STORE_NONE ? STORE_OK : result);
}

enum store_result
store_messages(struct store *store, uint64_t after, store_take *take,
	       void *context)
{
	return take_all(store,
			store_sql(store, SQL_MESSAGES, "i", (int64_t)after),
			NULL, take, context);
}

enum store_result
store_history(struct store *store, uint64_t user, uint64_t after,
	      uint64_t until, uint32_t count, uint32_t *found, store_take *take,
	      void *context)
{
	int64_t last = until > INT64_MAX ? INT64_MAX : (int64_t)until;

	return take_all(store,
			store_sql(store, SQL_HISTORY, "iiii", (int64_t)after,
				  last, (int64_t)user, (int64_t)count),
			found, take, context);
}

static enum store_result
prune(struct store *store, uint64_t last, int64_t most, uint64_t *removed)
{
	enum store_result result = store_sql_run(
		store, store_sql(store, SQL_PRUNE, "ii", (int64_t)last, most));

	*removed =
		result == STORE_OK ? (uint64_t)sqlite3_changes(store->db) : 0;
	return result;
}

enum store_result
store_prune(struct store *store, uint64_t keep, uint32_t most,
	    uint64_t *removed)
{
	uint64_t last;

	*removed = 0;
	if (store_last_seq(store, &last) != STORE_OK)
		return STORE_FAILED;
	return last <= keep ? STORE_OK
			    : prune(store, last - keep, most, removed);
}

enum store_result
store_clear_messages(struct store *store, uint64_t *removed)
{
	return prune(store, INT64_MAX, -1, removed);
}
