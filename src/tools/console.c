/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/console.h"

#include "base/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that is not must not be sent signals. */
static bool
is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
	       0;
}

struct console *
console_open(const char *text)
{
	struct console *console;
	int fd, pid, length = 0;

	if (sscanf(text, "%d:%d%n", &fd, &pid, &length) != 2 || text[length] ||
	    fd <= STDERR_FILENO || pid <= 1 || !is_child(pid) ||
	    fds_nonblocking(fd) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return NULL;
	console = malloc(sizeof(*console));
	if (!console)
		return NULL;
	console->fd = fd;
	console->pid = pid;
	console->ended = false;
	console->used = 0;
	console->left_out = 0;
	return console;
}

/* Half of what there is, up to a line's end. */
static void
leave_out(struct console *console)
{
	size_t at = 0;

	while (at < console->used && (at < sizeof(console->bytes) / 2 ||
				      console->bytes[at - 1] != '\n'))
		if (console->bytes[at++] == '\n')
			console->left_out++;
	console->used -= at;
	memmove(console->bytes, console->bytes + at, console->used);
}

void
console_read(struct console *console)
{
	ssize_t n;

	if (console->used == sizeof(console->bytes))
		leave_out(console);
	n = read(console->fd, console->bytes + console->used,
		 sizeof(console->bytes) - console->used);
	if (n > 0)
		console->used += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		console->ended = true;
}

/* The bytes of whole lines; in the end of all. */
static size_t
whole(const struct console *console)
{
	const char *end = memrchr(console->bytes, '\n', console->used);

	if (console->ended || console->used == sizeof(console->bytes))
		return console->used;
	return end ? (size_t)(end - console->bytes) + 1 : 0;
}

bool
console_has_lines(const struct console *console)
{
	return whole(console) > 0;
}

void
console_show(struct console *console)
{
	size_t length = whole(console);

	if (console->left_out > 0)
		printf("(%" PRIu64 " lines of the log are not shown here)\n",
		       console->left_out);
	console->left_out = 0;
	fwrite(console->bytes, 1, length, stdout);
	fflush(stdout);
	console->used -= length;
	memmove(console->bytes, console->bytes + length, console->used);
}

static int
wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILURE;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

int
console_close(struct console *console)
{
	struct pollfd wait = { .fd = console->fd, .events = POLLIN };
	int status;

	/* It is a child that was not waited for: the pid is its own. */
	if (!console->ended)
		kill(console->pid, SIGTERM);
	console_show(console);
	while (!console->ended) {
		poll(&wait, 1, -1);
		console_read(console);
		console_show(console);
	}
	status = wait_for(console->pid);
	close(console->fd);
	free(console);
	return status;
}
