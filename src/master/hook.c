/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/hook.h"

#include "base/clock.h"
#include "base/fds.h"
#include "base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As a root login has it. */
static const char SEARCH_PATH[] =
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static const char *const inherited[] = { "LANG", "LC_ALL", "TZ" };

/* --- the environment --- */

enum {
	VARIABLES = 32
};

/* As execve(2) takes it; the strings are one after another in TEXT. */
struct environment {
	size_t length;
	int count;
	char *strings[VARIABLES + 1];
	char text[3 * PATH_MAX];
};

/* NAME=value and its NUL at TEXT; how long that is, or 0: there is no room. */
static size_t
put(char *text, size_t room, const char *name, const char *format,
    va_list arguments)
{
	int length = snprintf(text, room, "%s=", name);
	int more;

	if (length < 0 || (size_t)length >= room)
		return 0;
	more = vsnprintf(text + length, room - (size_t)length, format,
			 arguments);
	if (more < 0 || (size_t)(length + more) >= room)
		return 0;
	return (size_t)(length + more) + 1;
}

void
hook_detail(struct hook_details *details, const char *name, const char *format,
	    ...)
{
	va_list arguments;

	va_start(arguments, format);
	details->length += put(details->text + details->length,
			       sizeof(details->text) - details->length, name,
			       format, arguments);
	va_end(arguments);
}

static void __attribute__((format(printf, 3, 4)))
set(struct environment *environment, const char *name, const char *format, ...)
{
	char *text = environment->text + environment->length;
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = put(text, sizeof(environment->text) - environment->length,
		     name, format, arguments);
	va_end(arguments);
	if (length == 0 || environment->count == VARIABLES)
		return;
	environment->length += length;
	environment->strings[environment->count++] = text;
}

static void
set_details(struct environment *environment, const struct hook_details *details)
{
	size_t at = 0;

	while (at < details->length && environment->count < VARIABLES) {
		/* They outlive the start, which is all they are for. */
		environment->strings[environment->count++] =
			(char *)(size_t)(details->text + at);
		at += strlen(details->text + at) + 1;
	}
}

static void
fill(struct environment *environment, const struct hook_order *order)
{
	environment->length = 0;
	environment->count = 0;
	set(environment, "PATH", "%s", SEARCH_PATH);
	for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++) {
		const char *value = getenv(inherited[i]);

		if (value)
			set(environment, inherited[i], "%s", value);
	}
	set(environment, "TIMED_EVENT", "%s", order->name);
	set(environment, "TIMED_PID", "%d", (int)getpid());
	set(environment, "TIMED_VERSION", "%s", PACKAGE_VERSION);
	set(environment, "TIMED_RUNTIME_DIR", "%s", order->runtime_dir);
	set(environment, "TIMED_GENERATION", "%u", order->generation);
	set_details(environment, order->details);
	environment->strings[environment->count] = NULL;
}

/* --- the process --- */

/* Nothing but the standard descriptors, whatever the master has open. */
static int
set_descriptors(posix_spawn_file_actions_t *actions, int output)
{
	int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
						     "/dev/null", O_RDONLY, 0);

	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, output,
							 STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(actions, output,
							 STDERR_FILENO);
	if (!error)
		error = posix_spawn_file_actions_addclosefrom_np(
			actions, STDERR_FILENO + 1);
	if (!error)
		error = posix_spawn_file_actions_addchdir_np(actions, "/");
	return error;
}

static int
set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	error = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
				    POSIX_SPAWN_SETSIGDEF);
	if (!error)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (!error)
		error = posix_spawnattr_setsigdefault(attributes, &all);
	return error;
}

/* 0, or an errno, that of the exec among them. */
static int
spawn(const struct program *program, struct environment *environment,
      int output, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error = posix_spawn_file_actions_init(&actions);

	if (error)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error) {
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	error = set_descriptors(&actions, output);
	if (!error)
		error = set_attributes(&attributes);
	if (!error)
		error = posix_spawn(pid, program->arguments[0], &actions,
				    &attributes, program->arguments,
				    environment->strings);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* Whoever writes may wait there; who reads does not. */
static int
open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	if (fds_nonblocking(ends[0]) == 0)
		return 0;
	close(ends[0]);
	close(ends[1]);
	return -1;
}

static bool
fail(char *why, size_t size, const char *path, int error)
{
	snprintf(why, size, "%s: %s", path, strerror(error));
	return false;
}

bool
hook_start(struct hook *hook, struct loop *loop, const struct hook_order *order,
	   char *why, size_t size)
{
	const char *path = order->program->arguments[0];
	struct environment environment;
	int ends[2], error;

	*hook = (struct hook){ .output.source.fd = -1 };
	if (!trust_program(path, why, size))
		return false;
	if (open_pipe(ends) < 0)
		return fail(why, size, path, errno);
	fill(&environment, order);
	error = spawn(order->program, &environment, ends[1], &hook->pid);
	close(ends[1]);
	if (error) {
		close(ends[0]);
		hook->pid = 0;
		return fail(why, size, path, error);
	}
	hook->began = clock_monotonic();
	hook->output.name = order->name;
	hook->output.pid = hook->pid;
	/* Unheard, it is told so by SIGPIPE. */
	if (hook_output_open(&hook->output, loop, ends[0]) < 0)
		close(ends[0]);
	return true;
}

void
hook_signal(const struct hook *hook, int signal)
{
	(void)kill(-hook->pid, signal);
}
