/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/datagram.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int
datagram_open(struct client *client, struct datagram *datagram)
{
	int count =
		client_resolve(client, SOCK_DGRAM, datagram->addresses, true);

	if (count > 0 && datagram->addresses[0].sa.sa_family == AF_UNIX) {
		client_complain("%s: a unix socket has no UDP", client->target);
		return -1;
	}
	datagram->count = count;
	return count < 0 ? -1 : 0;
}

static int
open_socket(const struct addr *address)
{
	int fd = socket(address->sa.sa_family,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;
	int error;

	if (fd < 0)
		return -1;
	/* Without the kernel's, the time of reading will have to do. */
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (connect(fd, &address->sa, address->length) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* When the kernel got it; now, if that is not told. */
static int64_t
arrival(struct msghdr *message)
{
	struct timespec stamp;

	for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each;
	     each = CMSG_NXTHDR(message, each)) {
		if (each->cmsg_level != SOL_SOCKET ||
		    each->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&stamp, CMSG_DATA(each), sizeof(stamp));
		return stamp.tv_sec * CLOCK_SECOND + stamp.tv_nsec;
	}
	return clock_realtime();
}

static int
receive(struct datagram *datagram, int fd)
{
	union {
		struct cmsghdr aligned;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec part = { datagram->bytes, sizeof(datagram->bytes) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, MSG_TRUNC);

	if (n < 0)
		return -1;
	datagram->length = (size_t)n;
	datagram->arrived = arrival(&message);
	return 0;
}

/* Whether what came is an answer. */
static bool
accept_it(struct datagram *datagram, const char *address)
{
	const char *why = NULL;

	if (datagram->refuse)
		why = datagram->refuse(datagram->context, datagram->bytes,
				       datagram->length);
	if (why)
		client_complain("%s: passed over what came: %s", address, why);
	return !why;
}

/* 1: answered; 0: not in time; -1 with errno, or with client->done. */
static int
converse(struct client *client, struct datagram *datagram, int fd,
	 const char *address, int patience)
{
	uint64_t start = clock_monotonic();

	datagram->sent = clock_realtime();
	if (send(fd, datagram->request, datagram->request_length, 0) < 0)
		return -1;
	for (;;) {
		uint64_t past = clock_monotonic() - start;
		int left = patience - (int)(past / CLOCK_MILLISECOND);
		int ready =
			client_await(client, fd, POLLIN, left < 0 ? 0 : left);

		if (ready <= 0)
			return ready;
		if (receive(datagram, fd) < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return -1;
		}
		if (accept_it(datagram, address))
			return 1;
	}
}

static bool
ask_one(struct client *client, struct datagram *datagram,
	const struct addr *address, int patience)
{
	int fd = open_socket(address);
	char text[ADDR_TEXT];
	int answered = -1;

	addr_format(address, text);
	if (fd >= 0)
		answered = converse(client, datagram, fd, text, patience);
	if (answered < 0 && !client->done)
		client_complain("cannot ask %s: %s", text, strerror(errno));
	if (answered == 0)
		client_complain("no answer from %s in %g s", text,
				patience / 1000.0);
	if (fd >= 0)
		close(fd);
	return answered > 0;
}

bool
datagram_ask(struct client *client, struct datagram *datagram)
{
	for (int i = 0; i < datagram->count && !client->done; i++) {
		if (!ask_one(client, datagram, &datagram->addresses[i],
			     client->patience / datagram->count))
			continue;
		if (!datagram->settled) {
			datagram->addresses[0] = datagram->addresses[i];
			datagram->count = 1;
			datagram->settled = true;
		}
		return true;
	}
	return false;
}
