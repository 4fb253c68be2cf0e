/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_socket.h"

#include "tools/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/time.h>
#include <unistd.h>

/*
 * Connections from one source address, at most.  Linux has 28,232 ports for
 * them, of which connect(2) takes one parity first; when that is used up,
 * every further connect searches all of it, for a millisecond.
 */
enum {
	SOURCE_PORTS = 12000
};

static bool
is_loopback(const struct addr *address)
{
	return address->sa.sa_family == AF_INET &&
	       ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* 127.0.0.2 for the second SOURCE_PORTS connections, and so on. */
static int
bind_source(int fd, uint32_t number)
{
	uint32_t host = INADDR_LOOPBACK + number / SOURCE_PORTS;
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(host) };
	int on = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
		       sizeof(on)) < 0)
		return -1;
	return bind(fd, (const struct sockaddr *)&in, sizeof(in));
}

/*
 * A connect to a unix socket has no EINPROGRESS: it waits for room in the
 * queue, at most so long.
 */
static int
limit_wait(int fd)
{
	struct timeval patience = { .tv_sec = BENCH_PATIENCE_MS / 1000 };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			  sizeof(patience));
}

static int
prepare(int fd, const struct addr *address, uint32_t number, int receive)
{
	if (receive > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive,
				      sizeof(receive)) < 0)
		return -1;
	if (address->sa.sa_family == AF_UNIX)
		return limit_wait(fd);
	if (number >= SOURCE_PORTS && is_loopback(address))
		return bind_source(fd, number);
	return 0;
}

static int
open_socket(const struct addr *address, int type, uint32_t number, int receive)
{
	int fd = socket(address->sa.sa_family, type | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0 || prepare(fd, address, number, receive) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
bench_socket(const struct addr *address, uint32_t number, int receive)
{
	int type = SOCK_STREAM;

	if (address->sa.sa_family != AF_UNIX)
		type |= SOCK_NONBLOCK;
	return open_socket(address, type, number, receive);
}

int
bench_datagram_socket(const struct addr *address, uint32_t number)
{
	return open_socket(address, SOCK_DGRAM | SOCK_NONBLOCK, number, 0);
}

void
bench_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}
