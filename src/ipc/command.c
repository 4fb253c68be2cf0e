/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/command.h"

#include "ipc/passing.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int
command_pair(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0, ends) < 0)
		return -1;
	/* Nor may descriptors wait there that nobody ever takes. */
	return shutdown(ends[0], SHUT_RD);
}

int
command_send(int fd, const struct command *command, const int *fds, int count)
{
	return passing_send(fd, command, sizeof(*command), fds, count);
}

bool
command_idle(int fd)
{
	int unread = 0;

	return ioctl(fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

int
command_receive(int fd, struct command *command, int fds[COMMAND_FDS],
		int *count)
{
	ssize_t n;

	*count = COMMAND_FDS;
	n = passing_receive(fd, command, sizeof(*command), fds, count);
	if (n == sizeof(*command))
		return 1;
	/* It was told, and no end of the master's: some descriptors will do. */
	if (n < 0 && errno == EMFILE)
		return 1;
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n > 0)
		passing_close(fds, *count);
	return -1;
}
