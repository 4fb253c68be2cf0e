/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/start.h"

#include "base/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The launcher: wait for the daemon's word, or for its death. */
static void
launch(int fd)
{
	unsigned char status = EXIT_FAILURE;
	ssize_t n;

	do
		n = read(fd, &status, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		fputs("timed: died while it started\n", stderr);
	_exit(status);
}

/* A session of its own, whose leader goes: no terminal can come back. */
static int
detach(struct launcher *launcher)
{
	int keep[2];
	pid_t pid;

	if (setsid() < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0)
		_exit(EXIT_SUCCESS);
	if (chdir("/") < 0)
		return -1;
	launcher->complaint =
		fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fds_detach(true) < 0)
		return -1;
	/* What the launcher had open is nothing to a daemon. */
	keep[0] = launcher->status;
	keep[1] = launcher->complaint;
	return fds_keep_only(keep, 2);
}

int
start_background(struct launcher *launcher)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0) {
		close(ends[1]);
		launch(ends[0]);
	}
	close(ends[0]);
	launcher->status = ends[1];
	launcher->complaint = STDERR_FILENO;
	return detach(launcher);
}

void
start_complain(const struct launcher *launcher, const char *text)
{
	if (launcher->complaint >= 0)
		dprintf(launcher->complaint, "timed: %s\n", text);
}

void
start_tell(struct launcher *launcher, int status)
{
	unsigned char byte = (unsigned char)status;

	if (launcher->status < 0)
		return;
	(void)!write(launcher->status, &byte, 1);
	close(launcher->status);
	if (launcher->complaint > STDERR_FILENO)
		close(launcher->complaint);
	launcher->status = -1;
	launcher->complaint = -1;
}
