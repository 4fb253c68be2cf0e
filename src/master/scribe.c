/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/scribe.h"

#include "base/clock.h"
#include "base/fds.h"
#include "ipc/command.h"
#include "ipc/events.h"
#include "ipc/passing.h"
#include "master/obituary.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* Thousands of records: a burst, or a journal that is held up. */
enum {
	PIPE_BYTES = 1 << 20
};

static struct scribe *
scribe_of(struct timer *timer, size_t offset)
{
	return (struct scribe *)((char *)timer - offset);
}

/* In the child: never returns. */
static void
become_journal(const struct scribe *scribe, int ready, int command)
{
	int keep[] = { scribe->read_end, ready, command };
	struct journal_plan plan = { .log_pipe = scribe->read_end,
				     .command = command,
				     .ready = ready,
				     .config = scribe->config };
	struct journal_ready failure = { 0 };

	setproctitle("journal");
	/* Standard error stays: in the foreground it is where lines go. */
	if (fds_keep_only(keep, 3) < 0 ||
	    sandbox_enter(SANDBOX_JOURNAL, &scribe->identity, NULL) < 0) {
		failure.error = errno;
		strcpy(failure.text, "the journal cannot drop privileges");
		(void)!write(ready, &failure, sizeof(failure));
		_exit(EXIT_FAILURE);
	}
	_exit(journal_run(&plan));
}

static void
close_ready(struct scribe *scribe)
{
	if (scribe->ready.fd < 0)
		return;
	loop_remove(scribe->loop, &scribe->ready);
	close(scribe->ready.fd);
	scribe->ready.fd = -1;
}

static void
fail_start(struct scribe *scribe, int error, const char *text)
{
	struct problem problem;

	problem_errno(&problem, error, "%s", text);
	/* It names the reason itself. */
	if (scribe->identity.change && problem.status == EX_NOPERM)
		problem_set(&problem, problem.status, "%s (as uid %u)", text,
			    (unsigned)scribe->identity.uid);
	else
		problem_set(&problem, problem.status, "%s", text);
	scribe->events->failed(scribe->context, &problem);
}

static void
journal_answered(struct loop_source *source, uint32_t events)
{
	struct scribe *scribe = (struct scribe *)source;
	struct journal_ready answer;
	ssize_t n = read(source->fd, &answer, sizeof(answer));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close_ready(scribe);
	/* Without an answer it died: that is for scribe_reap(). */
	if (n != sizeof(answer) || scribe->started)
		return;
	answer.text[sizeof(answer.text) - 1] = '\0';
	if (answer.error) {
		fail_start(scribe, answer.error, answer.text);
		return;
	}
	scribe->started = true;
	scribe->events->ready(scribe->context);
}

