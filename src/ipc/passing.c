/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors of a message, aligned as a header wants it. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(PASSING_FDS * sizeof(int))];
};

int
passing_send(int fd, const void *bytes, size_t length, const int *fds,
	     int count)
{
	struct iovec vector = { (void *)(size_t)bytes, length };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	union control control;
	struct cmsghdr *header;
	ssize_t n;

	if (count > 0) {
		size_t size = (size_t)count * sizeof(*fds);

		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(size);
		memset(&control, 0, message.msg_controllen);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(header), fds, size);
	}
	do
		n = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)length ? 0 : -1;
}

/* Take the descriptors out of MESSAGE; how many. */
static int
unpack(struct msghdr *message, int *fds)
{
	struct cmsghdr *header;
	int count = 0;

	for (header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		size_t size = header->cmsg_len - CMSG_LEN(0);

		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + count, CMSG_DATA(header), size);
		count += (int)(size / sizeof(*fds));
	}
	return count;
}

ssize_t
passing_receive(int fd, void *bytes, size_t size, int *fds, int *count)
{
	struct iovec vector = { bytes, size };
	union control control;
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int all[PASSING_FDS];
	int most = *count;
	int got;
	ssize_t n;

	*count = 0;
	do
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	got = unpack(&message, all);
	if (got > most || message.msg_flags & MSG_TRUNC) {
		passing_close(all, got);
		errno = EMSGSIZE;
		return -1;
	}
	if (got > 0)
		memcpy(fds, all, (size_t)got * sizeof(*fds));
	*count = got;
	if (message.msg_flags & MSG_CTRUNC) {
		errno = EMFILE;
		return -1;
	}
	return n;
}

void
passing_close(const int *fds, int count)
{
	for (int i = 0; i < count; i++)
		close(fds[i]);
}
