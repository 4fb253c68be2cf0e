/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Over TCP both ways are open at once: whatever can go on does, so that neither
 * a slow server nor a slow reader of the output makes the two wait for each
 * other.  Bytes are counted, and at the end it is known whether all came back.
 */
#include "tools/timec_echo.h"

#include "tools/datagram.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	CHUNK = 16384,
	UDP_LINE = 1024, /* bytes of a line in one datagram */
};

struct echo {
	struct client *client;
	int fd;
	char address[ADDR_TEXT];
	bool input_over; /* standard input has ended */
	uint64_t taken;	 /* bytes of standard input */
	uint64_t back;	 /* bytes that came back */
	uint64_t lines;	 /* that came back */
	uint64_t last;	 /* where the last whole line that was taken begins, */
	uint64_t next;	 /* and the one after it */
	char bytes[CHUNK]; /* taken and not sent */
	size_t from, to;
};

/* ---- What comes back ---------------------------------------------------- */

/* A part of a line, or all that is left of it with its end. */
static void
print_part(struct echo *echo, const char *bytes, size_t length, bool end)
{
	struct client *client = echo->client;
	char text[4 * CHUNK + 1];
	size_t n = client_text(client, text, bytes, length);

	if (end)
		text[n++] = '\n';
	client_write(client, text, n);
	echo->lines += end;
	if (end && echo->lines == client->limit)
		client_stop(client, 0);
}

static void
print(struct echo *echo, const char *bytes, size_t length)
{
	struct client *client = echo->client;
	const char *end = bytes + length;

	if (!client->terminal && client->limit == 0) {
		client_write(client, bytes, length);
		return;
	}
	while (bytes < end && !client->done) {
		const char *newline =
			memchr(bytes, '\n', (size_t)(end - bytes));
		const char *stop = newline ? newline : end;

		print_part(echo, bytes, (size_t)(stop - bytes), newline);
		bytes = stop + 1;
	}
}

/*
 * The server has closed.  A line that ends an echo does not come back: if it is
 * the last one that was taken, all is well.
 */
static void
conclude(struct echo *echo)
{
	struct client *client = echo->client;
	uint64_t missing = echo->taken - echo->back;
	bool exited = echo->next == echo->taken && echo->next > echo->last &&
		      missing == echo->taken - echo->last;
	int status = CLIENT_FAILED;

	if (echo->back > echo->taken)
		client_complain("%s: more came than was sent", echo->address);
	else if (missing > 0 && !exited)
		client_complain("%s: %" PRIu64 " bytes did not come back",
				echo->address, missing);
	else if (exited || echo->input_over)
		status = 0;
	else if (!client->quiet)
		client_complain("the server closed the connection");
	client_stop(client, status);
}

static void
receive(struct echo *echo)
{
	char bytes[CHUNK];
	ssize_t n = recv(echo->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0) {
		echo->back += (uint64_t)n;
		print(echo, bytes, (size_t)n);
	} else if (n == 0) {
		conclude(echo);
	} else if (errno != EAGAIN && errno != EINTR) {
		client_complain("%s: connection lost: %s", echo->address,
				strerror(errno));
		client_stop(echo->client, CLIENT_FAILED);
	}
}

/* ---- What is sent ------------------------------------------------------- */

/* Read some of standard input, -1 having said why it cannot be read. */
static ssize_t
take(struct client *client, char *bytes, size_t room)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, bytes, room);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN) {
		client_complain("standard input: %s", strerror(errno));
		client_stop(client, CLIENT_FAILED);
	}
	return n;
}

static void
note_lines(struct echo *echo, const char *bytes, size_t length)
{
	const char *from = bytes, *end = bytes + length, *newline;

	while ((newline = memchr(from, '\n', (size_t)(end - from)))) {
		from = newline + 1;
		echo->last = echo->next;
		echo->next = echo->taken + (uint64_t)(from - bytes);
	}
	echo->taken += length;
}

static void
take_input(struct echo *echo)
{
	ssize_t n = take(echo->client, echo->bytes, CHUNK);

	if (n < 0)
		return;
	note_lines(echo, echo->bytes, (size_t)n);
	echo->from = 0;
	echo->to = (size_t)n;
	echo->input_over = n == 0;
	if (echo->input_over)
		shutdown(echo->fd, SHUT_WR);
}

