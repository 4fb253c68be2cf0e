/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/notify.h"

#include "base/clock.h"

#ifdef HAVE_SYSTEMD

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/*
 * sd_notify(3) waits when nobody reads the socket, and the master must not:
 * so the datagrams of sd_notify(3) are sent from here.  What systemd has to
 * know is kept until it takes it; a status or a beat is not.
 */
static char pending[256];

static bool
send_now(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t length;
	ssize_t n;
	int fd;

	if (!path || (*path != '/' && *path != '@') ||
	    strlen(path) >= sizeof(to.sun_path))
		return true;
	memcpy(to.sun_path, path, strlen(path));
	if (*path == '@')
		to.sun_path[0] = '\0';
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			     strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	n = sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&to, length);
	close(fd);
	return n >= 0;
}

static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	va_list arguments;
	char text[sizeof(pending)];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* The last word counts: systemd missed those before. */
	if (send_now(text))
		*pending = '\0';
	else
		strcpy(pending, text);
}

void
notify_ready(const char *status)
{
	tell("READY=1\nSTATUS=%s", status);
}

void
notify_reloading(void)
{
	tell("RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	     clock_monotonic() / (uint64_t)CLOCK_MICROSECOND);
}

void
notify_stopping(void)
{
	tell("STOPPING=1\nSTATUS=stopping");
}

void
notify_status(const char *status)
{
	char text[sizeof(pending)];

	if (*pending)
		return;
	snprintf(text, sizeof(text), "STATUS=%s", status);
	(void)send_now(text);
}

void
notify_watchdog(void)
{
	if (*pending && send_now(pending))
		*pending = '\0';
	(void)send_now("WATCHDOG=1");
}

bool
notify_take_sockets(struct notify_sockets *sockets)
{
	int count = sd_listen_fds_with_names(1, &sockets->names);

	sockets->first = SD_LISTEN_FDS_START;
	sockets->count = count > 0 ? count : 0;
	if (count < 0)
		errno = -count;
	return count >= 0;
}

void
notify_free_sockets(struct notify_sockets *sockets)
{
	for (int i = 0; sockets->names && sockets->names[i]; i++)
		free(sockets->names[i]);
	free(sockets->names);
	sockets->names = NULL;
	sockets->count = 0;
}

#else

void
notify_ready(const char *status)
{
	(void)status;
}

void
notify_reloading(void)
{
}

void
notify_stopping(void)
{
}

void
notify_status(const char *status)
{
	(void)status;
}

void
notify_watchdog(void)
{
}

bool
notify_take_sockets(struct notify_sockets *sockets)
{
	*sockets = (struct notify_sockets){ 0 };
	return true;
}

void
notify_free_sockets(struct notify_sockets *sockets)
{
	sockets->count = 0;
}

#endif
