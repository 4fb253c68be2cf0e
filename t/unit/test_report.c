/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report pipe: what an honest worker writes arrives, and what a hostile
 * one writes is refused without harm.
 */
#include "ipc/report.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	SLOT = 7,
	GENERATION = 3
};

struct ends {
	struct report_writer writer;
	struct report_reader reader;
};

static int
make_ends(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	int fds[2];

	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	ends->writer = (struct report_writer){ .fd = fds[1],
					       .slot = SLOT,
					       .generation = GENERATION };
	ends->reader = (struct report_reader){ .fd = fds[0],
					       .slot = SLOT,
					       .generation = GENERATION };
	*state = ends;
	return 0;
}

static int
close_ends(void **state)
{
	struct ends *ends = *state;

	close(ends->writer.fd);
	close(ends->reader.fd);
	free(ends);
	return 0;
}

static void
records_arrive_in_order(void **state)
{
	struct ends *ends = *state;
	struct report_beat beat = { .delta = { .ticks = 42 },
				    .connections = 5 };
	union report report;

	assert_true(report_send(&ends->writer, REPORT_READY));
	assert_true(report_beat(&ends->writer, &beat));
	assert_true(report_failed(&ends->writer, 12, "no memory"));
	assert_true(report_send(&ends->writer, REPORT_DRAINED));
	assert_int_equal(report_next(&ends->reader, &report), REPORT_GOT);
	assert_int_equal(report.header.type, REPORT_READY);
	assert_int_equal(report_next(&ends->reader, &report), REPORT_GOT);
	assert_int_equal(report.header.type, REPORT_BEAT);
	assert_int_equal(report.beat.delta.ticks, 42);
	assert_int_equal(report.beat.connections, 5);
	assert_int_equal(report_next(&ends->reader, &report), REPORT_GOT);
	assert_int_equal(report.failed.error, 12);
	assert_string_equal(report.failed.text, "no memory");
	assert_int_equal(report_next(&ends->reader, &report), REPORT_GOT);
	assert_int_equal(report.header.type, REPORT_DRAINED);
	assert_int_equal(report_next(&ends->reader, &report), REPORT_EMPTY);
}

static void
end_of_the_pipe_is_told(void **state)
{
	struct ends *ends = *state;
	union report report;

	assert_true(report_send(&ends->writer, REPORT_READY));
	close(ends->writer.fd);
	assert_int_equal(report_next(&ends->reader, &report), REPORT_GOT);
	assert_int_equal(report_next(&ends->reader, &report), REPORT_END);
	ends->writer.fd = dup(ends->reader.fd);
}

static void
full_pipe_is_counted(void **state)
{
	struct ends *ends = *state;
	struct report_beat beat = { .connections = 1 };
	union report report;
	int sent = 0, got = 0;

	while (report_beat(&ends->writer, &beat))
		sent++;
	assert_int_equal(ends->writer.lost, 1);
	while (report_next(&ends->reader, &report) == REPORT_GOT)
		got++;
	assert_int_equal(got, sent);
	assert_true(report_beat(&ends->writer, &beat));
}

static void
cut_record_waits_for_its_rest(void **state)
{
	struct ends *ends = *state;
	struct report_header header = { .type = REPORT_READY,
					.length = sizeof(header),
					.slot = SLOT,
					.generation = GENERATION };
	union report report;

	for (size_t cut = 1; cut < sizeof(header); cut++) {
		size_t rest = sizeof(header) - cut;

		assert_int_equal(write(ends->writer.fd, &header, cut), cut);
		assert_int_equal(report_next(&ends->reader, &report),
				 REPORT_EMPTY);
		assert_int_equal(write(ends->writer.fd,
				       (const char *)&header + cut, rest),
				 rest);
		assert_int_equal(report_next(&ends->reader, &report),
				 REPORT_GOT);
	}
}

static void
strangers_are_refused(void **state)
{
	static const struct report_header strangers[] = {
		{ REPORT_READY, sizeof(struct report_header), SLOT + 1,
		  GENERATION, 0 },
		{ REPORT_READY, sizeof(struct report_header), SLOT,
		  GENERATION - 1, 0 },
		{ REPORT_READY, sizeof(struct report_header) + 1, SLOT,
		  GENERATION, 0 },
		{ REPORT_BEAT, sizeof(struct report_header), SLOT, GENERATION,
		  0 },
		{ REPORT_BEAT, 65535, SLOT, GENERATION, 0 },
		{ 0, 0, SLOT, GENERATION, 0 },
		{ 99, sizeof(struct report_header), SLOT, GENERATION, 0 },
	};
	struct ends *ends = *state;
	union report report;

	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		assert_int_equal(write(ends->writer.fd, &strangers[i],
				       sizeof(strangers[i])),
				 sizeof(strangers[i]));
		assert_int_equal(report_next(&ends->reader, &report),
				 REPORT_REFUSED);
		assert_int_equal(report_next(&ends->reader, &report),
				 REPORT_EMPTY);
	}
	/* It is heard again once it talks sense. */
	assert_true(report_send(&ends->writer, REPORT_READY));
	assert_int_equal(report_next(&ends->reader, &report), REPORT_GOT);
}

static void
strings_end(void **state)
{
	struct ends *ends = *state;
	struct report_failed failed = {
		.header = { REPORT_FAILED, sizeof(failed), SLOT, GENERATION, 0 }
	};
	union report report;

	memset(failed.text, 'x', sizeof(failed.text));
	assert_int_equal(write(ends->writer.fd, &failed, sizeof(failed)),
			 sizeof(failed));
	assert_int_equal(report_next(&ends->reader, &report), REPORT_GOT);
	assert_int_equal(strlen(report.failed.text), sizeof(failed.text) - 1);
}

static void
noise_does_no_harm(void **state)
{
	struct ends *ends = *state;
	unsigned char noise[512];
	union report report;

	srandom(1);
	for (int round = 0; round < 2000; round++) {
		size_t length = 1 + (size_t)random() % sizeof(noise);
		int turns = 0;

		for (size_t i = 0; i < length; i++)
			noise[i] = (unsigned char)random();
		(void)!write(ends->writer.fd, noise, length);
		while (report_next(&ends->reader, &report) != REPORT_EMPTY)
			assert_true(++turns < 100);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ends, close_ends)
	const struct CMUnitTest tests[] = {
		TEST(records_arrive_in_order),
		TEST(end_of_the_pipe_is_told),
		TEST(full_pipe_is_counted),
		TEST(cut_record_waits_for_its_rest),
		TEST(strangers_are_refused),
		TEST(strings_end),
		TEST(noise_does_no_harm),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
