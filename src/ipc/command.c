/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/command.h"

#include <errno.h>
#include <sys/socket.h>

int
command_pair(int ends[2])
{
	return socketpair(AF_UNIX,
			  SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			  ends);
}

int
command_send(int fd, enum command_type type, uint32_t generation,
	     uint64_t argument)
{
	struct command command = { .type = type,
				   .generation = generation,
				   .argument = argument };
	ssize_t n = send(fd, &command, sizeof(command),
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	return n == sizeof(command) ? 0 : -1;
}

int
command_receive(int fd, struct command *command)
{
	ssize_t n = recv(fd, command, sizeof(*command), MSG_DONTWAIT);

	if (n == sizeof(*command))
		return 1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -1;
}
