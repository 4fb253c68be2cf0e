/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store: what was committed is there, once, whoever dies and whatever is
 * full; what it cannot be opened with is said.
 */
#include "ipc/ring.h"
#include "keeper/store_sqlite.h"
#include "small_disk.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

struct place {
	char directory[64];
	char file[80];
	char error[512];
	struct store *store;
};

static void
open_store(struct place *place)
{
	place->store = store_open(place->file, false, place->error,
				  sizeof(place->error));
	if (!place->store)
		fail_msg("%s", place->error);
}

static int
make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/timed-store.XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	snprintf(place->file, sizeof(place->file), "%s/timed.db",
		 place->directory);
	open_store(place);
	*state = place;
	return 0;
}

static int
remove_place(void **state)
{
	struct place *place = *state;
	char command[128];

	store_close(place->store);
	snprintf(command, sizeof(command), "rm -rf %s", place->directory);
	(void)!system(command);
	free(place);
	return 0;
}

static void
reopen(struct place *place)
{
	store_close(place->store);
	place->store = NULL;
	open_store(place);
}

static void
assert_refused(struct place *place, const char *wanted)
{
	place->store = store_open(place->file, false, place->error,
				  sizeof(place->error));
	assert_null(place->store);
	if (!strstr(place->error, wanted))
		fail_msg("%s", place->error);
}

