/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The warden: there is a keeper as long as one is wanted, every worker is told
 * of it, and it is followed by another when it dies.  The test plays the only
 * worker.
 */
#include "base/clock.h"
#include "base/zone.h"
#include "ipc/command.h"
#include "ipc/keeper_wire.h"
#include "ipc/passing.h"
#include "ipc/ring.h"
#include "master/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	SLOT = 3,
	GENERATION = 7
};

/* The worker's end, after an introduction. */
struct meeting {
	int link;
	int wake;
	int ring;
};

struct post {
	struct loop loop;
	struct crew crew;
	struct warden warden;
	struct config config;
	struct service_config service;
	struct keeper_settings settings;
	int log[2];
	int worker; /* its end of the command socket */
	int ended;
};

static void
keep(const struct service_config *config, struct keeper_settings *settings)
{
	*settings = *(const struct keeper_settings *)config->settings;
}

static const struct service room = { .type = "room", .keep = keep };

static void
ended(void *context)
{
	((struct post *)context)->ended++;
}

static int
open_post(void **state)
{
	struct post *post = calloc(1, sizeof(*post));
	char error[256];
	int ends[2];

	*state = post;
	post->settings = (struct keeper_settings){
		.ring_size = RING_LEAST,
		.registration = true,
		.zone = zone_load("UTC", error, sizeof(error)),
	};
	post->service = (struct service_config){ .service = &room,
						 .settings = &post->settings };
	post->config = (struct config){ .services = &post->service,
					.service_count = 1 };
	strcpy(post->config.state_dir, "/tmp/timed-warden.XXXXXX");
	if (!mkdtemp(post->config.state_dir) || loop_open(&post->loop) < 0 ||
	    pipe2(post->log, O_NONBLOCK | O_CLOEXEC) < 0 ||
	    command_pair(ends) < 0)
		return -1;
	post->crew.loop = &post->loop;
	post->crew.members[SLOT] =
		(struct crew_member){ .crew = &post->crew,
				      .pid = getpid(),
				      .command = ends[0],
				      .generation = GENERATION,
				      .state = WORKER_SERVING };
	post->worker = ends[1];
	return warden_open(&post->warden, &post->loop, &post->crew,
			   post->log[1], ended, post);
}

/* The keeper ends within ten seconds; what the master's SIGCHLD does. */
static void
reap(struct post *post)
{
	pid_t pid = post->warden.pid;
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(warden_reap(&post->warden, pid, status));
}

static int
close_post(void **state)
{
	struct post *post = *state;
	char command[PATH_MAX + 16];

	warden_stop(&post->warden, 1000);
	if (post->warden.pid)
		reap(post);
	assert_int_equal(post->ended, 1);
	warden_close(&post->warden);
	close(post->crew.members[SLOT].command);
	close(post->worker);
	close(post->log[0]);
	close(post->log[1]);
	loop_close(&post->loop);
	zone_free((struct zone *)(size_t)post->settings.zone);
	snprintf(command, sizeof(command), "rm -rf %s", post->config.state_dir);
	(void)!system(command);
	free(post);
	return 0;
}

/* The worker is told of a keeper. */
static struct meeting
meet(struct post *post)
{
	struct command command;
	int fds[COMMAND_FDS], count;

	assert_int_equal(command_receive(post->worker, &command, fds, &count),
			 1);
	assert_int_equal(command.type, COMMAND_KEEPER);
	assert_int_equal(command.generation, GENERATION);
	assert_int_equal(count, 3);
	return (struct meeting){ fds[0], fds[1], fds[2] };
}

static void
leave(const struct meeting *meeting)
{
	close(meeting->link);
	close(meeting->wake);
	close(meeting->ring);
}

/* There is a keeper at the other end, and it answers. */
static void
assert_answers(const struct meeting *meeting)
{
	struct keeper_asked asked = {
		.head = { .type = KEEPER_LOOKUP, .token = 5, .name_length = 3 },
		.name = "ada"
	};
	struct pollfd wait = { .fd = meeting->link, .events = POLLIN };
	char bytes[KEEPER_ANSWER_MOST];
	struct keeper_told told;
	ssize_t n;

	n = write(meeting->link, bytes, keeper_wire_request(&asked, bytes));
	assert_true(n > 0);
	assert_int_equal(poll(&wait, 1, 10000), 1);
	n = read(meeting->link, bytes, sizeof(bytes));
	assert_true(n > 0 && keeper_wire_told(bytes, (size_t)n, &told));
	assert_int_equal(told.head.token, 5);
	assert_int_equal(told.head.outcome, KEEPER_UNKNOWN);
}

