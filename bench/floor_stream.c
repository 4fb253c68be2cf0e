/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_stream [-p PROCESSES] [-c TOTAL] PORT
 *
 * The floor that timed is measured against: the barest server that sends
 * every client a line at every whole second.  A connection is a descriptor
 * in an array; a tick is a loop of send(2) over it.  There is no supervision,
 * no limit and no care for slow clients.
 *
 * The processes share one listening socket on 127.0.0.1 (port 0: the kernel
 * picks; it is printed as "port N").  With TOTAL connections to come, each
 * takes its share of them and no more, so that the load is even.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE = 20,
	BACKLOG = 4096,
	PROCESSES_MAX = 64
};

struct floor {
	int listener;
	int share; /* connections to take */
	int count;
	int *fds;
	char line[LINE + 1];
};

static void
format_line(struct floor *server, time_t now)
{
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(server->line, sizeof(server->line), "%Y-%m-%d %H:%M:%S\n",
		 &tm);
}

static int
send_line(struct floor *server, int fd)
{
	ssize_t n = send(fd, server->line, LINE, MSG_DONTWAIT | MSG_NOSIGNAL);

	return n == LINE ? 0 : -1;
}

/* The last connection takes the place of one that is gone. */
static void
drop(struct floor *server, int i)
{
	close(server->fds[i]);
	server->fds[i] = server->fds[--server->count];
}

static void
tick(struct floor *server)
{
	for (int i = server->count - 1; i >= 0; i--)
		if (send_line(server, server->fds[i]) < 0)
			drop(server, i);
}

static void
accept_some(struct floor *server)
{
	while (server->count < server->share) {
		int fd = accept4(server->listener, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		server->fds[server->count++] = fd;
		if (send_line(server, fd) < 0)
			drop(server, server->count - 1);
	}
}

static void
serve(struct floor *server)
{
	struct timespec now;
	time_t shown;

	clock_gettime(CLOCK_REALTIME, &now);
	shown = now.tv_sec;
	format_line(server, shown);
	for (;;) {
		struct pollfd polled = { .events = POLLIN };
		struct timespec left = { .tv_nsec = 999999999 - now.tv_nsec };

		polled.fd =
			server->count < server->share ? server->listener : -1;
		ppoll(&polled, 1, &left, NULL);
		clock_gettime(CLOCK_REALTIME, &now);
		if (now.tv_sec != shown) {
			shown = now.tv_sec;
			format_line(server, shown);
			tick(server);
		} else {
			accept_some(server);
		}
		clock_gettime(CLOCK_REALTIME, &now);
		if (now.tv_sec != shown) /* accepted into the next second */
			now.tv_nsec = 999999999;
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
		perror("floor_stream");
		exit(EXIT_FAILURE);
	}
	printf("port %d\n", ntohs(in.sin_port));
	fflush(stdout);
	return fd;
}

static void
start(struct floor *server, int total, int processes, int i)
{
	struct rlimit limit;
	int room;

	prctl(PR_SET_TIMERSLACK, 1);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	room = (int)limit.rlim_cur - 16;
	server->share = total / processes + (i < total % processes);
	if (total == 0 || server->share > room)
		server->share = room;
	server->fds = calloc((size_t)server->share, sizeof(*server->fds));
	if (!server->fds)
		exit(EXIT_FAILURE);
	serve(server);
}

int
main(int argc, char **argv)
{
	struct floor server = { 0 };
	int processes = 1, total = 0;
	int option;

	while ((option = getopt(argc, argv, "c:p:")) != -1)
		if (option == 'p')
			processes = atoi(optarg);
		else if (option == 'c')
			total = atoi(optarg);
	if (optind + 1 != argc || processes < 1 || processes > PROCESSES_MAX) {
		fputs("usage: floor_stream [-p PROCESSES] [-c TOTAL] PORT\n",
		      stderr);
		return 64;
	}
	server.listener = listen_on(atoi(argv[optind]));
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			start(&server, total, processes, i);
		}
		if (pid < 0)
			return EXIT_FAILURE;
	}
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return 0;
}
