/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/start.h"

#include "base/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
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

int
start_background(void)
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
	/* A session of its own, whose leader goes: no terminal can come
	 * back to it. */
	if (setsid() < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid > 0)
		_exit(EXIT_SUCCESS);
	if (chdir("/") < 0)
		return -1;
	return ends[1];
}

void
start_tell(int fd, int status)
{
	unsigned char byte = (unsigned char)status;

	if (fd < 0)
		return;
	if (status == 0)
		(void)fds_detach(true);
	(void)!write(fd, &byte, 1);
	close(fd);
}