static void
nobody_is_told(struct post *post)
{
	struct command command;
	int fds[COMMAND_FDS], count;

	assert_int_equal(command_receive(post->worker, &command, fds, &count),
			 0);
}

/* Run the loop until there is a keeper. */
static void
turn_until_there_is_one(struct post *post)
{
	uint64_t end = clock_monotonic() + 10 * (uint64_t)CLOCK_SECOND;

	while (!post->warden.pid) {
		struct epoll_event event;
		struct loop_source *source;

		assert_true(clock_monotonic() < end);
		if (epoll_wait(post->loop.epfd, &event, 1, 1000) < 1)
			continue;
		source = event.data.ptr;
		source->ready(source, event.events);
	}
}

static void
without_a_service_there_is_no_keeper(void **state)
{
	struct post *post = *state;

	post->config.service_count = 0;
	warden_configure(&post->warden, &post->config);
	assert_int_equal(post->warden.pid, 0);
	warden_introduce(&post->warden, SLOT);
	nobody_is_told(post);
	assert_false(warden_ask(&post->warden, "users", 0));
}

static void
workers_are_introduced(void **state)
{
	struct post *post = *state;
	struct meeting first, second;
	struct ring ring;

	warden_configure(&post->warden, &post->config);
	first = meet(post);
	assert_answers(&first);
	assert_int_equal(ring_open_reader(&ring, first.ring), 0);
	ring_close(&ring);
	assert_int_equal(fcntl(first.ring, F_GETFL) & O_ACCMODE, O_RDONLY);
	nobody_is_told(post);
	/* One more in that slot. */
	warden_introduce(&post->warden, SLOT);
	second = meet(post);
	assert_answers(&second);
	assert_answers(&first);
	leave(&first);
	leave(&second);
}

static void
one_that_dies_is_followed(void **state)
{
	struct post *post = *state;
	struct meeting meeting;

	warden_configure(&post->warden, &post->config);
	for (int i = 0; i < 3; i++) {
		pid_t pid = post->warden.pid;
		char byte;

		meeting = meet(post);
		assert_answers(&meeting);
		kill(pid, SIGKILL);
		reap(post);
		assert_int_equal(read(meeting.link, &byte, 1), 0);
		leave(&meeting);
		/* Young as it was, the next one waits a little. */
		assert_int_equal(post->warden.pid, 0);
		assert_true(post->warden.respawn.delay >= 100 * 1000000ULL
								  << i);
		turn_until_there_is_one(post);
	}
	meeting = meet(post);
	assert_answers(&meeting);
	leave(&meeting);
	assert_false(warden_reap(&post->warden, getpid(), 0));
}

static void
one_that_lived_is_followed_at_once(void **state)
{
	struct post *post = *state;
	struct meeting meeting;

	warden_configure(&post->warden, &post->config);
	meeting = meet(post);
	leave(&meeting);
	post->warden.respawn.born -= 2 * (uint64_t)CLOCK_SECOND;
	kill(post->warden.pid, SIGKILL);
	reap(post);
	assert_true(post->warden.pid > 0);
	meeting = meet(post);
	assert_answers(&meeting);
	leave(&meeting);
}

static void
a_reload_replaces_it(void **state)
{
	struct post *post = *state;
	struct meeting first, second;
	pid_t pid;

	warden_configure(&post->warden, &post->config);
	pid = post->warden.pid;
	first = meet(post);
	assert_answers(&first);
	post->settings.registration = false;
	warden_configure(&post->warden, &post->config);
	/* Who comes meanwhile is told of the next one. */
	warden_introduce(&post->warden, SLOT);
	nobody_is_told(post);
	reap(post);
	assert_true(post->warden.pid > 0 && post->warden.pid != pid);
	second = meet(post);
	assert_answers(&second);
	leave(&first);
	leave(&second);
	/* And one without a service lets it go. */
	post->config.service_count = 0;
	warden_configure(&post->warden, &post->config);
	reap(post);
	assert_int_equal(post->warden.pid, 0);
	nobody_is_told(post);
}

