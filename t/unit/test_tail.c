/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A log file that is read: its last lines, line by line, and where it goes on,
 * with files whose lines end just where a block does.
 */
#include "journal/tail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
	int file;
	struct tail tail;
};

static int
set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->file = memfd_create("log", MFD_CLOEXEC);
	assert_true(bench->file >= 0);
	tail_open(&bench->tail, dup(bench->file));
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	tail_close(&bench->tail);
	close(bench->file);
	free(bench);
	return 0;
}

static void
put(struct bench *bench, const char *text)
{
	size_t length = strlen(text);

	assert_int_equal(write(bench->file, text, length), length);
}

/* A line of SIZE bytes, with its newline. */
static void
put_line(struct bench *bench, char byte, size_t size)
{
	char *line = malloc(size);

	memset(line, byte, size);
	line[size - 1] = '\n';
	assert_int_equal(write(bench->file, line, size), size);
	free(line);
}

/* The next line must begin with BYTE and be so long. */
static void
assert_line(struct bench *bench, char byte, size_t length, bool cut)
{
	struct tail_line line;

	assert_true(tail_line(&bench->tail, false, &line));
	assert_int_equal(line.length, length);
	if (length > 0)
		assert_int_equal(line.bytes[0], byte);
	assert_int_equal(line.cut, cut);
}

static void
assert_text(struct bench *bench, const char *text)
{
	struct tail_line line;

	assert_true(tail_line(&bench->tail, false, &line));
	assert_int_equal(line.length, strlen(text));
	assert_memory_equal(line.bytes, text, line.length);
}

static void
assert_none(struct bench *bench)
{
	struct tail_line line;

	assert_false(tail_line(&bench->tail, false, &line));
}

static void
search(struct bench *bench, uint32_t lines)
{
	tail_search(&bench->tail, lines);
	while (!tail_found(&bench->tail))
		;
}

static void
the_last_lines_are_found(void **state)
{
	struct bench *bench = *state;

	search(bench, 3);
	assert_int_equal(bench->tail.at, 0);
	assert_none(bench);
	put(bench, "one\ntwo\nthree\n");
	search(bench, 0);
	assert_int_equal(bench->tail.at, 14);
	search(bench, 1);
	assert_int_equal(bench->tail.at, 8);
	search(bench, 3);
	assert_int_equal(bench->tail.at, 0);
	search(bench, 4);
	assert_int_equal(bench->tail.at, 0);
	/* One that has no end yet is none. */
	put(bench, "four");
	search(bench, 1);
	assert_int_equal(bench->tail.at, 8);
	assert_text(bench, "three");
	assert_none(bench);
	put(bench, "\n");
	assert_text(bench, "four");
	assert_none(bench);
}

/* Whatever the block's edge cuts. */
static void
lines_end_where_a_block_does(void **state)
{
	struct bench *bench = *state;

	for (size_t size = TAIL_BLOCK - 2; size <= TAIL_BLOCK + 2; size++) {
		assert_int_equal(ftruncate(bench->file, 0), 0);
		lseek(bench->file, 0, SEEK_SET);
		tail_rewind(&bench->tail);
		put(bench, "a\n");
		put_line(bench, 'b', size);
		put_line(bench, 'c', 1);
		put_line(bench, 'd', 2 * TAIL_BLOCK);
		search(bench, 1);
		assert_int_equal(bench->tail.at, 2 + size + 1);
		search(bench, 2);
		assert_int_equal(bench->tail.at, 2 + size);
		search(bench, 3);
		assert_int_equal(bench->tail.at, 2);
		search(bench, 4);
		assert_int_equal(bench->tail.at, 0);
		assert_text(bench, "a");
		if (size - 1 >= TAIL_BLOCK) {
			assert_line(bench, 'b', TAIL_BLOCK, true);
			assert_line(bench, 'b', size - 1 - TAIL_BLOCK, false);
		} else {
			assert_line(bench, 'b', size - 1, false);
		}
		assert_line(bench, 'c', 0, false);
		assert_line(bench, 'd', TAIL_BLOCK, true);
		assert_line(bench, 'd', TAIL_BLOCK - 1, false);
		assert_none(bench);
		assert_int_equal(bench->tail.at, 2 + size + 1 + 2 * TAIL_BLOCK);
	}
}

