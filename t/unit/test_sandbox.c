/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is left to each role that children take: this process forks, the child
 * enters and locks, and attempts.
 */
#include "sandbox/sandbox.h"

#include "ipc/events.h"
#include "keeper/password.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct sandbox_identity same;
static pid_t parent;

/* Run ATTEMPT as ROLE; its status, as of waitpid(2).  LOG: where it logs. */
static int
run(enum sandbox_role role, int (*attempt)(void), int log)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		log_open(log, "test", event_kinds, EVENT_COUNT, LOG_LEVEL_DEBUG,
			 0);
		if (sandbox_enter(role, &same, NULL) < 0 ||
		    sandbox_lock(role, NULL, NULL) < 0)
			_exit(255);
		_exit(attempt());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool
filtered(void)
{
	char why[64];

	return sandbox_filters(why, sizeof(why));
}

/* ATTEMPT ends with 0, and has the call NAME logged, if there are filters. */
static void
is_refused(enum sandbox_role role, int (*attempt)(void), const char *name)
{
	char bytes[4 * LOG_RECORD_MAX];
	struct log_parsed record;
	int ends[2];
	ssize_t n;

	if (!filtered())
		return;
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(run(role, attempt, ends[1]), 0);
	n = read(ends[0], bytes, sizeof(bytes));
	assert_true(n > 0);
	assert_true(log_parse(bytes, (size_t)n, &record) > 0);
	assert_string_equal(record.description, "system call refused");
	assert_string_equal(record.names[0], "call");
	assert_string_equal(record.values[0], name);
	close(ends[0]);
	close(ends[1]);
}

static void
is_allowed(enum sandbox_role role, int (*attempt)(void))
{
	assert_int_equal(run(role, attempt, -1), 0);
}

static int
eperm(long result)
{
	return result == -1 && errno == EPERM ? 0 : 1;
}

/* --- attempts --- */

static int
to_open(void)
{
	return eperm(open("/dev/null", O_RDONLY));
}

static int
to_talk(void)
{
	return eperm(socket(AF_INET, SOCK_DGRAM, 0));
}

static int
to_talk_here(void)
{
	return eperm(socket(AF_UNIX, SOCK_DGRAM, 0));
}

static int
to_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return eperm(pid);
}

static int
to_become_another(void)
{
	char name[] = "/bin/true";
	char *arguments[] = { name, NULL };

	return eperm(execve(name, arguments, NULL));
}