static int
make_ends(int ready[2], int command[2])
{
	int error;

	if (pipe2(ready, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	if (command_pair(command) == 0)
		return 0;
	error = errno;
	close(ready[0]);
	close(ready[1]);
	errno = error;
	return -1;
}

static int
spawn(struct scribe *scribe)
{
	int ready[2], command[2], error;

	if (make_ends(ready, command) < 0)
		return -1;
	scribe->pid = fork();
	if (scribe->pid == 0)
		become_journal(scribe, ready[1], command[1]);
	error = errno;
	close(ready[1]);
	close(command[1]);
	if (scribe->pid < 0) {
		close(ready[0]);
		close(command[0]);
		scribe->pid = 0;
		errno = error;
		return -1;
	}
	respawn_born(&scribe->respawn);
	scribe->command = command[0];
	scribe->ready.fd = ready[0];
	scribe->ready.ready = journal_answered;
	return loop_add(scribe->loop, &scribe->ready, EPOLLIN);
}

static void
respawn_due(struct timer *timer, bool stepped)
{
	struct scribe *scribe =
		scribe_of(timer, offsetof(struct scribe, respawn.timer));

	(void)stepped;
	if (scribe->pid == 0 && spawn(scribe) < 0)
		respawn_later(&scribe->respawn);
}

static void
stop_by_force(struct timer *timer, bool stepped)
{
	struct scribe *scribe =
		scribe_of(timer, offsetof(struct scribe, stopping));

	(void)stepped;
	scribe->overdue = true;
	if (scribe->pid)
		kill(scribe->pid, SIGKILL);
}

/*
 * The pipe with a file description of the master's own: O_NONBLOCK belongs to
 * that, and the workers share the other one.
 */
static int
open_again(int fd)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	/* Without /proc it has to be the same one. */
	if (own < 0)
		own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return own;
}

static void
tell(struct scribe *scribe, enum journal_order order)
{
	struct journal_command command = { .order = order,
					   .config = scribe->config };

	/* One that is held up has the order waiting; one that is dead gets
	 * the new configuration with its successor. */
	if (scribe->command >= 0)
		(void)!send(scribe->command, &command, sizeof(command),
			    MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int
open_timers(struct scribe *scribe, struct loop *loop,
	    const struct scribe_events *events, void *context)
{
	*scribe = (struct scribe){ .loop = loop,
				   .events = events,
				   .context = context,
				   .command = -1 };
	scribe->ready.fd = -1;
	if (respawn_open(&scribe->respawn, loop, respawn_due) < 0)
		return -1;
	if (timer_open(&scribe->stopping, loop, CLOCK_MONOTONIC,
		       stop_by_force) == 0)
		return 0;
	respawn_close(&scribe->respawn);
	return -1;
}

static void
close_timers(struct scribe *scribe)
{
	timer_close(&scribe->stopping);
	respawn_close(&scribe->respawn);
}

int
scribe_open(struct scribe *scribe, struct loop *loop,
	    const struct scribe_events *events, void *context)
{
	int ends[2];

	if (open_timers(scribe, loop, events, context) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		close_timers(scribe);
		return -1;
	}
	/* As large as the system allows; its default will do too. */
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	scribe->read_end = ends[0];
	scribe->write_end = ends[1];
	scribe->own_end = open_again(ends[1]);
	return 0;
}

int
scribe_adopt(struct scribe *scribe, struct loop *loop,
	     const struct scribe_events *events, void *context,
	     const struct scribe_carried *carried)
{
	if (open_timers(scribe, loop, events, context) < 0)
		return -1;
	scribe->read_end = carried->read_end;
	scribe->write_end = carried->write_end;
	scribe->own_end = carried->own_end;
	scribe->command = carried->command;
	scribe->pid = carried->pid;
	scribe->started = true;
	scribe->config = carried->config;
	scribe->identity = carried->identity;
	/* There was none: it was about to be started again. */
	if (scribe->pid == 0)
		respawn_later(&scribe->respawn);
	return 0;
}

void
scribe_renew(struct scribe *scribe)
{
	if (!scribe->pid)
		return;
	scribe->renewing = true;
	tell(scribe, JOURNAL_LEAVE);
}

int
scribe_start(struct scribe *scribe, const struct journal_config *config,
	     const struct sandbox_identity *identity)
{
	scribe->config = *config;
	scribe->identity = *identity;
	return spawn(scribe);
}

void
scribe_reopen(struct scribe *scribe)
{
	tell(scribe, JOURNAL_REOPEN);
}

static bool
is_same(const struct sandbox_identity *a, const struct sandbox_identity *b)
{
	return a->change == b->change && a->uid == b->uid && a->gid == b->gid &&
	       a->core_dumps == b->core_dumps;
}

void
scribe_configure(struct scribe *scribe, const struct journal_config *config,
		 const struct sandbox_identity *identity)
{
	bool same = is_same(&scribe->identity, identity);

	scribe->identity = *identity;
	if (same && memcmp(&scribe->config, config, sizeof(*config)) == 0)
		return;
	scribe->config = *config;
	if (same)
		tell(scribe, JOURNAL_CONFIGURE);
	else
		scribe_renew(scribe);
}

int
scribe_refer(struct scribe *scribe, enum journal_order order,
	     const struct journal_request *request, int fd)
{
	struct journal_command command = { .order = order };

	command.request = *request;
	if (scribe->command >= 0)
		return passing_send(scribe->command, &command, sizeof(command),
				    &fd, 1);
	errno = ENOTCONN;
	return -1;
}

void
scribe_stop(struct scribe *scribe, uint64_t milliseconds)
{
	scribe->stopped = true;
	respawn_forget(&scribe->respawn);
	/* Somebody has to write what the last one left. */
	if (!scribe->pid && scribe->started)
		(void)spawn(scribe);
	close(scribe->own_end);
	close(scribe->write_end);
	scribe->write_end = -1;
	if (scribe->pid)
		timer_after(&scribe->stopping,
			    milliseconds * (uint64_t)CLOCK_MILLISECOND);
	else
		scribe->events->ended(scribe->context);
}

/*
 * The last one died before the end of the pipe: another one writes what it
 * left.  Should that die as well, there is something in it that kills them.
 */
static bool
write_rest(struct scribe *scribe, int status)
{
	if (status == 0 || scribe->overdue || scribe->heir || !scribe->started)
		return false;
	scribe->heir = true;
	return spawn(scribe) == 0;
}

bool
scribe_reap(struct scribe *scribe, pid_t pid, int status)
{
	if (pid != scribe->pid || pid == 0)
		return false;
	scribe->pid = 0;
	close(scribe->command);
	scribe->command = -1;
	if (scribe->ready.fd >= 0)
		journal_answered(&scribe->ready, EPOLLIN);
	close_ready(scribe);
	if (scribe->stopped) {
		if (!write_rest(scribe, status))
			scribe->events->ended(scribe->context);
		return true;
	}
	if (!scribe->started) {
		fail_start(scribe, ECHILD, "the journal did not start");
		return true;
	}
	if (scribe->renewing) {
		scribe->renewing = false;
		if (spawn(scribe) < 0)
			respawn_later(&scribe->respawn);
		return true;
	}
	obituary_side(EVENT_JOURNAL_CRASHED, pid, status);
	if (!respawn_at_once(&scribe->respawn) || spawn(scribe) < 0)
		respawn_later(&scribe->respawn);
	return true;
}

void
scribe_close(struct scribe *scribe)
{
	close_ready(scribe);
	close_timers(scribe);
	close(scribe->read_end);
	if (scribe->write_end >= 0) {
		close(scribe->own_end);
		close(scribe->write_end);
	}
}
