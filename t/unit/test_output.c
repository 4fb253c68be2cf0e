/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal's file and standard error, and how they fail. */
#include "journal/output.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD	"1970-01-01T00:00:00.000Z "
#define BODY	"error worker 0[1234]: client connected; n='"
#define LINE(n) HEAD BODY n "'\n"

struct bench {
	char path[32]; /* of the file, which is there and empty */
	int saved;     /* standard error, as it was */
	struct journal_config config;
	struct output output;
	char text[4096]; /* what was read last */
};

static int
set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	int fd;

	if (!bench)
		return -1;
	strcpy(bench->path, "/tmp/test_output.XXXXXX");
	fd = mkostemp(bench->path, O_CLOEXEC);
	if (fd < 0)
		return -1;
	close(fd);
	bench->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	signal(SIGXFSZ, SIG_IGN);
	unsetenv("JOURNAL_STREAM");
	*state = bench;
	return bench->saved < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	dup2(bench->saved, STDERR_FILENO);
	close(bench->saved);
	unlink(bench->path);
	free(bench);
	return 0;
}

static void
put(struct bench *bench, const char *value)
{
	struct log_parsed record = { .header.level = LOG_LEVEL_ERROR,
				     .header.pid = 1234,
				     .header.role = "worker 0",
				     .description = "client connected",
				     .names[0] = "n",
				     .values[0] = value,
				     .tags = 1 };

	output_record(&bench->output, &record);
}

/* Everything that is there to be read from FD, which is closed. */
static const char *
contents(struct bench *bench, int fd)
{
	ssize_t n = read(fd, bench->text, sizeof(bench->text) - 1);

	assert_true(n >= 0);
	bench->text[n] = '\0';
	close(fd);
	return bench->text;
}

static void
open_file(struct bench *bench)
{
	strcpy(bench->config.file, bench->path);
	assert_int_equal(output_open(&bench->output, &bench->config), 0);
}

static const char *
close_file(struct bench *bench)
{
	output_close(&bench->output);
	return contents(bench, open(bench->path, O_RDONLY | O_CLOEXEC));
}

static void
limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size == RLIM_INFINITY ? limit.rlim_max : size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A pipe in the place of standard error; its read end. */
static int
pipe_error(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	return fds[0];
}

static void
a_line_that_was_cut_stands_alone(void **state)
{
	struct bench *bench = *state;
	int error = pipe_error();
	const char *rest;

	bench->config.to_stderr = true;
	open_file(bench);
	limit_files(strlen(LINE("1") HEAD));
	for (char n[] = "1"; *n < '4'; ++*n)
		put(bench, n);
	output_flush(&bench->output);
	output_flush(
		&bench->output); /* tries again, and must not count twice */
	limit_files(RLIM_INFINITY);
	put(bench, "4");
	rest = close_file(bench);
	assert_memory_equal(rest, LINE("1") HEAD "\n",
			    strlen(LINE("1") HEAD "\n"));
	rest = strstr(rest, " warning journal[");
	assert_non_null(rest);
	rest = strstr(rest, "]: ");
	assert_string_equal(rest, "]: log lines lost; count='2', "
				  "reason='File too large'\n" LINE("4"));
	/* A failing file is the file's business. */
	assert_string_equal(contents(bench, error),
			    LINE("1") LINE("2") LINE("3") LINE("4"));
}

static void
standard_error_that_is_gone_leaves_the_file(void **state)
{
	struct bench *bench = *state;

	signal(SIGPIPE, SIG_IGN);
	close(pipe_error());
	bench->config.to_stderr = true;
	open_file(bench);
	put(bench, "1");
	output_flush(&bench->output);
	put(bench, "2");
	assert_string_equal(close_file(bench), LINE("1") LINE("2"));
}

static void
half_a_line_from_a_crash_is_ended(void **state)
{
	struct bench *bench = *state;
	int fd = open(bench->path, O_WRONLY | O_CLOEXEC);

	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	open_file(bench);
	put(bench, "1");
	close_file(bench);
	open_file(bench);
	put(bench, "2");
	assert_string_equal(close_file(bench), "half\n" LINE("1") LINE("2"));
}

static void
many_lines_are_written_whole(void **state)
{
	struct bench *bench = *state;
	const size_t length = strlen(LINE("1"));
	struct stat status;

	open_file(bench);
	for (int i = 0; i < 10000; i++)
		put(bench, "1");
	output_close(&bench->output);
	assert_int_equal(stat(bench->path, &status), 0);
	assert_int_equal(status.st_size, 10000 * length);
}

