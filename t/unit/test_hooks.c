/* SPDX-License-Identifier: BSD-2-Clause */
/* What no operator can bring about at will: a system that is short of things. */
#include "ipc/events.h"
#include "master/hooks.h"
#include "master/obituary.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t SECOND = 1000000000;

/* A process that was never made: nobody has this number. */
static const pid_t NOBODY = 0x3fffffff;

struct bench {
	struct loop loop;
	struct config config;
	struct hooks hooks;
	int log[2];
	int ended;
};

static uint64_t now;
static int spawn_error;
static int add_error;
static pid_t signalled;
static int last_signal;

uint64_t __wrap_clock_monotonic(void);
uint64_t
__wrap_clock_monotonic(void)
{
	return now;
}

int __wrap_kill(pid_t pid, int number);
int
__wrap_kill(pid_t pid, int number)
{
	signalled = pid;
	last_signal = number;
	return 0;
}

int __wrap_posix_spawn(pid_t *pid, const char *path,
		       const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attributes,
		       char *const arguments[], char *const environment[]);
int
__wrap_posix_spawn(pid_t *pid, const char *path,
		   const posix_spawn_file_actions_t *actions,
		   const posix_spawnattr_t *attributes, char *const arguments[],
		   char *const environment[])
{
	(void)path, (void)actions, (void)attributes, (void)arguments,
		(void)environment;
	*pid = NOBODY;
	return spawn_error;
}

int __real_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);
int __wrap_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);
int
__wrap_loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	if (!add_error)
		return __real_loop_add(loop, source, events);
	errno = add_error;
	return -1;
}

static void
ended(void *context)
{
	struct bench *bench = context;

	bench->ended++;
}

static int
set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	now = 1000 * SECOND;
	spawn_error = add_error = last_signal = 0;
	assert_int_equal(loop_open(&bench->loop), 0);
	assert_int_equal(pipe(bench->log), 0);
	log_open(bench->log[1], "master", event_kinds, EVENT_COUNT,
		 LOG_LEVEL_DEBUG, 0);
	bench->config.hook_seconds = 10;
	bench->config.hooks[HOOK_READY].arguments[0] = strdup("/bin/true");
	strcpy(bench->config.runtime_dir, "/run");
	assert_int_equal(hooks_open(&bench->hooks, &bench->loop, ended, bench),
			 0);
	hooks_configure(&bench->hooks, &bench->config, 1);
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	log_close();
	close(bench->log[0]);
	close(bench->log[1]);
	hooks_close(&bench->hooks);
	loop_close(&bench->loop);
	free(bench->config.hooks[HOOK_READY].arguments[0]);
	free(bench);
	return 0;
}

/* The next record of the log has DESCRIPTION, and a tag NAME of VALUE. */
static void
assert_logged(struct bench *bench, const char *description, const char *name,
	      const char *value)
{
	struct log_parsed parsed;
	struct log_header header;
	char bytes[LOG_RECORD_MAX];
	int tag = 0;

	assert_int_equal(read(bench->log[0], &header, sizeof(header)),
			 sizeof(header));
	memcpy(bytes, &header, sizeof(header));
	assert_int_equal(read(bench->log[0], bytes + sizeof(header),
			      header.length - sizeof(header)),
			 header.length - sizeof(header));
	assert_int_equal(log_parse(bytes, header.length, &parsed),
			 header.length);
	assert_string_equal(parsed.description, description);
	while (tag < parsed.tags && strcmp(parsed.names[tag], name) != 0)
		tag++;
	assert_true(tag < parsed.tags);
	assert_string_equal(parsed.values[tag], value);
}

static void
later(struct bench *bench, uint64_t nanoseconds)
{
	now += nanoseconds;
	bench->hooks.due.expired(&bench->hooks.due, false);
}

