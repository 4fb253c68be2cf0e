/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_query_probe.h"

#include "base/clock.h"
#include "tools/bench_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ADDRESSES = 16,
	TRIES = 3, /* over UDP one may be lost */
};

struct answer {
	unsigned char bytes[ASK_REQUEST + 1];
	size_t length;
	int64_t arrived; /* nanoseconds since the epoch */
};

/* 0, or -1 with errno. */
static int
wait_for(int fd, short events, int milliseconds)
{
	struct pollfd polled = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&polled, 1, milliseconds);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0 ? 0 : -1;
}

/* A request, that as much of is sent as the system takes at once. */
static ssize_t
send_request(const struct query_plan *plan, int fd)
{
	unsigned char request[ASK_REQUEST] = { 0 };

	if (plan->ask->make)
		plan->ask->make(request, plan->request,
				(uint64_t)clock_realtime());
	return send(fd, request, plan->request, MSG_NOSIGNAL);
}

/* One datagram there and one back. */
static int
ask_datagram(const struct query_plan *plan, int fd, struct answer *answer)
{
	ssize_t n;

	for (int i = 1; i <= TRIES; i++) {
		if (send_request(plan, fd) < 0)
			return -1;
		if (wait_for(fd, POLLIN, BENCH_PATIENCE_MS / TRIES) == 0)
			break;
		if (i == TRIES)
			return -1;
	}
	n = recv(fd, answer->bytes, plan->answer, MSG_DONTWAIT);
	if (n < 0)
		return -1;
	answer->length = (size_t)n;
	answer->arrived = clock_realtime();
	return 0;
}

/* All until the server closes, or LENGTH bytes of it. */
static int
read_connection(int fd, struct answer *answer, size_t length)
{
	while (answer->length < length) {
		ssize_t n;

		if (wait_for(fd, POLLIN, BENCH_PATIENCE_MS) < 0)
			return -1;
		n = recv(fd, answer->bytes + answer->length,
			 length - answer->length, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n == 0)
			break;
		if (n > 0)
			answer->length += (size_t)n;
		answer->arrived = clock_realtime();
	}
	return 0;
}

/* One message there and back, on a connection that is not read to its end. */
static int
ask_kept(const struct query_plan *plan, int fd, struct answer *answer)
{
	ssize_t n = -1;

	if (wait_for(fd, POLLOUT, BENCH_PATIENCE_MS) == 0)
		n = send_request(plan, fd);
	if (n < 0)
		return -1;
	return read_connection(fd, answer, (size_t)n);
}

static int
ask_connection(const struct query_plan *plan, int fd, struct answer *answer)
{
	return plan->ask->kept ? ask_kept(plan, fd, answer)
			       : read_connection(fd, answer, plan->answer);
}

static int
exchange(const struct query_plan *plan, struct answer *answer)
{
	const struct addr *address = &plan->address;
	int fd = plan->udp ? bench_datagram_socket(address, 0)
			   : bench_socket(address, 0, 0);
	int status = -1;
	int error;

	answer->length = 0;
	if (fd >= 0 && (connect(fd, &address->sa, address->length) == 0 ||
			errno == EINPROGRESS))
		status = plan->udp ? ask_datagram(plan, fd, answer)
				   : ask_connection(plan, fd, answer);
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return status;
}

/* Each address until one answers; 0, or -1, having said why. */
static int
ask_any(const struct bench_options *options, struct query_plan *plan,
	struct answer *answer)
{
	struct addr addresses[ADDRESSES];
	char error[256], text[ADDR_TEXT];
	int count = addr_resolve(options->target, options->port,
				 plan->udp ? SOCK_DGRAM : SOCK_STREAM,
				 addresses, ADDRESSES, error, sizeof(error));

	if (count < 0)
		bench_complain("%s: %s", options->target, error);
	for (int i = 0; i < count; i++) {
		plan->address = addresses[i];
		addr_format(&plan->address, text);
		if (plan->udp && plan->address.sa.sa_family == AF_UNIX) {
			bench_complain("%s: a unix socket has no UDP", text);
			return -1;
		}
		if (exchange(plan, answer) == 0)
			return 0;
		bench_complain("no answer from %s: %s", text, strerror(errno));
	}
	return -1;
}

int
query_probe(const struct bench_options *options, struct query_plan *plan)
{
	struct answer answer = { 0 };

	if (ask_any(options, plan, &answer) < 0)
		return -1;
	if (plan->ask->learn(&plan->rule, answer.bytes, answer.length,
			     answer.arrived))
		return 0;
	bench_complain("%s: what it answers is no %s", options->target,
		       plan->ask->name);
	return -1;
}
