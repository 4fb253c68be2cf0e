/* SPDX-License-Identifier: BSD-2-Clause */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	PROCESSES_MAX = 64,
	TOTAL_MAX = 1000000,
	PORT_MAX = 65535,
};

/* WORD as a number of LEAST to MOST; -1 when it is none. */
static int
number(const char *word, int least, int most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(word, &end, 10);
	if (errno || end == word || *end || value < least || value > most)
		return -1;
	return (int)value;
}

static void __attribute__((noreturn)) usage(const char *name)
{
	fprintf(stderr, "usage: %s [-c TOTAL] [-p PROCESSES] PORT\n", name);
	exit(EX_USAGE);
}

static void __attribute__((noreturn)) fail(const char *name, int status)
{
	perror(name);
	exit(status);
}

int
floor_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return limit.rlim_cur > TOTAL_MAX ? TOTAL_MAX : (int)limit.rlim_cur;
}

int
floor_listen(const char *name, int type, const char *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof(in);
	int fd, n = number(port, 0, PORT_MAX);
	int on = 1;

	if (n < 0) {
		fprintf(stderr, "%s: %s is no port\n", name, port);
		exit(EX_USAGE);
	}
	in.sin_port = htons((uint16_t)n);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 ||
	    ((type & SOCK_STREAM) && listen(fd, BACKLOG) < 0) ||
	    getsockname(fd, (struct sockaddr *)&in, &size) < 0)
		fail(name, EX_CANTCREAT);
	printf("port %d\n", ntohs(in.sin_port));
	if (fflush(stdout) != 0)
		fail(name, EX_IOERR);
	return fd;
}

static void
start(const struct floor *kind, const struct floor_share *share)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		fail(kind->name, EX_OSERR);
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		kind->serve(share);
	exit(EXIT_FAILURE);
}

int
floor_main(const struct floor *kind, int argc, char **argv)
{
	struct floor_share share = { .processes = 1 };
	int option;

	while ((option = getopt(argc, argv, "c:p:")) != -1)
		if (option == 'p')
			share.processes = number(optarg, 1, PROCESSES_MAX);
		else if (option == 'c')
			share.total = number(optarg, 0, TOTAL_MAX);
		else
			usage(kind->name);
	if (optind + 1 != argc || share.processes < 0 || share.total < 0)
		usage(kind->name);
	floor_descriptors();
	share.fd = floor_listen(kind->name, kind->type, argv[optind]);
	for (; share.index < share.processes; share.index++)
		start(kind, &share);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	return EXIT_FAILURE;
}