static int
lowest_free(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

static void
without_processes_it_is_not_run(void **state)
{
	struct bench *bench = *state;
	int before = lowest_free();

	spawn_error = EAGAIN;
	hooks_run(&bench->hooks, HOOK_READY, NULL);
	assert_false(hooks_busy(&bench->hooks));
	assert_logged(bench, "hook failed", "reason",
		      "/bin/true: Resource temporarily unavailable");
	/* Both ends of its pipe are closed. */
	assert_int_equal(lowest_free(), before);
	/* The next one may do. */
	spawn_error = 0;
	hooks_run(&bench->hooks, HOOK_READY, NULL);
	assert_logged(bench, "hook started", "events", "1");
	assert_true(hooks_reap(&bench->hooks, NOBODY, 0));
	assert_logged(bench, "hook ended", "ms", "0");
}

static void
unheard_it_runs(void **state)
{
	struct bench *bench = *state;

	add_error = ENOMEM;
	hooks_run(&bench->hooks, HOOK_READY, NULL);
	assert_true(hooks_busy(&bench->hooks));
	hooks_second(&bench->hooks);
	assert_true(hooks_reap(&bench->hooks, NOBODY, 0));
	assert_logged(bench, "hook started", "hook", "ready");
	assert_logged(bench, "hook ended", "lines", "0");
}

static void
one_that_cannot_be_killed_is_given_up(void **state)
{
	struct bench *bench = *state;

	hooks_run(&bench->hooks, HOOK_READY, NULL);
	hooks_run(&bench->hooks, HOOK_READY, NULL);
	later(bench, 10 * SECOND - 1);
	assert_int_equal(last_signal, 0);
	later(bench, 1);
	assert_int_equal(signalled, -NOBODY);
	assert_int_equal(last_signal, SIGTERM);
	later(bench, 2 * SECOND - 1);
	assert_int_equal(last_signal, SIGTERM);
	later(bench, 1);
	assert_int_equal(last_signal, SIGKILL);
	assert_logged(bench, "hook started", "events", "1");
	later(bench, 2 * SECOND);
	assert_logged(bench, "hook failed", "reason", "it cannot be killed");
	/* And the one that waited has its turn. */
	assert_logged(bench, "hook started", "events", "1");
	assert_true(hooks_busy(&bench->hooks));
	assert_true(hooks_reap(&bench->hooks, NOBODY, 0));
	/* What comes after all is nobody's. */
	assert_false(hooks_reap(&bench->hooks, NOBODY, 9));
}

static void
a_stop_does_not_wait_for_it(void **state)
{
	struct bench *bench = *state;

	hooks_run(&bench->hooks, HOOK_READY, NULL);
	hooks_stop(&bench->hooks, 1600);
	later(bench, SECOND * 12 / 10 - 1);
	assert_int_equal(last_signal, 0);
	later(bench, 1);
	assert_int_equal(last_signal, SIGTERM);
	later(bench, SECOND * 4 / 10);
	assert_int_equal(last_signal, SIGKILL);
	assert_int_equal(bench->ended, 0);
	later(bench, SECOND / 10);
	assert_int_equal(bench->ended, 1);
	assert_false(hooks_busy(&bench->hooks));
}

static void
its_own_time_may_be_over_before_that(void **state)
{
	struct bench *bench = *state;

	hooks_run(&bench->hooks, HOOK_READY, NULL);
	now += 9 * SECOND;
	hooks_stop(&bench->hooks, 16000);
	later(bench, SECOND);
	assert_int_equal(last_signal, SIGTERM);
	later(bench, 2 * SECOND);
	assert_int_equal(last_signal, SIGKILL);
	assert_true(hooks_reap(&bench->hooks, NOBODY, SIGKILL));
	assert_int_equal(bench->ended, 1);
}

static void
how_a_worker_ended(void **state)
{
	static const struct crew_member worker = { .number = 3,
						   .pid = 77,
						   .failure = "its own words" };
	static const char wanted[] = "TIMED_WORKER=3\0"
				     "TIMED_WORKER_PID=77\0"
				     "TIMED_ERROR=exit status 70\0"
				     "TIMED_STATUS=70";
	struct hook_details details = { 0 };

	(void)state;
	obituary_details(&worker, 70 << 8, &details);
	assert_int_equal(details.length, sizeof(wanted));
	assert_memory_equal(details.text, wanted, sizeof(wanted));
}

static void
what_finds_no_room_is_left_out(void **state)
{
	struct hook_details details = { 0 };
	size_t length;

	(void)state;
	hook_detail(&details, "TIMED_A", "%0900d", 1);
	length = details.length;
	hook_detail(&details, "TIMED_B", "%0900d", 2);
	assert_int_equal(details.length, length);
	hook_detail(&details, "TIMED_C", "%d", 3);
	assert_string_equal(details.text + length, "TIMED_C=3");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		TEST(without_processes_it_is_not_run),
		TEST(unheard_it_runs),
		TEST(one_that_cannot_be_killed_is_given_up),
		TEST(a_stop_does_not_wait_for_it),
		TEST(its_own_time_may_be_over_before_that),
		TEST(how_a_worker_ended),
		TEST(what_finds_no_room_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
