/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/client.h"

#include "base/addr.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

enum {
	PRINT_MAX = 1024,
};

void
client_complain(const char *format, ...)
{
	va_list arguments;

	fputs("timec: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void
client_stop(struct client *client, int status)
{
	if (client->done)
		return;
	client->done = true;
	client->status = status;
}

void
client_resume(struct client *client)
{
	struct signalfd_siginfo info;

	while (read(client->signals, &info, sizeof(info)) > 0)
		;
	client->done = false;
}

/* Whether the other two descriptors ended the wait for the first. */
static bool
interrupted(struct client *client, const struct pollfd *output,
	    const struct pollfd *signals)
{
	if (signals->revents || (output->revents & (POLLERR | POLLHUP)))
		client_stop(client, 0);
	return client->done;
}

int
client_await_any(struct client *client, struct pollfd *asked, int count,
		 int milliseconds)
{
	struct pollfd polled[4] = {
		{ .fd = client->signals, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	uint64_t start = clock_monotonic();

	memcpy(polled + 2, asked, (size_t)count * sizeof(*asked));

	for (;;) {
		int64_t past = (int64_t)(clock_monotonic() - start);
		int left = milliseconds - (int)(past / CLOCK_MILLISECOND);
		int timeout = milliseconds < 0 ? -1 : left < 0 ? 0 : left;
		int n = poll(polled, (nfds_t)count + 2, timeout);

		if (n < 0 && errno != EINTR) {
			client_complain("poll: %s", strerror(errno));
			client_stop(client, CLIENT_FAILED);
			return -1;
		}
		if (n > 0 && interrupted(client, &polled[1], &polled[0]))
			return -1;
		if (n < 0)
			continue;
		memcpy(asked, polled + 2, (size_t)count * sizeof(*asked));
		return n > 0;
	}
}

int
client_await(struct client *client, int fd, short events, int milliseconds)
{
	struct pollfd polled = { .fd = fd, .events = events };

	return client_await_any(client, &polled, 1, milliseconds);
}

/* Never more than a pipe takes whole, so that a write cannot block. */
void
client_write(struct client *client, const char *bytes, size_t length)
{
	while (length > 0 && !client->done) {
		size_t part = length < PIPE_BUF ? length : PIPE_BUF;
		ssize_t n;

		if (client_await(client, STDOUT_FILENO, POLLOUT, -1) < 0)
			return;
		n = write(STDOUT_FILENO, bytes, part);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0) {
			if (errno != EPIPE)
				client_complain("standard output: %s",
						strerror(errno));
			client_stop(client, errno == EPIPE ? 0 : CLIENT_FAILED);
			return;
		}
		bytes += n;
		length -= (size_t)n;
	}
}

void
client_print(struct client *client, const char *format, ...)
{
	char text[PRINT_MAX];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (n > 0)
		client_write(client, text, (size_t)n);
}

size_t
client_escape(char *text, const char *bytes, size_t length)
{
	mbstate_t state = { 0 };
	char *out = text;

	while (length > 0) {
		wchar_t wide;
		size_t n = mbrtowc(&wide, bytes, length, &state);

		if (n > 0 && n <= length && iswprint((wint_t)wide)) {
			out = mempcpy(out, bytes, n);
		} else {
			memset(&state, 0, sizeof(state));
			out += sprintf(out, "\\x%02x", (unsigned char)*bytes);
			n = 1;
		}
		bytes += n;
		length -= n;
	}
	return (size_t)(out - text);
}

bool
client_refused(const char *address, const char *bytes, size_t length)
{
	char text[4 * CLIENT_REFUSAL + 1];
	const char *end;

	if (length < 2 || memcmp(bytes, "! ", 2) != 0)
		return false;
	bytes += 2;
	length -= 2;
	end = memchr(bytes, '\n', length);
	if (end)
		length = (size_t)(end - bytes);
	if (length > CLIENT_REFUSAL)
		length = CLIENT_REFUSAL;
	text[client_escape(text, bytes, length)] = '\0';
	client_complain("%s: refused: %s", address, text);
	return true;
}

size_t
client_text(const struct client *client, char *text, const char *bytes,
	    size_t length)
{
	if (client->terminal)
		return client_escape(text, bytes, length);
	memcpy(text, bytes, length);
	return length;
}

bool
client_json(struct client *client, json_t *object)
{
	char *text =
		object ? json_dumps(object, JSON_REAL_PRECISION(12)) : NULL;

	json_decref(object);
	if (!text) {
		client_complain("there is no JSON of what came");
		return false;
	}
	client_write(client, text, strlen(text));
	client_write(client, "\n", 1);
	free(text);
	return true;
}

/* 0, or an errno; -1 when the client is to stop. */
static int
finish_connecting(struct client *client, int fd, int milliseconds)
{
	int error = 0;
	socklen_t size = sizeof(error);
	int ready = client_await(client, fd, POLLOUT, milliseconds);

	if (ready < 0)
		return -1;
	if (ready == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return errno;
	return error;
}

/* A connected socket; or -1 with errno, or with client->done. */
static int
connect_to(struct client *client, const struct addr *address, int milliseconds)
{
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int fd = socket(address->sa.sa_family, type, 0);
	int on = 1;
	int error = 0;

	if (fd < 0)
		return -1;
	/* A server that vanished without a word is noticed in the end. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (connect(fd, &address->sa, address->length) < 0)
		error = errno;
	if (error == EINPROGRESS)
		error = finish_connecting(client, fd, milliseconds);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

int
client_resolve(const struct client *client, int socktype,
	       struct addr *addresses, bool told)
{
	char error[256];
	int count =
		addr_resolve(client->target, client->port, socktype, addresses,
			     CLIENT_ADDRESSES, error, sizeof(error));

	if (count < 0 && told)
		client_complain("%s: %s", client->target, error);
	return count;
}

int
client_connect(struct client *client, struct addr *address)
{
	struct addr addresses[CLIENT_ADDRESSES];
	char text[ADDR_TEXT];
	bool told = !(client->quiet && client->retry);
	int count = client_resolve(client, SOCK_STREAM, addresses, told);

	for (int i = 0; i < count; i++) {
		int fd = connect_to(client, &addresses[i],
				    client->patience / count);

		if (client->done)
			return fd;
		addr_format(&addresses[i], text);
		if (fd >= 0) {
			if (!client->quiet)
				client_complain("connected to %s", text);
			*address = addresses[i];
			return fd;
		}
		if (told)
			client_complain("cannot connect to %s: %s", text,
					strerror(errno));
	}
	return -1;
}

bool
client_open(struct client *client)
{
	sigset_t interrupt;

	if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {
		client_complain("standard output: %s", strerror(errno));
		return false;
	}
	/* Nothing else is to be taken for a standard input that is closed. */
	if (fcntl(STDIN_FILENO, F_GETFD) < 0)
		(void)open("/dev/null", O_WRONLY | O_CLOEXEC);
	client->terminal = isatty(STDOUT_FILENO) == 1;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	client->signals = -1;
	if (signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
	    sigprocmask(SIG_BLOCK, &interrupt, NULL) == 0)
		client->signals =
			signalfd(-1, &interrupt, SFD_CLOEXEC | SFD_NONBLOCK);
	if (client->signals < 0)
		client_complain("signals: %s", strerror(errno));
	return client->signals >= 0;
}
