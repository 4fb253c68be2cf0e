/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operators who are shown the log, by a journal's output that a test writes,
 * renames and empties.
 */
#include "base/clock.h"
#include "journal/readers.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	char directory[32];
	char path[48];
	struct loop loop;
	struct output output;
	struct readers readers;
	int records[2]; /* the journal's pipe */
};

/* What an operator was told, and has not been looked at. */
struct asker {
	int fd;
	size_t used;
	char bytes[1 << 20];
};

static int
set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct journal_config config = { .syslog = false };

	strcpy(bench->directory, "/tmp/test_readers.XXXXXX");
	assert_non_null(mkdtemp(bench->directory));
	snprintf(bench->path, sizeof(bench->path), "%s/log", bench->directory);
	strcpy(config.file, bench->path);
	assert_int_equal(pipe(bench->records), 0);
	assert_int_equal(loop_open(&bench->loop), 0);
	assert_int_equal(output_open(&bench->output, &config), 0);
	readers_open(&bench->readers, &bench->loop, &bench->output,
		     bench->records[0]);
	*state = bench;
	return 0;
}

static void
remove_file(const struct bench *bench, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", bench->directory, name);
	unlink(path);
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	readers_close(&bench->readers, false);
	output_close(&bench->output);
	loop_close(&bench->loop);
	close(bench->records[0]);
	close(bench->records[1]);
	remove_file(bench, "log");
	remove_file(bench, "log.1");
	remove_file(bench, "log.2");
	rmdir(bench->directory);
	free(bench);
	return 0;
}

/* The journal writes COUNT lines, numbered from FIRST. */
static void
put(struct bench *bench, int first, int count)
{
	for (int i = first; i < first + count; i++) {
		struct log_parsed record;
		char number[16];

		snprintf(number, sizeof(number), "%d", i);
		output_own(&record, LOG_LEVEL_INFO, "a line");
		output_own_tag(&record, "n", number);
		output_record(&bench->output, &record);
	}
	output_flush(&bench->output);
	readers_wake(&bench->readers);
}

static struct asker *
come(struct bench *bench, const struct journal_request *request)
{
	struct asker *asker = calloc(1, sizeof(*asker));
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	asker->fd = ends[0];
	readers_show(&bench->readers, request, ends[1]);
	return asker;
}

static void
leave(struct asker *asker)
{
	close(asker->fd);
	free(asker);
}

