/* SPDX-License-Identifier: BSD-2-Clause */
/* The log's two ends: what is written to the pipe, and what is believed. */
#include "base/clock.h"
#include "base/log.h"
#include "ipc/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	KIND_ERROR,
	KIND_INFO,
	KIND_DEBUG,
	KIND_LONG,
	KIND_COUNT
};

static char long_description[2 * LOG_RECORD_MAX];

static const struct log_kind kinds[KIND_COUNT] = {
	[KIND_ERROR] = { LOG_LEVEL_ERROR, "worker crashed" },
	[KIND_INFO] = { LOG_LEVEL_INFO, "client connected" },
	[KIND_DEBUG] = { LOG_LEVEL_DEBUG, "chatter" },
	[KIND_LONG] = { LOG_LEVEL_ERROR, long_description },
};

struct pipe_ends {
	int reader;
	int writer;
};

static int
set_up(void **state)
{
	static struct pipe_ends ends;
	int fds[2];

	memset(long_description, 'd', sizeof(long_description) - 1);
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	ends = (struct pipe_ends){ fds[0], fds[1] };
	log_open(ends.writer, "worker 3", kinds, KIND_COUNT, LOG_LEVEL_INFO, 0);
	*state = &ends;
	return 0;
}

static int
tear_down(void **state)
{
	struct pipe_ends *ends = *state;

	log_open(-1, "", NULL, 0, LOG_LEVEL_ERROR, 0);
	close(ends->reader);
	close(ends->writer);
	return 0;
}

/* The next record in the pipe, in a buffer that stays until the next call. */
static bool
next_record(struct pipe_ends *ends, struct log_parsed *parsed)
{
	static char bytes[LOG_RECORD_MAX];
	ssize_t n = read(ends->reader, bytes, sizeof(struct log_header));
	struct log_header header;

	if (n < 0)
		return false;
	assert_int_equal(n, sizeof(header));
	memcpy(&header, bytes, sizeof(header));
	n = read(ends->reader, bytes + sizeof(header),
		 header.length - sizeof(header));
	assert_int_equal(n, header.length - sizeof(header));
	assert_int_equal(log_parse(bytes, header.length, parsed),
			 header.length);
	return true;
}

static const char *
value_of(const struct log_parsed *parsed, const char *name)
{
	for (int i = 0; i < parsed->tags; i++)
		if (strcmp(parsed->names[i], name) == 0)
			return parsed->values[i];
	return "(none)";
}

static void
a_record_comes_back(void **state)
{
	struct log_record record;
	struct log_parsed parsed;
	int64_t before = clock_realtime();

	errno = ENOTTY;
	assert_true(log_begin(&record, KIND_INFO));
	log_tag(&record, "service", "%s", "stream");
	log_tag(&record, "active", "%d", 12);
	log_tag(&record, "empty", "%s", "");
	log_tag(&record, "nul", "a%cb", 0);
	log_end(&record);
	log_end(&record); /* once is enough */
	assert_int_equal(errno, ENOTTY);
	assert_true(next_record(*state, &parsed));
	assert_int_equal(parsed.header.level, LOG_LEVEL_INFO);
	assert_int_equal(parsed.header.pid, getpid());
	assert_true(parsed.header.time >= before &&
		    parsed.header.time <= clock_realtime());
	assert_string_equal(parsed.header.role, "worker 3");
	assert_string_equal(parsed.description, "client connected");
	assert_int_equal(parsed.tags, 4);
	assert_string_equal(value_of(&parsed, "service"), "stream");
	assert_string_equal(value_of(&parsed, "active"), "12");
	assert_string_equal(value_of(&parsed, "empty"), "");
	assert_string_equal(value_of(&parsed, "nul"), "a");
	assert_false(next_record(*state, &parsed));
}

static void
levels_and_strangers_are_left_out(void **state)
{
	struct log_record record;
	struct log_parsed parsed;

	assert_false(log_begin(&record, KIND_DEBUG));
	log_tag(&record, "name", "value");
	log_end(&record);
	assert_false(log_begin(&record, -1));
	assert_false(log_begin(&record, KIND_COUNT));
	log_event(KIND_DEBUG, "name", "value");
	assert_false(next_record(*state, &parsed));
	log_configure(LOG_LEVEL_DEBUG, 0);
	log_event(KIND_DEBUG, "name", "va%s", "lue");
	assert_true(next_record(*state, &parsed));
	assert_string_equal(value_of(&parsed, "name"), "value");
	assert_int_equal(log_lost() + log_limited(), 0);
	log_open(-1, "nobody", kinds, KIND_COUNT, LOG_LEVEL_DEBUG, 0);
	assert_false(log_begin(&record, KIND_ERROR));
	log_flush();
}

