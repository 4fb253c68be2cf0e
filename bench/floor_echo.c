/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_echo [-p PROCESSES] PORT
 *
 * The floor that timed's echo is measured against: a bare epoll loop.  What a
 * recv(2) gave is sent back by a send(2); there is no supervision, no limit, no
 * count, no line that ends it and no care for a client that does not read.  See
 * floor.h.
 */
#include "floor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROOM = 4096,
	EVENTS = 256
};

static int
watch(int epfd, int fd, unsigned events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
}

static void
accept_one(int epfd, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int on = 1;

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (watch(epfd, fd, EPOLLIN) < 0)
		close(fd);
}

static void
echo(int fd)
{
	char bytes[ROOM];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 ||
	    send(fd, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
		close(fd);
}

static void
serve(const struct floor_share *share)
{
	struct epoll_event events[EVENTS];
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0 || watch(epfd, share->fd, EPOLLIN | EPOLLEXCLUSIVE) < 0)
		exit(EXIT_FAILURE);
	for (;;) {
		int n = epoll_wait(epfd, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == share->fd)
				accept_one(epfd, share->fd);
			else
				echo(events[i].data.fd);
	}
}

int
main(int argc, char **argv)
{
	static const struct floor kind = { "floor_echo",
					   SOCK_STREAM | SOCK_NONBLOCK, serve };

	return floor_main(&kind, argc, argv);
}
