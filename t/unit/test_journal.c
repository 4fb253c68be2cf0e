/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal as a process: records go into a pipe, lines come out in files.
 * Every wait has a deadline.
 */
#include "base/clock.h"
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include <cmocka.h>

/* Where every record of these tests was written, and when. */
#define HEAD	    "2026-11-21T10:02:03.456Z info worker 0[1234]: "
#define LINE(value) HEAD "client connected; n='" value "'\n"

struct bench {
	char directory[32];
	char file[64];
	char error[64]; /* the journal's standard error */
	int reader;	/* of the log pipe; kept, as the master does */
	int writer;
	int command;
	uid_t uid; /* what a journal of root's becomes */
	pid_t journal;
	struct journal_config config;
	struct journal_ready ready;
	char text[1 << 20]; /* the file that was read last */
};

/*
 * What a journal sends to syslog goes to the other end of this, a datagram
 * each, and waits for room there as syslog(3) does.
 */
static int syslog_ends[2] = { -1, -1 };

static void
send_text(const char *format, va_list arguments)
{
	char text[512];
	int length = vsnprintf(text, sizeof(text), format, arguments);

	(void)!send(syslog_ends[0], text, (size_t)length, MSG_NOSIGNAL);
}

/* Of a journal with evtlog and of one without, fortified or not. */
#undef syslog
void
syslog(int priority, const char *format, ...)
{
	va_list arguments;

	(void)priority;
	va_start(arguments, format);
	send_text(format, arguments);
	va_end(arguments);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	(void)priority;
	(void)flag;
	va_start(arguments, format);
	send_text(format, arguments);
	va_end(arguments);
}

static bool
in_time(uint64_t *deadline)
{
	if (*deadline == 0)
		*deadline = clock_monotonic() + 20 * CLOCK_SECOND;
	poll(NULL, 0, 1);
	return clock_monotonic() < *deadline;
}

/* ---- The bench ---------------------------------------------------------- */

static int
set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	int fds[2];

	if (!bench || pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	bench->reader = fds[0];
	bench->writer = fds[1];
	bench->command = -1;
	strcpy(bench->directory, "/tmp/test_journal.XXXXXX");
	if (!mkdtemp(bench->directory))
		return -1;
	snprintf(bench->file, sizeof(bench->file), "%s/log", bench->directory);
	snprintf(bench->error, sizeof(bench->error), "%s/err",
		 bench->directory);
	strcpy(bench->config.file, bench->file);
	unsetenv("JOURNAL_STREAM");
	*state = bench;
	return 0;
}