static void
the_ring_stays_as_large_as_it_is(void **state)
{
	struct post *post = *state;
	struct problem problem;
	struct meeting meeting;

	assert_int_equal(warden_check(&post->warden, &post->config, &problem),
			 0);
	warden_configure(&post->warden, &post->config);
	meeting = meet(post);
	leave(&meeting);
	assert_int_equal(warden_check(&post->warden, &post->config, &problem),
			 0);
	post->settings.ring_size *= 2;
	assert_int_equal(warden_check(&post->warden, &post->config, &problem),
			 -1);
	assert_string_equal(problem.text,
			    "ring_size cannot change while timed runs");
	post->config.service_count = 0;
	assert_int_equal(warden_check(&post->warden, &post->config, &problem),
			 0);
}

static void
one_that_does_not_leave_is_killed(void **state)
{
	struct post *post = *state;
	struct meeting meeting;
	struct epoll_event event;
	int status;
	pid_t pid;

	warden_configure(&post->warden, &post->config);
	meeting = meet(post);
	leave(&meeting);
	pid = post->warden.pid;
	kill(pid, SIGSTOP);
	warden_stop(&post->warden, 50);
	assert_int_equal(post->ended, 0);
	assert_int_equal(epoll_wait(post->loop.epfd, &event, 1, 10000), 1);
	((struct loop_source *)event.data.ptr)
		->ready(event.data.ptr, event.events);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(warden_reap(&post->warden, pid, status));
	assert_int_equal(post->ended, 1);
	/* For close_post(). */
	post->ended = 0;
}

/* As another image of the process does it: all but descriptors is forgotten. */
static int
become_another(struct post *post, json_t *text)
{
	struct warden *warden = &post->warden;

	timer_close(&warden->stopping);
	respawn_close(&warden->respawn);
	assert_int_equal(warden_open(warden, &post->loop, &post->crew,
				     post->log[1], ended, post),
			 0);
	return warden_restore(warden, text);
}

static void
it_crosses_an_exec(void **state)
{
	struct post *post = *state;
	struct warden *warden = &post->warden;
	struct meeting first, second;
	json_t *text;
	pid_t pid;

	/* The image before this one knew of none. */
	assert_int_equal(become_another(post, NULL), 0);
	warden_configure(warden, &post->config);
	pid = warden->pid;
	first = meet(post);
	assert_answers(&first);
	text = warden_save(warden);
	assert_non_null(text);
	assert_int_equal(become_another(post, text), 0);
	assert_int_equal(warden->pid, pid);
	assert_int_equal(warden->ring_size, RING_LEAST);
	warden_introduce(warden, SLOT);
	second = meet(post);
	assert_answers(&second);
	assert_answers(&first);
	leave(&first);
	leave(&second);
	json_object_set_new(text, "pid", json_string("x"));
	assert_int_equal(warden_restore(warden, text), -1);
	assert_int_equal(errno, EPROTO);
	json_decref(text);
}

static void
operators_are_passed_on(void **state)
{
	struct post *post = *state;
	struct meeting meeting;
	char answer[64];
	int ends[2];
	ssize_t n;

	warden_configure(&post->warden, &post->config);
	meeting = meet(post);
	assert_answers(&meeting);
	leave(&meeting);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_true(warden_ask(&post->warden, "users", ends[0]));
	close(ends[0]);
	n = read(ends[1], answer, sizeof(answer));
	assert_int_equal(n, 12);
	assert_memory_equal(answer, "{\"ok\":true}\n", 12);
	assert_int_equal(read(ends[1], answer, 1), 0);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define WARDEN_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_post, close_post)
		WARDEN_TEST(without_a_service_there_is_no_keeper),
		WARDEN_TEST(workers_are_introduced),
		WARDEN_TEST(one_that_dies_is_followed),
		WARDEN_TEST(one_that_lived_is_followed_at_once),
		WARDEN_TEST(a_reload_replaces_it),
		WARDEN_TEST(the_ring_stays_as_large_as_it_is),
		WARDEN_TEST(one_that_does_not_leave_is_killed),
		WARDEN_TEST(it_crosses_an_exec),
		WARDEN_TEST(operators_are_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