/* Whoever cannot be sent to is heard of when he is read from. */
static void
send_some(struct echo *echo)
{
	ssize_t n = send(echo->fd, echo->bytes + echo->from,
			 echo->to - echo->from, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		echo->from += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		echo->from = echo->to;
}

/* ---- Both --------------------------------------------------------------- */

static void
turn(struct echo *echo)
{
	struct client *client = echo->client;
	bool unsent = echo->from < echo->to;
	struct pollfd polled[2] = {
		{ .fd = echo->fd, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	int ready;

	if (unsent)
		polled[0].events |= POLLOUT;
	if (unsent || echo->input_over)
		polled[1].fd = -1;
	ready = client_await_any(client, polled, 2,
				 echo->input_over ? client->patience : -1);
	if (ready < 0)
		return;
	if (ready == 0) {
		client_complain("%s: nothing came in %g s", echo->address,
				client->patience / 1000.0);
		client_stop(client, CLIENT_FAILED);
		return;
	}
	if (polled[0].revents & ~POLLOUT)
		receive(echo);
	if (polled[1].revents && !client->done)
		take_input(echo);
	if (echo->from < echo->to)
		send_some(echo);
}

static int
echo_tcp(struct client *client)
{
	struct echo echo = { .client = client };
	struct addr address;

	echo.fd = client_connect(client, &address);
	if (echo.fd < 0)
		return client->done ? client->status : EX_UNAVAILABLE;
	addr_format(&address, echo.address);
	while (!client->done)
		turn(&echo);
	close(echo.fd);
	return client->status;
}

/* ---- Over UDP ----------------------------------------------------------- */

struct lines {
	struct client *client;
	struct datagram datagram;
	bool over;
	char bytes[UDP_LINE];
	size_t length;
	uint64_t asked, answered;
};

static const char *
refuse(void *context, const unsigned char *bytes, size_t length)
{
	const struct datagram *datagram = context;

	if (length == datagram->request_length &&
	    memcmp(bytes, datagram->request, length) == 0)
		return NULL;
	return "it is not what was sent";
}

/* Ask with the first LENGTH bytes that were read, and show what comes back. */
static void
ask(struct lines *lines, size_t length)
{
	struct client *client = lines->client;
	struct datagram *datagram = &lines->datagram;
	char text[4 * UDP_LINE + 1];
	bool end = length > 0 && lines->bytes[length - 1] == '\n';
	size_t n;

	datagram->request = (const unsigned char *)lines->bytes;
	datagram->request_length = length;
	lines->asked++;
	if (datagram_ask(client, datagram)) {
		n = client_text(client, text, lines->bytes, length - end);
		if (end)
			text[n++] = '\n';
		client_write(client, text, n);
		lines->answered++;
	}
	lines->length -= length;
	memmove(lines->bytes, lines->bytes + length, lines->length);
	if (lines->asked == client->limit)
		lines->over = true;
}

/* How much of what was read goes out now; 0: not enough is there. */
static size_t
next_length(const struct lines *lines)
{
	const char *newline = memchr(lines->bytes, '\n', lines->length);

	if (newline)
		return (size_t)(newline + 1 - lines->bytes);
	return lines->over || lines->length == UDP_LINE ? lines->length : 0;
}

static void
read_line(struct lines *lines)
{
	struct client *client = lines->client;
	ssize_t n;

	if (client_await(client, STDIN_FILENO, POLLIN, -1) < 0)
		return;
	n = take(client, lines->bytes + lines->length,
		 UDP_LINE - lines->length);
	if (n > 0)
		lines->length += (size_t)n;
	lines->over = n == 0;
}

static int
echo_udp(struct client *client)
{
	struct lines lines = {
		.client = client,
		.datagram = { .refuse = refuse, .context = &lines.datagram },
	};
	size_t length;

	if (datagram_open(client, &lines.datagram) < 0)
		return EX_UNAVAILABLE;
	while (!lines.over && !client->done) {
		read_line(&lines);
		while ((length = next_length(&lines)) > 0 && !client->done &&
		       !(client->limit && lines.asked == client->limit))
			ask(&lines, length);
	}
	if (client->done)
		return client->status;
	if (lines.asked > 0 && lines.answered == 0)
		return EX_UNAVAILABLE;
	return lines.answered == lines.asked ? 0 : CLIENT_FAILED;
}

int
timec_echo(struct client *client)
{
	return client->udp ? echo_udp(client) : echo_tcp(client);
}