/* SQL by another hand. */
static void
by_hand(const struct place *place, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static struct name
named(const char *text)
{
	struct name name;

	assert_null(name_parse(text, strlen(text), &name));
	return name;
}

static uint64_t
add_user(struct store *store, const char *text)
{
	struct name name = named(text);
	uint64_t id;

	assert_int_equal(store_add_user(store, &name, "$y$hash", 1000, &id),
			 STORE_OK);
	return id;
}

static enum store_result
add(struct store *store, uint64_t session, uint64_t number, uint64_t to,
    uint64_t *seq)
{
	struct store_message message = {
		.time = 1700000000,
		.kind = RING_MESSAGE,
		.session = session,
		.number = number,
		.from = 1,
		.to = to,
		.from_name = "ada",
		.to_name = to ? "bob" : NULL,
		.text = "hello, not of it",
		.length = 5,
	};
	enum store_result result = store_add_message(store, &message);

	*seq = message.seq;
	return result;
}

struct taken {
	int count;
	int most;
	uint64_t first;
	uint64_t last;
};

static bool
take(void *context, const struct store_message *message)
{
	struct taken *taken = context;

	if (taken->count == taken->most)
		return false;
	assert_true(message->seq > taken->last);
	if (taken->count++ == 0)
		taken->first = message->seq;
	taken->last = message->seq;
	assert_string_equal(message->from_name, "ada");
	assert_int_equal(message->length, 5);
	assert_memory_equal(message->text, "hello", 5);
	if (message->to)
		assert_string_equal(message->to_name, "bob");
	else
		assert_null(message->to_name);
	return true;
}

static struct taken
history(struct store *store, uint64_t user, uint64_t after, uint64_t until,
	uint32_t count, uint32_t *found)
{
	struct taken taken = { .most = 1000000 };

	assert_int_equal(store_history(store, user, after, until, count, found,
				       take, &taken),
			 STORE_OK);
	return taken;
}

static int
messages(struct store *store)
{
	struct taken taken = { .most = 1000000 };

	assert_int_equal(store_messages(store, 0, take, &taken), STORE_OK);
	return taken.count;
}

static void
users_are_found_by_any_spelling(void **state)
{
	struct place *place = *state;
	struct store_user user;
	struct name ada = named("Ada"), other = named("ADA");
	uint64_t id = add_user(place->store, "Ada"), twice;

	reopen(place);
	assert_int_equal(store_user(place->store, &other, &user), STORE_OK);
	assert_int_equal(user.id, id);
	assert_string_equal(user.name, "Ada");
	assert_string_equal(user.hash, "$y$hash");
	assert_int_equal(user.created, 1000);
	assert_int_equal(user.last_seen, 0);
	assert_int_equal(store_add_user(place->store, &other, "x", 1, &twice),
			 STORE_TWICE);
	assert_int_equal(store_saw(place->store, id, 2000), STORE_OK);
	assert_int_equal(store_set_hash(place->store, id, "new"), STORE_OK);
	assert_int_equal(store_user(place->store, &ada, &user), STORE_OK);
	assert_int_equal(user.last_seen, 2000);
	assert_string_equal(user.hash, "new");
	other = named("bob");
	assert_int_equal(store_user(place->store, &other, &user), STORE_NONE);
}

static void
ids_are_never_given_twice(void **state)
{
	struct place *place = *state;
	struct store_session session;
	struct store_user user;
	uint64_t id, one, two, seq, removed;

	id = add_user(place->store, "ada");
	assert_int_equal(store_add_session(place->store, id, 7, 1, &one),
			 STORE_OK);
	assert_int_equal(store_next_session(place->store, 0, &session),
			 STORE_OK);
	assert_int_equal(session.id, one);
	assert_int_equal(session.key, 7);
	assert_int_equal(session.user, id);
	assert_string_equal(session.name, "ada");
	/* Sessions go with their user; what he said stays. */
	assert_int_equal(add(place->store, one, 1, 0, &seq), STORE_OK);
	assert_int_equal(seq, 1);
	assert_int_equal(store_remove_user(place->store, id), STORE_OK);
	assert_int_equal(store_next_session(place->store, 0, &session),
			 STORE_NONE);
	assert_int_equal(store_next_user(place->store, 0, &user), STORE_NONE);
	assert_int_equal(messages(place->store), 1);
	assert_int_equal(store_clear_messages(place->store, &removed),
			 STORE_OK);
	assert_int_equal(removed, 1);
	reopen(place);
	assert_true(add_user(place->store, "ada") > id);
	assert_int_equal(store_add_session(place->store, id + 1, 7, 1, &two),
			 STORE_OK);
	assert_true(two > one);
	assert_int_equal(store_add_session(place->store, id, 7, 1, &two),
			 STORE_FAILED);
	assert_int_equal(add(place->store, two, 1, 0, &seq), STORE_OK);
	assert_int_equal(seq, 2);
}

static void
a_line_is_stored_once(void **state)
{
	struct place *place = *state;
	uint64_t seq;

	assert_int_equal(store_begin(place->store), STORE_OK);
	assert_int_equal(add(place->store, 5, 1, 0, &seq), STORE_OK);
	assert_int_equal(seq, 1);
	assert_int_equal(add(place->store, 5, 2, 0, &seq), STORE_OK);
	assert_int_equal(seq, 2);
	assert_int_equal(add(place->store, 5, 1, 0, &seq), STORE_TWICE);
	assert_int_equal(seq, 1);
	assert_int_equal(store_commit(place->store), STORE_OK);
	reopen(place);
	assert_int_equal(add(place->store, 5, 2, 0, &seq), STORE_TWICE);
	assert_int_equal(seq, 2);
	assert_int_equal(add(place->store, 6, 2, 0, &seq), STORE_OK);
	assert_int_equal(seq, 3);
	assert_int_equal(messages(place->store), 3);
}

static void
what_is_not_committed_is_not_there(void **state)
{
	struct place *place = *state;
	uint64_t seq;

	assert_int_equal(store_begin(place->store), STORE_OK);
	assert_int_equal(add(place->store, 5, 1, 0, &seq), STORE_OK);
	store_rollback(place->store);
	store_rollback(place->store);
	assert_int_equal(messages(place->store), 0);
	assert_int_equal(store_last_seq(place->store, &seq), STORE_OK);
	assert_int_equal(seq, 0);
}

static void
history_is_what_one_may_see(void **state)
{
	struct place *place = *state;
	struct taken taken;
	uint32_t found;
	uint64_t seq;

	for (uint64_t n = 1; n <= 10; n++)
		add(place->store, 1, n, n == 5 ? 2 : 0, &seq);
	/* 5 is from user 1 to user 2. */
	taken = history(place->store, 0, 0, UINT64_MAX, 100, &found);
	assert_int_equal(taken.count, 10);
	assert_int_equal(found, 10);
	assert_int_equal(
		history(place->store, 1, 0, UINT64_MAX, 100, &found).count, 10);
	assert_int_equal(
		history(place->store, 2, 0, UINT64_MAX, 100, &found).count, 10);
	assert_int_equal(
		history(place->store, 3, 0, UINT64_MAX, 100, &found).count, 9);
	taken = history(place->store, 3, 0, 9, 5, &found);
	assert_int_equal(taken.first, 4);
	assert_int_equal(taken.last, 9);
	assert_int_equal(found, 5);
	taken = history(place->store, 3, 7, 9, 5, &found);
	assert_int_equal(taken.first, 8);
	assert_int_equal(found, 2);
	/* A page: some are taken, all are counted. */
	taken = (struct taken){ .most = 2 };
	assert_int_equal(
		store_history(place->store, 3, 0, 9, 5, &found, take, &taken),
		STORE_OK);
	assert_int_equal(taken.last, 6);
	assert_int_equal(found, 5);
}

static void
pruning_keeps_the_last(void **state)
{
	struct place *place = *state;
	uint64_t seq, removed;

	for (uint64_t n = 1; n <= 100; n++)
		add(place->store, 1, n, 0, &seq);
	assert_int_equal(store_prune(place->store, 100, 10, &removed),
			 STORE_OK);
	assert_int_equal(removed, 0);
	assert_int_equal(store_prune(place->store, 80, 15, &removed), STORE_OK);
	assert_int_equal(removed, 15);
	assert_int_equal(store_prune(place->store, 80, 15, &removed), STORE_OK);
	assert_int_equal(removed, 5);
	assert_int_equal(messages(place->store), 80);
	assert_int_equal(store_last_seq(place->store, &seq), STORE_OK);
	assert_int_equal(seq, 100);
}

static void
numbers_can_be_skipped(void **state)
{
	struct place *place = *state;
	uint64_t seq;

	assert_int_equal(store_skip_to(place->store, 41), STORE_OK);
	assert_int_equal(add(place->store, 1, 1, 0, &seq), STORE_OK);
	assert_int_equal(seq, 42);
}

static void
a_file_of_something_else_is_refused(void **state)
{
	struct place *place = *state;
	FILE *file;

	by_hand(place, "PRAGMA user_version = 2");
	store_close(place->store);
	assert_refused(place, "its version is 2, this timed knows 1 alone");
	by_hand(place, "PRAGMA user_version = 1; PRAGMA application_id = -5");
	assert_refused(place, "another program's database");
	unlink(place->file);
	file = fopen(place->file, "w");
	for (int i = 0; i < 10000; i++)
		fputc('x', file);
	fclose(file);
	assert_refused(place, "file is not a database");
}

static void
where_it_cannot_be_is_said(void **state)
{
	struct place *place = *state;

	store_close(place->store);
	snprintf(place->file, sizeof(place->file), "%s/no/timed.db",
		 place->directory);
	assert_refused(place, "unable to open database file: No such file");
	snprintf(place->file, sizeof(place->file), "%s", place->directory);
	assert_refused(place, "unable to open database file");
}

static void
damage_is_noticed(void **state)
{
	struct place *place = *state;
	uint64_t seq;
	FILE *file;

	for (uint64_t n = 1; n <= 2000; n++)
		add(place->store, 1, n, 0, &seq);
	reopen(place);
	file = fopen(place->file, "r+");
	fseek(file, 4096, SEEK_SET);
	for (int i = 0; i < 60000; i++)
		fputc(0xa5, file);
	fclose(file);
	assert_true(store_usable(place->store));
	assert_int_equal(add(place->store, 2, 1, 0, &seq), STORE_FAILED);
	assert_string_equal(store_problem(place->store),
			    "database disk image is malformed");
	assert_false(store_usable(place->store));
}

static void
a_file_that_was_taken_away_is_noticed(void **state)
{
	struct place *place = *state;

	assert_true(store_usable(place->store));
	unlink(place->file);
	assert_false(store_usable(place->store));
}

/* Add lines of session 1 until that fails; how many there are. */
static uint64_t
add_until_it_fails(struct place *place)
{
	uint64_t seq;

	for (uint64_t n = 1; n < 20000; n++)
		if (add(place->store, 1, n, 0, &seq) == STORE_FAILED)
			return n - 1;
	fail_msg("there was room for all");
	return 0;
}

/* There is room again: what was there still is, and goes on. */
static void
assert_recovers(struct place *place, uint64_t kept)
{
	uint64_t seq;

	if (!store_usable(place->store))
		reopen(place);
	assert_int_equal(messages(place->store), kept);
	assert_int_equal(add(place->store, 1, kept + 1, 0, &seq), STORE_OK);
	assert_int_equal(seq, kept + 1);
	reopen(place);
	assert_int_equal(messages(place->store), kept + 1);
}

static void
a_full_disk_loses_nothing_and_is_got_over(void **state)
{
	struct place *place = *state;
	char filler[96];
	uint64_t kept;

	store_close(place->store);
	assert_true(small_disk_mount(place->directory, 256));
	open_store(place);
	small_disk_fill(place->directory, filler, sizeof(filler));
	kept = add_until_it_fails(place);
	assert_string_equal(store_problem(place->store),
			    "database or disk is full");
	unlink(filler);
	assert_recovers(place, kept);
	store_close(place->store);
	place->store = NULL;
	assert_int_equal(umount2(place->directory, MNT_DETACH), 0);
}

static void
a_file_that_may_not_grow_loses_nothing(void **state)
{
	struct place *place = *state;
	struct rlimit before, limit;
	uint64_t kept;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 128 * 1024;
	setrlimit(RLIMIT_FSIZE, &limit);
	kept = add_until_it_fails(place);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_recovers(place, kept);
}

static void
durability_is_what_was_asked_for(void **state)
{
	struct place *place = *state;
	sqlite3_stmt *statement;

	for (int power = 0; power < 2; power++) {
		store_close(place->store);
		place->store = store_open(place->file, power, place->error,
					  sizeof(place->error));
		sqlite3_prepare_v2(place->store->db, "PRAGMA synchronous", -1,
				   &statement, NULL);
		assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
		/* NORMAL: as the system likes; FULL: at each commit. */
		assert_int_equal(sqlite3_column_int(statement, 0),
				 power ? 2 : 1);
		sqlite3_finalize(statement);
	}
}

/* In a child: tell each seq that is committed. */
static void
commit_for_ever(const struct place *place, int told)
{
	char error[256];
	struct store *store =
		store_open(place->file, false, error, sizeof(error));
	uint64_t seq;

	for (uint64_t n = 1;; n++) {
		if (store_begin(store) != STORE_OK)
			_exit(1);
		for (uint64_t k = 0; k < 3; k++)
			add(store, (uint64_t)getpid(), 3 * n + k, 0, &seq);
		if (store_commit(store) != STORE_OK ||
		    write(told, &seq, sizeof(seq)) != sizeof(seq))
			_exit(1);
	}
}

static void
what_was_committed_survives_a_kill(void **state)
{
	struct place *place = *state;
	uint64_t seq, told_last = 0;
	int told[2];

	store_close(place->store);
	place->store = NULL;
	for (int round = 0; round < 10; round++) {
		pid_t pid;

		assert_int_equal(pipe(told), 0);
		pid = fork();
		if (pid == 0)
			commit_for_ever(place, told[1]);
		close(told[1]);
		for (int i = 0; i < 20; i++)
			assert_int_equal(read(told[0], &seq, sizeof(seq)),
					 sizeof(seq));
		kill(pid, SIGKILL);
		while (read(told[0], &seq, sizeof(seq)) == sizeof(seq))
			told_last = seq;
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(told[0]);
		open_store(place);
		assert_true(messages(place->store) >= (int)told_last);
		/* All of a transaction or nothing. */
		assert_int_equal(messages(place->store) % 3, 0);
		assert_int_equal(store_last_seq(place->store, &seq), STORE_OK);
		assert_int_equal(seq, messages(place->store));
		store_close(place->store);
		place->store = NULL;
	}
}

static void
nobody_else_can_read_it(void **state)
{
	struct place *place = *state;
	struct stat status;
	mode_t before = umask(077);

	store_close(place->store);
	unlink(place->file);
	open_store(place);
	umask(before);
	assert_int_equal(stat(place->file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define STORE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, make_place, remove_place)
		STORE_TEST(users_are_found_by_any_spelling),
		STORE_TEST(ids_are_never_given_twice),
		STORE_TEST(a_line_is_stored_once),
		STORE_TEST(what_is_not_committed_is_not_there),
		STORE_TEST(history_is_what_one_may_see),
		STORE_TEST(pruning_keeps_the_last),
		STORE_TEST(numbers_can_be_skipped),
		STORE_TEST(a_file_of_something_else_is_refused),
		STORE_TEST(where_it_cannot_be_is_said),
		STORE_TEST(damage_is_noticed),
		STORE_TEST(a_file_that_was_taken_away_is_noticed),
		STORE_TEST(a_full_disk_loses_nothing_and_is_got_over),
		STORE_TEST(a_file_that_may_not_grow_loses_nothing),
		STORE_TEST(durability_is_what_was_asked_for),
		STORE_TEST(what_was_committed_survives_a_kill),
		STORE_TEST(nobody_else_can_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
