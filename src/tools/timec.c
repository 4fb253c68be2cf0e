/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timec: the client.  Connects, prints what the server says a line at a
 * time, and says on standard error what happens to the connection.
 *
 * One thread, poll(2) with deadlines.  SIGINT is a descriptor among the
 * others, and so is a reader of the output that goes away.
 */
#include "base/addr.h"
#include "base/clock.h"
#include "tools/records.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

enum {
	CONNECT_MS = 10000,
	RETRY_FIRST_MS = 1000,
	RETRY_MAX_MS = 30000,
	ADDRESSES = 16,
	EXIT_LOST = 1,
};

struct client {
	const char *target;
	unsigned port;	/* when the target names none */
	uint64_t limit; /* lines; 0: no end */
	bool quiet;
	bool retry;
	bool terminal; /* standard output is one */
	int signals;   /* a signalfd */

	bool done; /* stop, with `status` */
	int status;
	uint64_t printed; /* lines */
};

/* What timec can talk; its name is the first operand. */
struct mode {
	const char *name;
	const char *target; /* the default */
	unsigned port;
	const char *help;
	int (*run)(struct client *client);
};

static void __attribute__((format(printf, 1, 2)))
complain(const char *format, ...)
{
	va_list arguments;

	fputs("timec: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void
stop(struct client *client, int status)
{
	if (client->done)
		return;
	client->done = true;
	client->status = status;
}

/* Whether the other two descriptors ended the wait for the first. */
static bool
interrupted(struct client *client, const struct pollfd *output,
	    const struct pollfd *signals)
{
	if (signals->revents || (output->revents & (POLLERR | POLLHUP)))
		stop(client, 0);
	return client->done;
}

/*
 * Wait until FD (-1: none) is ready for EVENTS, at most MILLISECONDS (-1: no
 * end).  1: it is; 0: time is up; -1: the client is to stop.
 */
static int
await(struct client *client, int fd, short events, int milliseconds)
{
	struct pollfd polled[3] = {
		{ .fd = client->signals, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
		{ .fd = fd, .events = events },
	};
	uint64_t start = clock_monotonic();

	for (;;) {
		int64_t past = (int64_t)(clock_monotonic() - start);
		int left = milliseconds - (int)(past / CLOCK_MILLISECOND);
		int timeout = milliseconds < 0 ? -1 : left < 0 ? 0 : left;
		int n = poll(polled, 3, timeout);

		if (n < 0 && errno != EINTR) {
			complain("poll: %s", strerror(errno));
			stop(client, EXIT_LOST);
			return -1;
		}
		if (n > 0 && interrupted(client, &polled[1], &polled[0]))
			return -1;
		if (n > 0)
			return 1;
		if (n == 0)
			return 0;
	}
}

/* Never more than a pipe takes whole, so that a write cannot block. */
static void
write_out(struct client *client, const char *bytes, size_t length)
{
	while (length > 0 && !client->done) {
		size_t part = length < PIPE_BUF ? length : PIPE_BUF;
		ssize_t n;

		if (await(client, STDOUT_FILENO, POLLOUT, -1) < 0)
			return;
		n = write(STDOUT_FILENO, bytes, part);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0) {
			if (errno != EPIPE)
				complain("standard output: %s",
					 strerror(errno));
			stop(client, errno == EPIPE ? 0 : EXIT_LOST);
			return;
		}
		bytes += n;
		length -= (size_t)n;
	}
}

/* Show BYTES so that a terminal obeys none of them.  Returns the length. */
static size_t
escape(char *text, const char *bytes, size_t length)
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

static void
print_part(void *context, const char *bytes, size_t length, bool end)
{
	struct client *client = context;
	char text[4 * RECORDS_MAX + 1];
	size_t n = length;

	if (client->done)
		return;
	if (client->terminal)
		n = escape(text, bytes, length);
	else
		memcpy(text, bytes, length);
	if (end)
		text[n++] = '\n';
	write_out(client, text, n);
	if (!end)
		return;
	client->printed++;
	if (client->printed == client->limit)
		stop(client, 0);
}

/* 0, or an errno; -1 when the client is to stop. */
static int
finish_connecting(struct client *client, int fd, int milliseconds)
{
	int error = 0;
	socklen_t size = sizeof(error);
	int ready = await(client, fd, POLLOUT, milliseconds);

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

/* Try each address of the target until one answers.  A socket, or -1. */
static int
connect_any(struct client *client)
{
	struct addr addresses[ADDRESSES];
	char text[ADDR_TEXT];
	char error[256];
	bool told = !(client->quiet && client->retry);
	int count = addr_resolve(client->target, client->port, SOCK_STREAM,
				 addresses, ADDRESSES, error, sizeof(error));

	if (count < 0 && told)
		complain("%s: %s", client->target, error);
	for (int i = 0; i < count; i++) {
		int fd = connect_to(client, &addresses[i], CONNECT_MS / count);

		if (client->done)
			return fd;
		addr_format(&addresses[i], text);
		if (fd >= 0) {
			if (!client->quiet)
				complain("connected to %s", text);
			return fd;
		}
		if (told)
			complain("cannot connect to %s: %s", text,
				 strerror(errno));
	}
	return -1;
}

/* The connection is over; ERROR: errno, or 0 when the server closed it. */
static void
tell_end(struct client *client, struct records *records, int error)
{
	records_end(records);
	if (client->quiet || client->done)
		return;
	if (error)
		complain("connection lost: %s", strerror(error));
	else
		complain("the server closed the connection");
}

/* Print what arrives on FD until it ends or the client is to stop. */
static void
receive(struct client *client, int fd)
{
	struct records records;
	char bytes[RECORDS_MAX];

	records_open(&records, print_part, client);
	while (!client->done) {
		int timeout =
			records_waiting(&records) ? RECORDS_SILENCE_MS : -1;
		int ready = await(client, fd, POLLIN, timeout);
		ssize_t n;

		if (ready < 0)
			return;
		if (ready == 0) {
			records_silence(&records);
			continue;
		}
		n = read(fd, bytes, sizeof(bytes));
		if (n > 0) {
			records_bytes(&records, bytes, (size_t)n);
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		tell_end(client, &records, n < 0 ? errno : 0);
		return;
	}
}

static int
run_stream(struct client *client)
{
	int delay = RETRY_FIRST_MS;

	for (;;) {
		uint64_t printed = client->printed;
		int fd = connect_any(client);

		if (fd >= 0) {
			receive(client, fd);
			close(fd);
		}
		if (client->done)
			return client->status;
		if (!client->retry)
			return fd < 0 ? EX_UNAVAILABLE : EXIT_LOST;
		if (client->printed > printed)
			delay = RETRY_FIRST_MS;
		if (!client->quiet)
			complain("trying again in %d s", delay / 1000);
		if (await(client, -1, 0, delay) < 0)
			return client->status;
		delay = delay * 2 < RETRY_MAX_MS ? delay * 2 : RETRY_MAX_MS;
	}
}

static const struct mode modes[] = {
	{ "stream", "127.0.0.1:6013", 6013,
	  "the time as a line, at every boundary", run_stream },
};

enum {
	MODES = sizeof(modes) / sizeof(modes[0])
};

static void
help(void)
{
	puts("usage: timec [-hqV] [-n LINES] [-r] [MODE] [HOST[:PORT]]\n"
	     "\n"
	     "Connect to a timed server and print what it says.  HOST:PORT may\n"
	     "also be [V6]:PORT or unix:/path.\n"
	     "\n"
	     "  -n, --lines LINES  stop after so many lines\n"
	     "  -q, --quiet        do not tell of the connection\n"
	     "  -r, --retry        connect again when the connection is lost\n"
	     "  -h, --help         show this and exit\n"
	     "  -V, --version      show the version and exit\n"
	     "\n"
	     "modes:");
	for (int i = 0; i < MODES; i++)
		printf("  %-10s %s%s (%s)\n", modes[i].name, modes[i].help,
		       i == 0 ? "; the default" : "", modes[i].target);
}

static int
usage(void)
{
	fputs("Try 'timec --help'.\n", stderr);
	return EX_USAGE;
}

static bool
parse_count(const char *text, uint64_t *count)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 &&
	       *count > 0;
}

/* -1: go on; otherwise the exit status. */
static int
parse_options(struct client *client, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "lines", required_argument, NULL, 'n' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "retry", no_argument, NULL, 'r' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "hn:qrV", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'h':
			help();
			return 0;
		case 'V':
			puts("timec " PACKAGE_VERSION);
			return 0;
		case 'n':
			if (parse_count(optarg, &client->limit))
				break;
			complain("-n: '%s' is not a number of lines", optarg);
			return usage();
		case 'q':
			client->quiet = true;
			break;
		case 'r':
			client->retry = true;
			break;
		default:
			return usage();
		}
	}
	return -1;
}

/* The mode that OPERANDS (COUNT of them) ask for; NULL: a usage error. */
static const struct mode *
choose_mode(struct client *client, char **operands, int count)
{
	const struct mode *mode = &modes[0];

	for (int i = 0; i < MODES && count > 0; i++) {
		if (strcmp(operands[0], modes[i].name) != 0)
			continue;
		mode = &modes[i];
		operands++;
		count--;
		break;
	}
	if (count > 1) {
		complain("unexpected argument '%s'", operands[1]);
		return NULL;
	}
	client->target = count > 0 ? operands[0] : mode->target;
	client->port = mode->port;
	return mode;
}

/* SIGINT becomes a descriptor; a reader that left, an EPIPE. */
static bool
prepare(struct client *client)
{
	sigset_t interrupt;

	if (fcntl(STDOUT_FILENO, F_GETFD) < 0) {
		complain("standard output: %s", strerror(errno));
		return false;
	}
	client->terminal = isatty(STDOUT_FILENO) == 1;
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	client->signals = -1;
	if (signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
	    sigprocmask(SIG_BLOCK, &interrupt, NULL) == 0)
		client->signals = signalfd(-1, &interrupt, SFD_CLOEXEC);
	if (client->signals < 0)
		complain("signals: %s", strerror(errno));
	return client->signals >= 0;
}

int
main(int argc, char **argv)
{
	struct client client = { .status = 0 };
	const struct mode *mode;
	int status;

	setlocale(LC_CTYPE, "");
	status = parse_options(&client, argc, argv);
	if (status >= 0)
		return status;
	mode = choose_mode(&client, argv + optind, argc - optind);
	if (!mode)
		return usage();
	if (!prepare(&client))
		return EXIT_LOST;
	return mode->run(&client);
}