static int
remove_one(const char *path, const struct stat *status, int type,
	   struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	if (bench->journal > 0) {
		kill(bench->journal, SIGKILL);
		waitpid(bench->journal, NULL, 0);
	}
	close(bench->reader);
	close(bench->writer);
	close(bench->command);
	nftw(bench->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(bench);
	return 0;
}

static void
be_journal(struct bench *bench, int command, int ready)
{
	struct journal_plan plan = { .log_pipe = bench->reader,
				     .command = command,
				     .ready = ready,
				     .config = bench->config };
	int error = open(bench->error, O_WRONLY | O_CREAT | O_APPEND, 0600);

	dup2(error, STDERR_FILENO);
	close(bench->writer);
	close(bench->command);
	if (bench->uid && geteuid() == 0 && setuid(bench->uid) < 0)
		_exit(EX_SOFTWARE);
	_exit(journal_run(&plan));
}

/* Start a journal and wait for its report, bench->ready. */
static void
start(struct bench *bench)
{
	struct pollfd wait = { .events = POLLIN };
	int command[2], ready[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, command),
		0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	close(bench->command);
	bench->command = command[0];
	bench->journal = fork();
	assert_true(bench->journal >= 0);
	if (bench->journal == 0)
		be_journal(bench, command[1], ready[1]);
	close(command[1]);
	close(ready[1]);
	wait.fd = ready[0];
	assert_int_equal(poll(&wait, 1, 20000), 1);
	assert_int_equal(read(ready[0], &bench->ready, sizeof(bench->ready)),
			 sizeof(bench->ready));
	assert_int_equal(read(ready[0], &bench->ready, 1), 0);
	close(ready[0]);
}

/* How the journal ended. */
static int
wait_status(struct bench *bench)
{
	uint64_t deadline = 0;
	int status;

	while (waitpid(bench->journal, &status, WNOHANG) == 0)
		assert_true(in_time(&deadline));
	bench->journal = 0;
	return status;
}

/* Let the pipe end and the journal with it. */
static void
finish(struct bench *bench)
{
	close(bench->writer);
	bench->writer = -1;
	assert_int_equal(wait_status(bench), 0);
}

static void
order(struct bench *bench, enum journal_order what, const char *file)
{
	struct journal_command command = { .order = what,
					   .config = bench->config };

	if (file)
		snprintf(command.config.file, sizeof(command.config.file), "%s",
			 file);
	assert_int_equal(send(bench->command, &command, sizeof(command), 0),
			 sizeof(command));
}

/* ---- Records and lines -------------------------------------------------- */

/* A record with the tag n=VALUE; how long it is. */
static size_t
make_record(struct log_record *record, const char *value)
{
	struct log_header header = { .magic = LOG_MAGIC,
				     .level = LOG_LEVEL_INFO,
				     .tags = 1,
				     .pid = 1234,
				     .time = INT64_C(1795255323456789012),
				     .role = "worker 0" };
	char *end = record->bytes + sizeof(header);

	end = stpcpy(end, "client connected") + 1;
	end = stpcpy(end, "n") + 1;
	end = stpcpy(end, value) + 1;
	header.length = (uint16_t)(end - record->bytes);
	record->header = header;
	return header.length;
}

static void
put(struct bench *bench, const char *value)
{
	struct log_record record;
	size_t length = make_record(&record, value);

	assert_int_equal(write(bench->writer, record.bytes, length), length);
}

static void
put_number(struct bench *bench, int number)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", number);
	put(bench, value);
}

static char *
contents(struct bench *bench, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, bench->text, sizeof(bench->text) - 1);

	close(fd);
	assert_true(n >= 0);
	bench->text[n] = '\0';
	return bench->text;
}

/* Wait until the file has TEXT in it. */
static void
await(struct bench *bench, const char *path, const char *text)
{
	uint64_t deadline = 0;

	while (!strstr(contents(bench, path), text))
		if (!in_time(&deadline))
			fail_msg("no \"%s\" in %s: %s", text, path,
				 bench->text);
}

/* Wait until the file at PATH is there. */
static void
await_file(const char *path)
{
	uint64_t deadline = 0;

	while (access(path, F_OK) < 0)
		assert_true(in_time(&deadline));
}

/* How often TEXT is in what was read last. */
static int
count_of(struct bench *bench, const char *text)
{
	int count = 0;

	for (char *at = bench->text; (at = strstr(at, text)); at++)
		count++;
	return count;
}

/* ---- The stream --------------------------------------------------------- */

/* Check that lines with NUMBER and those after it are all there is in TEXT. */
static int
assert_numbers(const char *text, int number)
{
	char line[96];

	for (; *text; number++) {
		int length = snprintf(line, sizeof(line), LINE("%d"), number);

		assert_memory_equal(text, line, length);
		text += length;
	}
	return number;
}

static void
the_end_of_the_pipe_drains_it(void **state)
{
	struct bench *bench = *state;

	start(bench);
	for (int i = 0; i < 5000; i++)
		put_number(bench, i);
	finish(bench);
	assert_int_equal(assert_numbers(contents(bench, bench->file), 0), 5000);
}