static void
turn(struct bench *bench)
{
	struct epoll_event events[64];
	int n = epoll_wait(bench->loop.epfd, events, 64, 0);

	for (int i = 0; i < n; i++) {
		struct loop_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
}

/* The next object, or NULL when there is none. */
static json_t *
next(struct bench *bench, struct asker *asker)
{
	json_t *object;
	size_t length;
	char *end;
	ssize_t n;

	for (int i = 0; i < 20; i++)
		turn(bench);
	n = recv(asker->fd, asker->bytes + asker->used,
		 sizeof(asker->bytes) - asker->used, 0);
	asker->used += n > 0 ? (size_t)n : 0;
	end = memchr(asker->bytes, '\n', asker->used);
	if (!end)
		return NULL;
	length = (size_t)(end + 1 - asker->bytes);
	object = json_loadb(asker->bytes, length, 0, NULL);
	assert_non_null(object);
	asker->used -= length;
	memmove(asker->bytes, end + 1, asker->used);
	return object;
}

static void
assert_line(struct bench *bench, struct asker *asker, int number)
{
	json_t *object = next(bench, asker);
	const char *text = json_string_value(json_object_get(object, "line"));
	char wanted[32];

	assert_non_null(text);
	snprintf(wanted, sizeof(wanted), "a line; n='%d'", number);
	if (!strstr(text, wanted))
		fail_msg("%s and not %s", text, wanted);
	json_decref(object);
}

/* An object with KEY. */
static void
assert_told(struct bench *bench, struct asker *asker, const char *key)
{
	json_t *object = next(bench, asker);

	if (!json_object_get(object, key))
		fail_msg("no %s in %s", key, json_dumps(object, 0));
	json_decref(object);
}

static void
assert_quiet(struct bench *bench, struct asker *asker)
{
	assert_null(next(bench, asker));
}

static void
rotate(struct bench *bench, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", bench->directory, name);
	assert_int_equal(rename(bench->path, path), 0);
	output_reopen(&bench->output);
	readers_wake(&bench->readers);
}

static const struct journal_request follow = { .follow = true, .lines = 2 };

static void
who_follows_gets_each_line_once(void **state)
{
	struct bench *bench = *state;
	struct asker *asker;

	put(bench, 1, 5);
	asker = come(bench, &follow);
	assert_told(bench, asker, "at");
	assert_line(bench, asker, 4);
	assert_line(bench, asker, 5);
	assert_quiet(bench, asker);
	put(bench, 6, 1);
	assert_line(bench, asker, 6);
	rotate(bench, "log.1");
	put(bench, 7, 1);
	assert_told(bench, asker, "at");
	assert_line(bench, asker, 7);
	/* Opened anew, and the same. */
	output_reopen(&bench->output);
	put(bench, 8, 1);
	assert_line(bench, asker, 8);
	assert_quiet(bench, asker);
	leave(asker);
	turn(bench);
	assert_null(bench->readers.places[READERS_MOST - 1]);
}

static void
who_is_behind_reads_the_old_file_first(void **state)
{
	struct bench *bench = *state;
	struct asker *asker;

	put(bench, 1, 1);
	asker = come(bench, &follow);
	assert_told(bench, asker, "at");
	assert_line(bench, asker, 1);
	/* More than its connection takes. */
	put(bench, 2, 5000);
	for (int i = 0; i < 200; i++)
		turn(bench);
	rotate(bench, "log.1");
	put(bench, 5002, 10);
	for (int i = 2; i < 5002; i++)
		assert_line(bench, asker, i);
	assert_told(bench, asker, "at");
	for (int i = 5002; i < 5012; i++)
		assert_line(bench, asker, i);
	assert_quiet(bench, asker);
	leave(asker);
}

static void
who_misses_a_file_is_told_so(void **state)
{
	struct bench *bench = *state;
	struct asker *asker;

	put(bench, 1, 5000);
	asker = come(bench, &follow);
	assert_told(bench, asker, "at");
	put(bench, 5001, 5000);
	for (int i = 0; i < 200; i++)
		turn(bench);
	rotate(bench, "log.1");
	put(bench, 10001, 1);
	rotate(bench, "log.2");
	put(bench, 10002, 1);
	for (int i = 4999; i < 10001; i++)
		assert_line(bench, asker, i);
	assert_told(bench, asker, "gap");
	assert_line(bench, asker, 10002);
	leave(asker);
}

static void
who_is_behind_a_clear_goes_on_behind_it(void **state)
{
	struct bench *bench = *state;
	struct asker *asker;
	uint64_t bytes;
	int told = 0;
	json_t *object;

	put(bench, 1, 1);
	asker = come(bench, &follow);
	put(bench, 2, 20000);
	for (int i = 0; i < 200; i++)
		turn(bench);
	assert_int_equal(output_clear(&bench->output, 0, 1, &bytes), 0);
	readers_rewind(&bench->readers);
	put(bench, 20002, 1);
	/* What was under way, whole; then the clearing, and what came then. */
	while ((object = next(bench, asker)) &&
	       !strstr(json_string_value(json_object_get(object, "line"))
			       ? json_string_value(
					 json_object_get(object, "line"))
			       : "",
		       "log cleared")) {
		json_decref(object);
		told++;
	}
	assert_non_null(object);
	json_decref(object);
	assert_true(told < 10000);
	assert_line(bench, asker, 20002);
	assert_quiet(bench, asker);
	leave(asker);
}

static void
the_last_lines_are_all_there_is(void **state)
{
	struct bench *bench = *state;
	const struct journal_request last = { .lines = 3 };
	struct asker *asker;

	put(bench, 1, 5);
	asker = come(bench, &last);
	/* Not for this one. */
	put(bench, 6, 1);
	for (int i = 3; i <= 5; i++)
		assert_line(bench, asker, i);
	assert_told(bench, asker, "ok");
	assert_quiet(bench, asker);
	assert_int_equal(recv(asker->fd, asker->bytes, 1, 0), 0);
	leave(asker);
}

static void
a_log_that_is_no_more_is_said(void **state)
{
	struct bench *bench = *state;
	struct journal_config nowhere = { .file = "" };
	struct asker *asker;

	put(bench, 1, 1);
	asker = come(bench, &follow);
	assert_told(bench, asker, "at");
	assert_line(bench, asker, 1);
	output_configure(&bench->output, &nowhere);
	readers_wake(&bench->readers);
	assert_told(bench, asker, "error");
	leave(asker);
	asker = come(bench, &follow);
	assert_told(bench, asker, "error");
	leave(asker);
}

static void
places_are_bounded(void **state)
{
	struct bench *bench = *state;
	const struct journal_request last = { .lines = 1 };
	struct asker *askers[READERS_FOLLOWING], *more;

	put(bench, 1, 1);
	for (int i = 0; i < READERS_FOLLOWING; i++) {
		askers[i] = come(bench, &follow);
		assert_told(bench, askers[i], "at");
	}
	more = come(bench, &follow);
	assert_told(bench, more, "error");
	leave(more);
	more = come(bench, &last);
	assert_line(bench, more, 1);
	assert_told(bench, more, "ok");
	leave(more);
	leave(askers[0]);
	turn(bench);
	askers[0] = come(bench, &follow);
	assert_told(bench, askers[0], "at");
	for (int i = 0; i < READERS_FOLLOWING; i++)
		leave(askers[i]);
}

static int
count_told(struct bench *bench, struct asker **askers)
{
	json_t *object;
	int told = 0;

	for (int i = 0; i < 3; i++)
		if ((object = next(bench, askers[i]))) {
			json_decref(object);
			told++;
		}
	return told;
}

/* While records press, one reader a time, and each in its turn. */
static void
writing_comes_first(void **state)
{
	static char records[READERS_PRESSED];
	struct bench *bench = *state;
	const struct journal_request from_here = { .follow = true };
	struct asker *askers[3];

	put(bench, 1, 1);
	for (int i = 0; i < 3; i++) {
		askers[i] = come(bench, &from_here);
		assert_told(bench, askers[i], "at");
	}
	put(bench, 2, 1);
	assert_int_equal(write(bench->records[1], records, sizeof(records)),
			 sizeof(records));
	for (int turn = 0; turn < 3; turn++) {
		readers_turn(&bench->readers);
		assert_int_equal(count_told(bench, askers), 1);
	}
	/* Where it leaves off, all are served, and nobody has to say so. */
	put(bench, 3, 1);
	assert_int_equal(count_told(bench, askers), 1);
	assert_int_equal(read(bench->records[0], records, 1), 1);
	assert_int_equal(count_told(bench, askers), 2);
	for (int i = 0; i < 3; i++)
		leave(askers[i]);
}

static void
the_end_is_told(void **state)
{
	struct bench *bench = *state;
	struct asker *asker;

	put(bench, 1, 1);
	asker = come(bench, &follow);
	assert_told(bench, asker, "at");
	assert_line(bench, asker, 1);
	put(bench, 2, 3);
	readers_close(&bench->readers, true);
	for (int i = 2; i < 5; i++)
		assert_line(bench, asker, i);
	assert_told(bench, asker, "error");
	assert_quiet(bench, asker);
	leave(asker);
	/* For another journal to go on: it just ends. */
	asker = come(bench, &follow);
	put(bench, 5, 1);
	readers_close(&bench->readers, false);
	assert_told(bench, asker, "at");
	for (int i = 3; i < 6; i++)
		assert_line(bench, asker, i);
	assert_quiet(bench, asker);
	leave(asker);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_follows_gets_each_line_once),
		TEST(who_is_behind_reads_the_old_file_first),
		TEST(who_misses_a_file_is_told_so),
		TEST(who_is_behind_a_clear_goes_on_behind_it),
		TEST(the_last_lines_are_all_there_is),
		TEST(a_log_that_is_no_more_is_said),
		TEST(places_are_bounded),
		TEST(writing_comes_first),
		TEST(the_end_is_told),
	};

	/* What waits after all waits for ever. */
	alarm(60);
	return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