static int
to_trace(void)
{
	return eperm(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
to_terminate(void)
{
	return eperm(kill(parent, SIGTERM));
}

static int
to_accept(void)
{
	return eperm(accept4(-1, NULL, NULL, 0));
}

static int
to_send(void)
{
	struct msghdr message = { 0 };

	return eperm(sendmsg(-1, &message, 0));
}

/* --- the same, where it is part of the work --- */

static int
open_and_write(void)
{
	FILE *file = tmpfile();

	return file && fputs("x", file) >= 0 && fclose(file) == 0 ? 0 : 1;
}

static int
call_syslog(void)
{
	struct sockaddr_un nobody = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(nobody.sun_path, "/nobody/listens/here");
	return fd >= 0 &&
			       connect(fd, (struct sockaddr *)&nobody,
				       sizeof(nobody)) < 0 &&
			       errno == ENOENT
		       ? 0
		       : 1;
}

/* A child of its own, that gives up what there is left, and is killed. */
static int
have_a_child(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)setpriority(PRIO_PROCESS, 0, 10);
		if (sandbox_enter(SANDBOX_HASHER, &same, NULL) < 0 ||
		    sandbox_lock(SANDBOX_HASHER, NULL, NULL) < 0)
			_exit(255);
		_exit(to_fork());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? 0 : 1;
}

static int
hash(void)
{
	char text[STORE_HASH];

	return password_hash("correct horse", 13, text) &&
			       password_matches("correct horse", 13, text)
		       ? 0
		       : 1;
}

static int
end_by_abort(void)
{
	abort();
}

/* --- */

static void
a_worker_has_what_it_holds(void **state)
{
	(void)state;
	is_refused(SANDBOX_WORKER, to_open, "openat");
	is_refused(SANDBOX_WORKER, to_talk, "socket");
	is_refused(SANDBOX_WORKER, to_talk_here, "socket");
	is_refused(SANDBOX_WORKER, to_fork, "clone");
	is_refused(SANDBOX_WORKER, to_become_another, "execve");
	is_refused(SANDBOX_WORKER, to_trace, "ptrace");
	is_refused(SANDBOX_WORKER, to_terminate, "kill");
}

static void
the_journal_has_files_and_syslog(void **state)
{
	(void)state;
	is_allowed(SANDBOX_JOURNAL, call_syslog);
	is_refused(SANDBOX_JOURNAL, to_talk, "socket");
	is_refused(SANDBOX_JOURNAL, to_accept, "accept4");
	is_refused(SANDBOX_JOURNAL, to_fork, "clone");
	is_refused(SANDBOX_JOURNAL, to_become_another, "execve");
	is_refused(SANDBOX_JOURNAL, to_trace, "ptrace");
	is_refused(SANDBOX_JOURNAL, to_terminate, "kill");
}

static void
the_keeper_has_files_and_a_child(void **state)
{
	(void)state;
	is_allowed(SANDBOX_KEEPER, open_and_write);
	is_allowed(SANDBOX_KEEPER, have_a_child);
	is_refused(SANDBOX_KEEPER, to_talk, "socket");
	is_refused(SANDBOX_KEEPER, to_talk_here, "socket");
	is_refused(SANDBOX_KEEPER, to_accept, "accept4");
	is_refused(SANDBOX_KEEPER, to_become_another, "execve");
	is_refused(SANDBOX_KEEPER, to_trace, "ptrace");
	is_refused(SANDBOX_KEEPER, to_terminate, "kill");
}

static void
the_hasher_has_nothing(void **state)
{
	(void)state;
	is_allowed(SANDBOX_HASHER, hash);
	is_refused(SANDBOX_HASHER, to_open, "openat");
	is_refused(SANDBOX_HASHER, to_send, "sendmsg");
	is_refused(SANDBOX_HASHER, to_fork, "clone");
	is_refused(SANDBOX_HASHER, to_terminate, "kill");
}

static void
abort_is_what_it_was(void **state)
{
	int status = run(SANDBOX_WORKER, end_by_abort, -1);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static volatile int told;

static void
tell(void *context, int number, const char *name)
{
	told = number > 0 && strcmp(name, "ptrace") == 0 && context == &told;
}

/* As the journal has it, which cannot log to itself. */
static void
who_asks_is_told(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (sandbox_enter(SANDBOX_JOURNAL, &same, NULL) < 0 ||
		    sandbox_lock(SANDBOX_JOURNAL, tell, (void *)&told) < 0)
			_exit(255);
		(void)to_trace();
		_exit(told);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), filtered());
}

static int
send_the_signal(void)
{
	return raise(SIGSYS);
}

static void
a_signal_alone_is_no_refusal(void **state)
{
	int ends[2];
	char byte;

	(void)state;
	if (!filtered())
		return;
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	/* Nor does it change what the call returned that it came upon. */
	assert_int_equal(run(SANDBOX_WORKER, send_the_signal, ends[1]), 0);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_has_what_it_holds),
		cmocka_unit_test(the_journal_has_files_and_syslog),
		cmocka_unit_test(the_keeper_has_files_and_a_child),
		cmocka_unit_test(the_hasher_has_nothing),
		cmocka_unit_test(abort_is_what_it_was),
		cmocka_unit_test(who_asks_is_told),
		cmocka_unit_test(a_signal_alone_is_no_refusal),
	};

	parent = getpid();
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