static void
a_damaged_stream_is_found_again(void **state)
{
	struct bench *bench = *state;
	struct log_record record;
	size_t length = make_record(&record, "split");
	struct log_header bad;

	/* Padding and all. */
	memset(&bad, 0, sizeof(bad));
	bad.magic = LOG_MAGIC;
	bad.length = 4000;
	bad.level = LOG_LEVEL_INFO;
	start(bench);
	put(bench, "it's\n");
	assert_int_equal(write(bench->writer, "t garbage tlog", 14), 14);
	put(bench, "second");
	await(bench, bench->file, "n='second'\n");
	/* A record that comes in pieces, which never happens, is whole. */
	for (size_t i = 0; i < length; i++)
		assert_int_equal(write(bench->writer, record.bytes + i, 1), 1);
	await(bench, bench->file, "n='split'\n");
	/* A head that promises much and hides the record behind it. */
	assert_int_equal(write(bench->writer, &bad, sizeof(bad)), sizeof(bad));
	put(bench, "third");
	assert_int_equal(write(bench->writer, record.bytes, 50), 50);
	finish(bench);
	contents(bench, bench->file);
	assert_int_equal(count_of(bench, "\n"), 7);
	assert_memory_equal(bench->text, LINE("it\\x27s\\x0a"),
			    strlen(LINE("it\\x27s\\x0a")));
	assert_non_null(
		strstr(bench->text,
		       ": log bytes skipped; count='14'\n" LINE("second")));
	assert_non_null(
		strstr(bench->text,
		       ": log bytes skipped; count='40'\n" LINE("third")));
	assert_non_null(
		strstr(bench->text, ": log bytes skipped; count='50'\n"));
}

static void
records_outlive_a_killed_journal(void **state)
{
	struct bench *bench = *state;
	int status;

	start(bench);
	put_number(bench, 0);
	await(bench, bench->file, LINE("0"));
	kill(bench->journal, SIGSTOP);
	assert_int_equal(waitpid(bench->journal, &status, WUNTRACED),
			 bench->journal);
	for (int i = 1; i < 100; i++)
		put_number(bench, i);
	kill(bench->journal, SIGKILL);
	assert_true(WIFSIGNALED(wait_status(bench)));
	start(bench);
	put_number(bench, 100);
	finish(bench);
	assert_int_equal(assert_numbers(contents(bench, bench->file), 0), 101);
}

static void
signals_and_the_masters_end_change_nothing(void **state)
{
	const int signals[] = { SIGINT,	 SIGHUP,  SIGTERM,
				SIGPIPE, SIGUSR1, SIGUSR2 };
	struct bench *bench = *state;

	start(bench);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		kill(bench->journal, signals[i]);
	close(bench->command);
	bench->command = -1;
	put_number(bench, 0);
	await(bench, bench->file, LINE("0"));
	put_number(bench, 1);
	finish(bench);
	assert_int_equal(assert_numbers(contents(bench, bench->file), 0), 2);
}

/* ---- The outputs -------------------------------------------------------- */

static void
what_cannot_be_opened_is_reported(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(mkdir(bench->file, 0700), 0);
	sprintf(bench->config.file, "%s/none/log", bench->file);
	start(bench);
	assert_int_equal(bench->ready.error, ENOENT);
	strcat(bench->config.file, ": No such file or directory");
	assert_string_equal(bench->ready.text, bench->config.file);
	assert_int_equal(WEXITSTATUS(wait_status(bench)), EX_CANTCREAT);

	sprintf(bench->config.file, "%s/log", bench->file);
	assert_int_equal(chmod(bench->file, 0), 0);
	bench->uid = 65534;
	start(bench);
	assert_int_equal(chmod(bench->file, 0700), 0);
	assert_int_equal(bench->ready.error, EACCES);
	assert_int_equal(WEXITSTATUS(wait_status(bench)), EX_NOPERM);
}

static void
a_rotation_loses_nothing(void **state)
{
	struct bench *bench = *state;
	char moved[80];
	int old;
	int i = 0;

	snprintf(moved, sizeof(moved), "%s.1", bench->file);
	start(bench);
	while (i < 1000)
		put_number(bench, i++);
	assert_int_equal(rename(bench->file, moved), 0);
	order(bench, JOURNAL_REOPEN, NULL);
	while (access(bench->file, F_OK) < 0 && i < 1000000)
		put_number(bench, i++);
	for (int last = i + 1000; i < last; i++)
		put_number(bench, i);
	finish(bench);
	old = assert_numbers(contents(bench, moved), 0);
	assert_true(old >= 1000);
	assert_int_equal(assert_numbers(contents(bench, bench->file), old), i);
}