static void
systemd_gets_priorities_once(void **state)
{
	struct bench *bench = *state;
	int error = pipe_error();
	struct stat status;
	char stream[64];

	assert_int_equal(fstat(error, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	bench->config.to_stderr = true;
	assert_int_equal(output_open(&bench->output, &bench->config), 0);
	put(bench, "1");
	output_flush(&bench->output);
	/* Nothing is sent to the syslog of whoever runs this. */
	bench->config.syslog = true;
	output_configure(&bench->output, &bench->config);
	assert_int_equal(bench->output.terminal.fd, -1);
	bench->config.syslog = false;
	setenv("JOURNAL_STREAM", "1:1", 1);
	output_configure(&bench->output, &bench->config);
	put(bench, "2");
	output_close(&bench->output);
	assert_string_equal(contents(bench, error),
			    "<3>" BODY "1'\n" LINE("2"));
}

static void
a_terminal_gets_colours(void **state)
{
	static const char *const cases[][3] = {
		/* NO_COLOR, TERM, the line */
		{ "", "xterm", "\033[31m" HEAD BODY "1'\033[0m\r\n" },
		{ "1", "xterm", HEAD BODY "1'\r\n" },
		{ "", "dumb", HEAD BODY "1'\r\n" },
	};
	struct bench *bench = *state;
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int fd;

	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	fd = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	bench->config.to_stderr = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv("NO_COLOR", cases[i][0], 1);
		setenv("TERM", cases[i][1], 1);
		assert_int_equal(output_open(&bench->output, &bench->config),
				 0);
		put(bench, "1");
		output_close(&bench->output);
		assert_string_equal(contents(bench, dup(terminal)),
				    cases[i][2]);
	}
	close(terminal);
}

/* A file that is emptied begins with who did that, and nothing else is lost. */
static void
a_clear_is_the_first_line(void **state)
{
	struct bench *bench = *state;
	uint64_t bytes = 0;
	char wanted[256];
	const char *text;

	open_file(bench);
	put(bench, "1");
	/* What was gathered goes with the rest. */
	assert_int_equal(output_clear(&bench->output, 1000, 77, &bytes), 0);
	assert_int_equal(bytes, strlen(LINE("1")));
	put(bench, "2");
	text = strstr(close_file(bench), " notice journal[");
	assert_int_equal(text - bench->text, strlen(HEAD) - 1);
	text = strstr(text, "]: ");
	snprintf(wanted, sizeof(wanted),
		 "]: log cleared; uid='1000', pid='77', bytes='%zu'\n%s",
		 strlen(LINE("1")), LINE("2"));
	assert_string_equal(text, wanted);
}

static void
a_clear_makes_room_and_says_what_was_lost_then(void **state)
{
	struct bench *bench = *state;
	uint64_t bytes;
	const char *text;

	open_file(bench);
	limit_files(6 * strlen(LINE("1")) + 10);
	for (char n[] = "1"; *n <= '9'; ++*n) {
		put(bench, n);
		output_flush(&bench->output);
	}
	assert_int_equal(output_clear(&bench->output, 0, 1, &bytes), 0);
	assert_int_equal(bytes, 6 * strlen(LINE("1")) + 10);
	limit_files(RLIM_INFINITY);
	put(bench, "6");
	text = close_file(bench);
	assert_non_null(strstr(text, "log cleared; "));
	text = strchr(text, '\n');
	text = strstr(text, "]: ");
	assert_string_equal(text, "]: log lines lost; count='3', "
				  "reason='File too large'\n" LINE("6"));
}

static void
assert_reads(struct bench *bench, const char *text)
{
	int fd = output_reader(&bench->output);

	assert_true(fd >= 0);
	assert_true(output_writes(&bench->output, fd));
	assert_string_equal(contents(bench, fd), text);
}

static void
the_file_that_is_written_to_is_read(void **state)
{
	struct bench *bench = *state;
	char moved[48];
	int fd;

	open_file(bench);
	put(bench, "1");
	output_flush(&bench->output);
	assert_reads(bench, LINE("1"));
	/* Wherever it is, and whatever is in its place. */
	snprintf(moved, sizeof(moved), "%s.1", bench->path);
	assert_int_equal(rename(bench->path, moved), 0);
	assert_reads(bench, LINE("1"));
	fd = open(bench->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "other\n", 6), 6);
	close(fd);
	assert_reads(bench, LINE("1"));
	fd = output_reader(&bench->output);
	output_reopen(&bench->output);
	assert_false(output_writes(&bench->output, fd));
	close(fd);
	assert_reads(bench, "other\n");
	unlink(moved);
	close_file(bench);
}

static void
what_is_no_file_cannot_be_read_or_cleared(void **state)
{
	static const struct {
		const char *file;
		int error;
	} cases[] = { { "", ENOENT }, { "/dev/full", ESPIPE } };
	struct bench *bench = *state;
	uint64_t bytes;

	for (int i = 0; i < 2; i++) {
		strcpy(bench->config.file, cases[i].file);
		assert_int_equal(output_open(&bench->output, &bench->config),
				 0);
		assert_int_equal(output_reader(&bench->output), -1);
		assert_int_equal(errno, cases[i].error);
		assert_int_equal(output_clear(&bench->output, 0, 1, &bytes),
				 -1);
		assert_int_equal(errno, cases[i].error);
		output_close(&bench->output);
	}
}

/* One that may only grow, say: chattr +a. */
static void
a_clear_that_fails_leaves_all_as_it_was(void **state)
{
	struct bench *bench = *state;
	uint64_t bytes;
	int kept;

	open_file(bench);
	put(bench, "1");
	output_flush(&bench->output);
	kept = bench->output.file.fd;
	bench->output.file.fd = open(bench->path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(output_clear(&bench->output, 0, 1, &bytes), -1);
	assert_int_equal(errno, EINVAL);
	close(bench->output.file.fd);
	bench->output.file.fd = kept;
	put(bench, "2");
	assert_string_equal(close_file(bench), LINE("1") LINE("2"));
}

#define BENCH_TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_line_that_was_cut_stands_alone),
		BENCH_TEST(standard_error_that_is_gone_leaves_the_file),
		BENCH_TEST(half_a_line_from_a_crash_is_ended),
		BENCH_TEST(many_lines_are_written_whole),
		BENCH_TEST(systemd_gets_priorities_once),
		BENCH_TEST(a_terminal_gets_colours),
		BENCH_TEST(a_clear_is_the_first_line),
		BENCH_TEST(a_clear_makes_room_and_says_what_was_lost_then),
		BENCH_TEST(the_file_that_is_written_to_is_read),
		BENCH_TEST(what_is_no_file_cannot_be_read_or_cleared),
		BENCH_TEST(a_clear_that_fails_leaves_all_as_it_was),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