static void
long_values_are_cut(void **state)
{
	static char value[2 * LOG_RECORD_MAX];
	struct log_record record;
	struct log_parsed parsed;

	for (size_t i = 0; i < sizeof(value) - 2; i += 2)
		memcpy(value + i, "\xc3\xa4", 2);
	for (int shift = 0; shift < 2; shift++) {
		assert_true(log_begin(&record, KIND_INFO));
		log_tag(&record, shift ? "nn" : "n", "%s", value);
		log_tag(&record, "later", "%s", "lost");
		log_end(&record);
		assert_true(next_record(*state, &parsed));
		assert_int_equal(parsed.tags, 1);
		/* As much as fits, but never half a character. */
		assert_int_equal(strlen(parsed.values[0]) % 2, 0);
		assert_true(parsed.header.length >= LOG_RECORD_MAX - 1);
	}
	assert_true(log_begin(&record, KIND_LONG));
	log_tag(&record, "later", "%s", "lost");
	log_end(&record);
	assert_true(next_record(*state, &parsed));
	assert_int_equal(parsed.header.length, LOG_RECORD_MAX);
	assert_int_equal(parsed.tags, 0);
	assert_true(log_begin(&record, KIND_INFO));
	for (int i = 0; i < 100; i++)
		log_tag(&record, "n", "%d", i);
	log_end(&record);
	assert_true(next_record(*state, &parsed));
	assert_int_equal(parsed.tags, LOG_TAGS_MAX);
}

static void
the_rate_is_bounded(void **state)
{
	struct log_parsed parsed;
	uint64_t deadline = clock_monotonic() + 10 * CLOCK_SECOND;
	int burst = 0;

	log_open(((struct pipe_ends *)*state)->writer, "worker 3", kinds,
		 KIND_COUNT, LOG_LEVEL_ERROR, 7);
	for (int i = 0; i < 10; i++)
		log_event(KIND_ERROR, "n", "%d", i);
	while (next_record(*state, &parsed))
		burst++;
	/* More, should the machine have stood still for so long. */
	assert_true(burst >= 7);
	assert_int_equal(log_limited(), 10 - burst);
	log_flush();
	if (burst < 10) {
		char count[8];

		snprintf(count, sizeof(count), "%d", 10 - burst);
		assert_true(next_record(*state, &parsed));
		assert_string_equal(parsed.description, "log records left out");
		assert_int_equal(parsed.header.level, LOG_LEVEL_WARNING);
		assert_string_equal(value_of(&parsed, "event"),
				    "worker crashed");
		assert_string_equal(value_of(&parsed, "count"), count);
	}
	log_flush();
	assert_false(next_record(*state, &parsed));
	/* Another kind has a bound of its own, and the bucket fills again. */
	log_event(KIND_LONG, "n", "%d", 1);
	assert_true(next_record(*state, &parsed));
	while (!next_record(*state, &parsed)) {
		assert_true(clock_monotonic() < deadline);
		poll(NULL, 0, 1);
		log_event(KIND_ERROR, "n", "%d", 11);
	}
}

/* Write COUNT records of KIND; how many of them the pipe took. */
static int
fill(struct pipe_ends *ends, int kind, int count, bool flush)
{
	struct log_parsed parsed;
	int taken = 0;

	for (int i = 0; i < count; i++)
		log_event(kind, "n", "%0100d", i);
	if (flush)
		log_flush();
	while (next_record(ends, &parsed))
		taken += strncmp(parsed.description, "log ", 4) != 0;
	return taken;
}

static void
what_a_full_pipe_loses_is_counted(void **state)
{
	struct pipe_ends *ends = *state;
	struct log_parsed parsed;
	char count[24];
	int taken;

	assert_true(fcntl(ends->writer, F_SETPIPE_SZ, 4096) > 0);
	taken = fill(ends, KIND_INFO, 1000, false);
	assert_true(taken > 0 && taken < 1000);
	assert_int_equal(log_lost(), 1000 - taken);
	log_flush();
	assert_true(next_record(ends, &parsed));
	assert_string_equal(parsed.description, "log records lost");
	snprintf(count, sizeof(count), "%d", 1000 - taken);
	assert_string_equal(value_of(&parsed, "count"), count);
	log_flush();
	assert_false(next_record(ends, &parsed));

	/* These leave no room at all: a flush among them says nothing, and
	 * what it could not say is said by the next. */
	taken = fill(ends, KIND_LONG, 100, true);
	assert_true(taken > 0 && taken < 100);
	log_flush();
	assert_true(next_record(ends, &parsed));
	snprintf(count, sizeof(count), "%d", 100 - taken);
	assert_string_equal(value_of(&parsed, "count"), count);
	assert_false(next_record(ends, &parsed));
}

