/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/hasher.h"

#include "base/fds.h"
#include "base/log.h"
#include "keeper/password.h"
#include "sandbox/sandbox.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NICENESS = 10
};

/* --- the child --- */

static void
work(const struct hasher_job *job, struct hasher_result *result,
     const char *pretence)
{
	switch (job->work) {
	case HASHER_HASH:
		result->good =
			password_hash(job->password, job->length, result->hash);
		break;
	case HASHER_MATCH:
		result->good =
			password_matches(job->password, job->length, job->hash);
		break;
	default:
		(void)password_matches(job->password, job->length, pretence);
		break;
	}
}

/* Until the keeper closes its end: never returns. */
static void
serve(int fd)
{
	struct hasher_job job;
	char pretence[STORE_HASH] = "";

	(void)password_hash("nobody", 6, pretence);
	while (recv(fd, &job, sizeof(job), 0) == (ssize_t)sizeof(job)) {
		struct hasher_result result = { 0 };

		if (job.length < sizeof(job.password))
			work(&job, &result, pretence);
		explicit_bzero(&job, sizeof(job));
		if (send(fd, &result, sizeof(result), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(EXIT_SUCCESS);
}

static void
become_hasher(int fd)
{
	sigset_t none;
	int keep[] = { fd, log_fd() };
	static const struct sandbox_identity own;

	setproctitle("keeper: passwords");
	/* A signal to the whole group is the keeper's to act on. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpriority(PRIO_PROCESS, 0, NICENESS);
	if (fds_keep_only(keep, 2) < 0 ||
	    sandbox_enter(SANDBOX_HASHER, &own, NULL) < 0 ||
	    sandbox_lock(SANDBOX_HASHER, NULL, NULL) < 0)
		_exit(EXIT_FAILURE);
	serve(fd);
}

/* --- the keeper --- */

static void
give(struct hasher *hasher)
{
	/* It has nothing else to read; without it, the next one gets it. */
	(void)!send(hasher->source.fd, &hasher->job, sizeof(hasher->job),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
let_go(struct hasher *hasher)
{
	if (hasher->source.fd < 0)
		return;
	loop_remove(hasher->loop, &hasher->source);
	close(hasher->source.fd);
	hasher->source.fd = -1;
}

static void
result_ready(struct loop_source *source, uint32_t events)
{
	struct hasher *hasher = (struct hasher *)source;
	struct hasher_result result;
	ssize_t n = recv(source->fd, &result, sizeof(result), MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(result)) {
		let_go(hasher);
		return;
	}
	if (!hasher->busy)
		return;
	hasher->busy = false;
	explicit_bzero(&hasher->job, sizeof(hasher->job));
	hasher->done(hasher->context, &result);
}

static int
spawn(struct hasher *hasher)
{
	int ends[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	hasher->pid = fork();
	if (hasher->pid == 0)
		become_hasher(ends[1]);
	error = errno;
	close(ends[1]);
	hasher->source.fd = ends[0];
	if (hasher->pid > 0 &&
	    loop_add(hasher->loop, &hasher->source, EPOLLIN) == 0) {
		if (hasher->busy)
			give(hasher);
		return 0;
	}
	close(ends[0]);
	hasher->source.fd = -1;
	if (hasher->pid < 0)
		hasher->pid = 0;
	errno = error;
	return -1;
}

int
hasher_open(struct hasher *hasher, struct loop *loop,
	    void (*done)(void *context, const struct hasher_result *result),
	    void *context)
{
	*hasher = (struct hasher){ .source = { result_ready, -1 },
				   .loop = loop,
				   .done = done,
				   .context = context };
	return spawn(hasher);
}

void
hasher_begin(struct hasher *hasher, const struct hasher_job *job)
{
	hasher->job = *job;
	hasher->busy = true;
	if (hasher->source.fd >= 0)
		give(hasher);
}

void
hasher_check(struct hasher *hasher)
{
	if (hasher->source.fd < 0 && hasher->pid == 0)
		(void)spawn(hasher);
}

void
hasher_reap(struct hasher *hasher, pid_t pid)
{
	if (pid != hasher->pid)
		return;
	hasher->pid = 0;
	let_go(hasher);
	/* One that dies of what it is given does not make the keeper spin. */
	if (!hasher->busy)
		(void)spawn(hasher);
}

void
hasher_close(struct hasher *hasher)
{
	let_go(hasher);
	explicit_bzero(&hasher->job, sizeof(hasher->job));
	if (hasher->pid <= 0)
		return;
	/* Nobody waits any more for what it may be at. */
	kill(hasher->pid, SIGKILL);
	(void)waitpid(hasher->pid, NULL, 0);
	hasher->pid = 0;
}