static void
a_character_is_not_cut(void **state)
{
	struct bench *bench = *state;
	static const char *const characters[] = { "\xc3\xa9", "\xe2\x82\xac",
						  "\xf0\x9f\x98\x80" };

	for (int i = 0; i < 3; i++)
		for (size_t before = 0; before < 5; before++) {
			size_t length = strlen(characters[i]);
			struct tail_line line;

			assert_int_equal(ftruncate(bench->file, 0), 0);
			lseek(bench->file, 0, SEEK_SET);
			tail_rewind(&bench->tail);
			for (size_t k = 0; k < TAIL_BLOCK - before; k++)
				put(bench, "x");
			put(bench, characters[i]);
			for (size_t k = 0; k < TAIL_BLOCK; k++)
				put(bench, "y");
			assert_true(tail_line(&bench->tail, false, &line));
			assert_true(line.cut);
			assert_true(line.length >= TAIL_BLOCK - 4);
			/* All of it here, or all of it there. */
			assert_true(line.length <= TAIL_BLOCK - before ||
				    line.length >=
					    TAIL_BLOCK - before + length);
		}
}

static void
the_last_time_half_a_line_is_one(void **state)
{
	struct bench *bench = *state;
	struct tail_line line;

	put(bench, "one\ntw");
	assert_text(bench, "one");
	assert_none(bench);
	assert_true(tail_line(&bench->tail, true, &line));
	assert_int_equal(line.length, 2);
	assert_false(tail_line(&bench->tail, true, &line));
	assert_int_equal(bench->tail.at, 6);
}

static void
nothing_is_read_behind_a_limit(void **state)
{
	struct bench *bench = *state;

	put(bench, "one\ntwo\n");
	tail_limit(&bench->tail);
	put(bench, "three\n");
	assert_text(bench, "one");
	assert_text(bench, "two");
	assert_none(bench);
	assert_int_equal(bench->tail.at, 8);
}

static void
a_file_that_was_emptied_begins_anew(void **state)
{
	struct bench *bench = *state;

	put(bench, "one\ntwo\nthree\n");
	assert_text(bench, "one");
	assert_int_equal(ftruncate(bench->file, 0), 0);
	lseek(bench->file, 0, SEEK_SET);
	put(bench, "new\n");
	/* What was read before it was is not told any more. */
	tail_rewind(&bench->tail);
	assert_text(bench, "new");
	assert_none(bench);
	/* In the middle of a search. */
	put_line(bench, 'x', 3 * TAIL_BLOCK);
	tail_search(&bench->tail, 5);
	assert_false(tail_found(&bench->tail));
	assert_int_equal(ftruncate(bench->file, 0), 0);
	assert_true(tail_found(&bench->tail));
	assert_int_equal(bench->tail.at, 0);
}

/* Read on from where NAME and AT say, in a tail of its own. */
static bool
resumes(struct bench *bench, const char *name, off_t at)
{
	struct tail tail;
	bool result;

	tail_open(&tail, dup(bench->file));
	result = tail_resume(&tail, name, at);
	assert_int_equal(tail.at, result ? at : 0);
	tail_close(&tail);
	return result;
}

static void
it_is_gone_on_with_where_it_was(void **state)
{
	struct bench *bench = *state;
	char name[TAIL_NAME];

	/* Short, it has a name that does not say how it begins. */
	put(bench, "short\n");
	strcpy(name, tail_name(&bench->tail));
	assert_true(resumes(bench, name, 6));
	put_line(bench, 'a', 100);
	assert_true(resumes(bench, name, 6));
	assert_text(bench, "short");
	assert_line(bench, 'a', 99, false);
	assert_string_not_equal(name, tail_name(&bench->tail));
	strcpy(name, tail_name(&bench->tail));
	assert_true(resumes(bench, name, 106));
	put_line(bench, 'b', 100);
	assert_true(resumes(bench, name, 106));
	assert_string_equal(name, tail_name(&bench->tail));
	assert_false(resumes(bench, name, 207));
	assert_false(resumes(bench, name, -1));
	/* Another one in its place, and as long. */
	assert_int_equal(ftruncate(bench->file, 0), 0);
	lseek(bench->file, 0, SEEK_SET);
	put_line(bench, 'c', 206);
	assert_false(resumes(bench, name, 106));
}

static void
what_is_no_name_is_that_of_no_file(void **state)
{
	struct bench *bench = *state;
	char name[TAIL_NAME];

	put_line(bench, 'a', 100);
	strcpy(name, tail_name(&bench->tail));
	assert_true(resumes(bench, name, 100));
	assert_false(resumes(bench, "", 0));
	assert_false(resumes(bench, ":", 0));
	assert_false(resumes(bench, "1:2:3", 0));
	assert_false(resumes(bench, name + 1, 0));
	*strrchr(name, ':') = '\0';
	assert_false(resumes(bench, name, 0));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_last_lines_are_found),
		TEST(lines_end_where_a_block_does),
		TEST(a_character_is_not_cut),
		TEST(the_last_time_half_a_line_is_one),
		TEST(nothing_is_read_behind_a_limit),
		TEST(a_file_that_was_emptied_begins_anew),
		TEST(it_is_gone_on_with_where_it_was),
		TEST(what_is_no_name_is_that_of_no_file),
	};

	return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}
