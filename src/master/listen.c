/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/listen.h"

#include "base/fds.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
	/* A client that vanished without a word is noticed in two minutes. */
	KEEPALIVE_IDLE = 60,
	KEEPALIVE_INTERVAL = 15,
	KEEPALIVE_PROBES = 4,
	/*
	 * A burst of datagrams.  Without privileges the kernel cuts it to
	 * net.core.rmem_max.
	 */
	RECEIVE_BUFFER = 4 << 20,
};

/* Tuning is not worth failing for: a kernel without an option does without. */
static void
set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

/*
 * Answers fit through any path, whatever an ICMP message, forged or not, says
 * of its MTU: nobody has to look that up.  Those of a mirror may be as large as
 * requests, and are sent in fragments as these were.  A socket of one address
 * answers from that; one of all addresses has to know which one was asked, and
 * that costs something with every datagram.
 */
static void
tune_datagrams(int fd, const struct addr *address, bool mirror)
{
	set(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	set(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
	set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set(fd, IPPROTO_IP, IP_MTU_DISCOVER,
	    mirror ? IP_PMTUDISC_OMIT : IP_PMTUDISC_INTERFACE);
	if (address->sa.sa_family == AF_INET6) {
		set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
		    mirror ? IPV6_PMTUDISC_OMIT : IPV6_PMTUDISC_INTERFACE);
		set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO,
		    IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr));
	} else {
		set(fd, IPPROTO_IP, IP_PKTINFO,
		    address->in.sin_addr.s_addr == htonl(INADDR_ANY));
	}
}

void
listen_tune(int fd, const struct addr *address, unsigned transport,
	    const struct service *service)
{
	if (transport == ADDR_UDP) {
		tune_datagrams(fd, address, service->mirror);
		return;
	}
	if (service->send_buffer)
		set(fd, SOL_SOCKET, SO_SNDBUF, service->send_buffer);
	if (service->receive_buffer)
		set(fd, SOL_SOCKET, SO_RCVBUF, service->receive_buffer);
	if (address->sa.sa_family == AF_UNIX)
		return;
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, service->unsent);
}

/* A socket file whose server is gone is in the way and of no use. */
static void
remove_stale(const struct addr *address)
{
	struct stat status;
	int fd;

	if (lstat(address->un.sun_path, &status) < 0 ||
	    !S_ISSOCK(status.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, &address->sa, address->length) < 0 &&
	    errno == ECONNREFUSED)
		unlink(address->un.sun_path);
	close(fd);
}

static int
bind_to(int fd, const struct addr *address, unsigned transport)
{
	mode_t mask;
	int result;

	if (address->sa.sa_family != AF_UNIX) {
		/* For datagrams that would let two share the port. */
		if (transport == ADDR_TCP)
			set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (address->sa.sa_family == AF_INET6)
			set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		return bind(fd, &address->sa, address->length);
	}
	remove_stale(address);
	/* The mode is right from the start: everybody may connect. */
	mask = umask(0111);
	result = bind(fd, &address->sa, address->length);
	umask(mask);
	return result;
}

void
listen_share(int fd, bool share)
{
	set(fd, SOL_SOCKET, SO_REUSEPORT, share);
}

int
listen_open(const struct addr *address, unsigned transport,
	    const struct service *service, bool share)
{
	int type = transport == ADDR_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(address->sa.sa_family,
			type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	listen_tune(fd, address, transport, service);
	if (share)
		listen_share(fd, true);
	if (bind_to(fd, address, transport) == 0 &&
	    (transport == ADDR_UDP || listen(fd, BACKLOG) == 0)) {
		listen_share(fd, false);
		return fd;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

unsigned
listen_transport(int fd)
{
	int type = 0;
	socklen_t length = sizeof(type);

	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
	return type == SOCK_DGRAM    ? ADDR_UDP
	       : type == SOCK_STREAM ? ADDR_TCP
				     : 0;
}

bool
listen_adopt(int fd, const struct service *service)
{
	unsigned transport = listen_transport(fd);
	int listening = 0;
	socklen_t length = sizeof(int);
	struct addr address;

	listen_name(fd, &address);
	if (!(transport & service->transports) ||
	    (transport == ADDR_UDP && address.sa.sa_family == AF_UNIX) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) <
		    0 ||
	    (transport == ADDR_TCP && !listening) || fds_nonblocking(fd) < 0)
		return false;
	listen_tune(fd, &address, transport, service);
	return true;
}

uint64_t
listen_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	(void)getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length);
	return cookie;
}

void
listen_name(int fd, struct addr *address)
{
	memset(address, 0, sizeof(*address));
	address->length = sizeof(address->un);
	(void)getsockname(fd, &address->sa, &address->length);
}
