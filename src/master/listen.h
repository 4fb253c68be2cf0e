/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One listening socket: made, tuned, looked at.  Knows no policy.
 */
#ifndef TIMED_MASTER_LISTEN_H
#define TIMED_MASTER_LISTEN_H

#include "base/addr.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	LISTEN_BACKLOG = 4096, /* the kernel cuts it to net.core.somaxconn */
};

/*
 * Let sockets of this user listen on FD's address beside it, or no more:
 * around a reload that replaces it by a wider or a narrower one.
 */
void listen_share(int fd, bool share);

/*
 * Listen on ADDRESS (TRANSPORT: ADDR_TCP, ADDR_UDP) for SERVICE; SHARE: beside
 * one that was told to share; HALTED: nobody can ever come, until halt_lift().
 * A unix socket that nobody listens on any more is replaced, one that is alive
 * is EADDRINUSE; its mode is 0666.  The descriptor, or -1 with errno.
 */
int listen_open(const struct addr *address, unsigned transport,
		const struct service *service, bool share, bool halted);

/*
 * For TCP, set what the accepted sockets inherit: no delay, keepalive, and how
 * much the kernel may queue for one client of SERVICE.  For UDP, have it say
 * when a datagram came, and where it was sent to.
 */
void listen_tune(int fd, const struct addr *address, unsigned transport,
		 const struct service *service);

/*
 * Take over a socket that somebody else opened: non-blocking, tuned, and not
 * halted any more, if a timed that died has left it so.  False when it is none that SERVICE can be served on: a stream socket that listens,
 * or a datagram socket.
 */
bool listen_adopt(int fd, const struct service *service);

/* ADDR_TCP for a stream socket, ADDR_UDP for one of datagrams. */
unsigned listen_transport(int fd);

/* A number that no other socket ever has, in whatever process; or 0. */
uint64_t listen_cookie(int fd);

/* The address that it is bound to. */
void listen_name(int fd, struct addr *address);

#endif
