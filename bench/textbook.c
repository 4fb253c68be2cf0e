/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * textbook stream | daytime | echo PORT
 *
 * A server as textbooks have it, for those who wonder what all the rest is for:
 * one thread for each client, which blocks wherever there is something to wait
 * for, and says its own lines.  Port 0 as in floor.h.
 */
#include "floor.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE = 64,
	ROOM = 4096,
	STACK = 65536 /* so that there is room for ten thousand */
};

struct service {
	const char *name;
	void *(*serve)(void *client);
};

/* A client is its descriptor. */
static int
descriptor(void *client)
{
	return (int)(intptr_t)client;
}

/* 0, or -1 when the client is gone. */
static int
say_time(int fd, const char *format)
{
	char line[LINE];
	struct timespec now; /* time(2) may be late by a tick of the kernel */
	struct tm tm;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	length = strftime(line, sizeof(line), format, &tm);
	return write(fd, line, length) == (ssize_t)length ? 0 : -1;
}

static void *
stream(void *client)
{
	int fd = descriptor(client);
	struct timespec due;

	do {
		clock_gettime(CLOCK_REALTIME, &due);
		due.tv_sec++;
		due.tv_nsec = 0;
		if (say_time(fd, "%Y-%m-%d %H:%M:%S\n") < 0)
			break;
	} while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &due, NULL) ==
		 0);
	close(fd);
	return NULL;
}

static void *
daytime(void *client)
{
	int fd = descriptor(client);

	say_time(fd, "%a %b %d %H:%M:%S %Y\r\n");
	close(fd);
	return NULL;
}

static void *
echo(void *client)
{
	int fd = descriptor(client);
	char bytes[ROOM];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		if (write(fd, bytes, (size_t)n) != n)
			break;
	close(fd);
	return NULL;
}

static const struct service services[] = {
	{ "stream", stream },
	{ "daytime", daytime },
	{ "echo", echo },
};

static const struct service *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
		if (strcmp(services[i].name, name) == 0)
			return &services[i];
	return NULL;
}

static void
serve_all(int listener, const pthread_attr_t *kind,
	  const struct service *service)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd >= 0 && pthread_create(&thread, kind, service->serve,
					      (void *)(intptr_t)fd) != 0)
			close(fd);
	}
}

int
main(int argc, char **argv)
{
	const struct service *service = argc == 3 ? find(argv[1]) : NULL;
	pthread_attr_t kind;

	if (!service) {
		fputs("usage: textbook stream | daytime | echo PORT\n", stderr);
		return EX_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	floor_descriptors();
	if (pthread_attr_init(&kind) != 0 ||
	    pthread_attr_setstacksize(&kind, STACK) != 0 ||
	    pthread_attr_setdetachstate(&kind, PTHREAD_CREATE_DETACHED) != 0) {
		fputs("textbook: no threads\n", stderr);
		return EX_OSERR;
	}
	serve_all(floor_listen("textbook", SOCK_STREAM, argv[2]), &kind,
		  service);
	return EXIT_FAILURE;
}
