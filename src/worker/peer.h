/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The other end of a connection, kept small: it is asked for once, when the
 * connection is made, because afterwards it may be gone.
 */
#ifndef TIMED_WORKER_PEER_H
#define TIMED_WORKER_PEER_H

#include "base/addr.h"

#include <stdint.h>

struct conn_peer {
	uint16_t family;
	uint16_t port; /* network byte order */
	uint32_t scope;
	uint8_t address[16]; /* of a unix socket: pid and uid */
};

/* Keep ADDRESS; for a unix socket, ask FD who connected. */
void peer_keep(struct conn_peer *peer, int fd, const struct addr *address);

/* The address again; one of the unix domain has no more than its family. */
void peer_addr(const struct conn_peer *peer, struct addr *address);

/* "127.0.0.1:40112", "[::1]:40112", "unix:pid=12,uid=0". */
void peer_format(const struct conn_peer *peer, char text[ADDR_TEXT]);

#endif
