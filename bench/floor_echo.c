/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_echo [-p PROCESSES] PORT
 *
 * The floor that timed's echo is measured against: a bare epoll loop.  What a
 * recv(2) gave is sent back by a send(2); there is no supervision, no limit, no
 * count, no line that ends it and no care for a client that does not read.
 *
 * The processes share one listening socket on 127.0.0.1 (port 0: the kernel
 * picks; it is printed as "port N").
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ROOM = 4096,
	EVENTS = 256,
	BACKLOG = 4096,
	PROCESSES_MAX = 64,
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

static void __attribute__((noreturn)) serve(int listener)
{
	struct epoll_event events[EVENTS];
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0 || watch(epfd, listener, EPOLLIN | EPOLLEXCLUSIVE) < 0)
		exit(EXIT_FAILURE);
	for (;;) {
		int n = epoll_wait(epfd, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				accept_one(epfd, listener);
			else
				echo(events[i].data.fd);
	}
}

static int
listen_on(int port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 ||
	    listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &size) < 0) {
		perror("floor_echo");
		exit(EXIT_FAILURE);
	}
	printf("port %d\n", ntohs(in.sin_port));
	fflush(stdout);
	return fd;
}

static void
raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
	int processes = 1;
	int option, listener;

	while ((option = getopt(argc, argv, "p:")) != -1)
		if (option == 'p')
			processes = atoi(optarg);
	if (optind + 1 != argc || processes < 1 || processes > PROCESSES_MAX) {
		fputs("usage: floor_echo [-p PROCESSES] PORT\n", stderr);
		return 64;
	}
	raise_limit();
	listener = listen_on(atoi(argv[optind]));
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(listener);
		}
		if (pid < 0)
			return EXIT_FAILURE;
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
