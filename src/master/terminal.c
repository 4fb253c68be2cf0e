/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/terminal.h"

#include "base/fds.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char name[] = "timedctl";

/* A burst of the log, while the terminal is slow. */
enum {
	PIPE_BYTES = 1 << 20
};

/* --- the two processes --- */

/* Whether there is one beside this program, or else where it is installed. */
static bool
find_timedctl(char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		slash[1] = '\0';
		if (strlcat(path, name, PATH_MAX) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return true;
	}
	return strlcpy(path, SBINDIR "/timedctl", PATH_MAX) < PATH_MAX &&
	       access(path, X_OK) == 0;
}

/* In the parent: never returns. */
static void
become_timedctl(const char *path, int log, pid_t timed, const char *runtime_dir)
{
	char console[64];

	snprintf(console, sizeof(console), "--console=%d:%d", log, (int)timed);
	execl(path, name, console, "-r", runtime_dir, (char *)NULL);
	/* With this process goes the pipe, and so timed stops. */
	fprintf(stderr, "timed: %s: %s\n", path, strerror(errno));
	_exit(EX_UNAVAILABLE);
}

/* In the child. */
static int
let_go(int log)
{
	/* A terminal that is held up must not hold up the log. */
	if (setsid() < 0 || fds_nonblocking(log) < 0 ||
	    dup2(log, STDERR_FILENO) < 0 || fds_detach(false) < 0)
		return -1;
	close(log);
	return 0;
}

int
terminal_start(const char *runtime_dir, char *error, size_t size)
{
	char path[PATH_MAX];
	int ends[2];
	pid_t pid;

	if (!find_timedctl(path)) {
		snprintf(error, size,
			 "there is no timedctl beside it, nor as %s", path);
		return -1;
	}
	if (pipe(ends) < 0) {
		snprintf(error, size, "%s", strerror(errno));
		return -1;
	}
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	fflush(NULL);
	pid = fork();
	if (pid > 0) {
		close(ends[1]);
		become_timedctl(path, ends[0], pid, runtime_dir);
	}
	if (pid == 0) {
		close(ends[0]);
		if (let_go(ends[1]) == 0)
			return 0;
	}
	snprintf(error, size, "%s", strerror(errno));
	return -1;
}

/* --- that it is still there --- */

static void
reader_gone(struct loop_source *source, uint32_t events)
{
	struct terminal *terminal = (struct terminal *)source;

	(void)events;
	terminal_close(terminal);
	terminal->gone(terminal->context);
}

int
terminal_watch(struct terminal *terminal, struct loop *loop,
	       void (*gone)(void *context), void *context)
{
	*terminal = (struct terminal){ .loop = loop,
				       .gone = gone,
				       .context = context };
	terminal->source.fd = STDERR_FILENO;
	terminal->source.ready = reader_gone;
	/* EPOLLERR: the end that is written to has no other any more. */
	return loop_add(loop, &terminal->source, 0);
}

void
terminal_close(struct terminal *terminal)
{
	if (terminal->source.fd < 0)
		return;
	loop_remove(terminal->loop, &terminal->source);
	terminal->source.fd = -1;
}