static void
an_order_that_fails_leaves_the_old_file(void **state)
{
	struct bench *bench = *state;
	char moved[80];
	char other[80];

	snprintf(moved, sizeof(moved), "%s.1", bench->file);
	snprintf(other, sizeof(other), "%s.2", bench->file);
	start(bench);
	assert_int_equal(rename(bench->file, moved), 0);
	assert_int_equal(symlink("/dev/null", bench->file), 0);
	order(bench, JOURNAL_REOPEN, NULL);
	await(bench, moved, "/log', reason='Too many levels of symbolic ");
	order(bench, JOURNAL_CONFIGURE, "/nowhere/log");
	await(bench, moved,
	      ": log file not opened; file='/nowhere/log', "
	      "reason='No such file or directory'\n");
	put(bench, "old");
	await(bench, moved, LINE("old"));
	order(bench, JOURNAL_CONFIGURE, other);
	await_file(other);
	put(bench, "new");
	finish(bench);
	assert_string_equal(contents(bench, other), LINE("new"));
}

static void
a_full_disk_stops_nothing_else(void **state)
{
	struct bench *bench = *state;

	strcpy(bench->config.file, "/dev/full");
	bench->config.to_stderr = true;
	start(bench);
	for (int i = 0; i < 12; i++)
		put_number(bench, i);
	await(bench, bench->error, LINE("11"));
	order(bench, JOURNAL_CONFIGURE, bench->file);
	await_file(bench->file);
	put_number(bench, 12);
	finish(bench);
	assert_non_null(
		strstr(contents(bench, bench->file), " warning journal["));
	assert_non_null(strstr(
		bench->text, "]: log lines lost; count='12', "
			     "reason='No space left on device'\n" LINE("12")));
	assert_int_equal(assert_numbers(contents(bench, bench->error), 0), 13);
}

/* Read what syslog has got until there were COUNT of them in all, in order. */
static void
drain_syslog(int count)
{
	char expected[64];
	char got[512];
	int number = 0;

	while (number < count) {
		struct pollfd wait = { .fd = syslog_ends[1], .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&wait, 1, 20000), 1);
		n = recv(syslog_ends[1], got, sizeof(got) - 1, 0);
		assert_true(n > 0);
		got[n] = '\0';
		snprintf(expected, sizeof(expected), "said; n='%d', ",
			 number++);
		assert_memory_equal(got, expected, strlen(expected));
	}
}

static void
a_syslog_that_hangs_holds_up_no_writer(void **state)
{
	static const struct log_kind kinds[] = { { LOG_LEVEL_INFO, "said" } };
	struct bench *bench = *state;
	int said = 0;

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, syslog_ends),
		0);
	assert_int_equal(fcntl(bench->writer, F_SETFL, O_NONBLOCK), 0);
	bench->config.syslog = true;
	start(bench);
	log_open(bench->writer, "worker 0", kinds, 1, LOG_LEVEL_INFO, 0);
	/* Nobody reads there, until the pipe is full, too. */
	while (log_lost() == 0 && said < 1000000)
		log_event(0, "n", "%d", said++);
	assert_int_equal(log_lost(), 1);
	/* Once it goes on, everything arrives, here and there. */
	drain_syslog(said - 1);
	log_flush();
	finish(bench);
	contents(bench, bench->file);
	assert_int_equal(count_of(bench, ": said; n='"), said - 1);
	assert_int_equal(count_of(bench, ": log records lost; count='1'\n"), 1);
	close(syslog_ends[0]);
	close(syslog_ends[1]);
}

#define BENCH_TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(the_end_of_the_pipe_drains_it),
		BENCH_TEST(a_damaged_stream_is_found_again),
		BENCH_TEST(records_outlive_a_killed_journal),
		BENCH_TEST(signals_and_the_masters_end_change_nothing),
		BENCH_TEST(what_cannot_be_opened_is_reported),
		BENCH_TEST(a_rotation_loses_nothing),
		BENCH_TEST(an_order_that_fails_leaves_the_old_file),
		BENCH_TEST(a_full_disk_stops_nothing_else),
		BENCH_TEST(a_syslog_that_hangs_holds_up_no_writer),
	};

	/* A write to a pipe that nobody reads waits for ever. */
	alarm(240);
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