static void
a_pipe_without_reader_is_a_loss(void **state)
{
	struct pipe_ends *ends = *state;

	close(ends->reader);
	ends->reader = open("/dev/null", O_RDONLY | O_CLOEXEC);
	log_event(KIND_INFO, "n", "1");
	assert_int_equal(log_lost(), 1);
	log_flush();
	assert_int_equal(log_lost(), 1);
}

/* One valid record in BYTES; its length. */
static size_t
sample(struct pipe_ends *ends, char *bytes)
{
	struct log_record record;
	ssize_t n;

	log_begin(&record, KIND_INFO);
	log_tag(&record, "service", "stream");
	log_tag(&record, "peer", "127.0.0.1:40112");
	log_end(&record);
	n = read(ends->reader, bytes, LOG_RECORD_MAX);
	assert_true(n > 0);
	return (size_t)n;
}

/* On the heap at its exact size, where a sanitizer sees what is beyond. */
static int
parse_copy(const char *bytes, size_t length)
{
	char *copy = malloc(length ? length : 1);
	struct log_parsed parsed;
	int result;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	result = log_parse(copy, length, &parsed);
	assert_true(result >= -1 && result <= (int)length);
	if (result > 0) {
		size_t total = strlen(parsed.description);

		assert_true(parsed.tags <= LOG_TAGS_MAX);
		for (int i = 0; i < parsed.tags; i++)
			total += strlen(parsed.names[i]) +
				 strlen(parsed.values[i]);
		assert_true(total < length);
	}
	free(copy);
	return result;
}

static void
a_truncated_record_is_not_whole(void **state)
{
	char bytes[LOG_RECORD_MAX];
	size_t length = sample(*state, bytes);

	for (size_t i = 0; i < length; i++)
		assert_int_equal(parse_copy(bytes, i), 0);
	assert_int_equal(parse_copy(bytes, length), length);
	bytes[length] = 'x'; /* the beginning of a next one */
	assert_int_equal(parse_copy(bytes, length + 1), length);
	/* One that claims to be shorter or longer than its strings are. */
	for (int by = -1; by <= 1; by += 2) {
		struct log_header header;

		memcpy(&header, bytes, sizeof(header));
		header.length = (uint16_t)(header.length + by);
		memcpy(bytes, &header, sizeof(header));
		assert_int_equal(parse_copy(bytes, length + 1), -1);
		header.length = (uint16_t)(header.length - by);
		memcpy(bytes, &header, sizeof(header));
	}
}

static void
random_bytes_are_no_record(void **state)
{
	char good[LOG_RECORD_MAX];
	char bytes[LOG_RECORD_MAX];
	size_t length = sample(*state, good);

	srandom(1);
	for (size_t size = 0; size < sizeof(bytes); size++) {
		const uint32_t magic = LOG_MAGIC;

		for (size_t i = 0; i < size; i++)
			bytes[i] = (char)random();
		parse_copy(bytes, size);
		memcpy(bytes, &magic, sizeof(magic));
		parse_copy(bytes, size);
		if (size >= 8)
			memcpy(bytes, good, 8);
		parse_copy(bytes, size);
	}
	for (size_t i = 0; i < length * 256; i++) {
		memcpy(bytes, good, length);
		bytes[i / 256] = (char)i;
		parse_copy(bytes, length);
	}
}

static void
levels_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		const char *name = log_level_name((enum log_level)i);

		assert_int_equal(name != NULL,
				 i >= LOG_LEVEL_ERROR && i <= LOG_LEVEL_DEBUG);
		if (name)
			assert_int_equal(log_level_parse(name), i);
	}
	assert_null(log_level_name((enum log_level) - 1));
	assert_int_equal(log_level_parse("loud"), -1);
	assert_int_equal(log_level_parse(""), -1);
}

static void
no_event_is_missing(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		assert_non_null(event_kinds[i].description);
		assert_non_null(log_level_name(event_kinds[i].level));
		for (const char *c = event_kinds[i].description; *c; c++)
			assert_true((*c >= 'a' && *c <= 'z') || *c == ' ');
		for (int j = 0; j < i; j++)
			assert_string_not_equal(event_kinds[i].description,
						event_kinds[j].description);
	}
}

#define PIPE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PIPE_TEST(a_record_comes_back),
		PIPE_TEST(levels_and_strangers_are_left_out),
		PIPE_TEST(long_values_are_cut),
		PIPE_TEST(the_rate_is_bounded),
		PIPE_TEST(what_a_full_pipe_loses_is_counted),
		PIPE_TEST(a_pipe_without_reader_is_a_loss),
		PIPE_TEST(a_truncated_record_is_not_whole),
		PIPE_TEST(random_bytes_are_no_record),
		cmocka_unit_test(levels_have_names),
		cmocka_unit_test(no_event_is_missing),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
