/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void
keep_unix(struct conn_peer *peer, int fd)
{
	struct ucred who = { 0 };
	socklen_t length = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
		return;
	memcpy(peer->address, &who.pid, sizeof(who.pid));
	memcpy(peer->address + sizeof(who.pid), &who.uid, sizeof(who.uid));
}

void
peer_keep(struct conn_peer *peer, int fd, const struct addr *address)
{
	*peer = (struct conn_peer){ .family = address->sa.sa_family };
	switch (peer->family) {
	case AF_INET:
		peer->port = address->in.sin_port;
		memcpy(peer->address, &address->in.sin_addr, 4);
		break;
	case AF_INET6:
		peer->port = address->in6.sin6_port;
		peer->scope = address->in6.sin6_scope_id;
		memcpy(peer->address, &address->in6.sin6_addr, 16);
		break;
	default:
		peer->family = AF_UNIX;
		keep_unix(peer, fd);
	}
}

static void
format_unix(const struct conn_peer *peer, char text[ADDR_TEXT])
{
	pid_t pid;
	uid_t uid;

	memcpy(&pid, peer->address, sizeof(pid));
	memcpy(&uid, peer->address + sizeof(pid), sizeof(uid));
	snprintf(text, ADDR_TEXT, "unix:pid=%d,uid=%u", pid, uid);
}

void
peer_addr(const struct conn_peer *peer, struct addr *address)
{
	*address = (struct addr){ .length = sizeof(address->sa) };
	address->sa.sa_family = peer->family;
	if (peer->family == AF_INET) {
		address->length = sizeof(address->in);
		address->in.sin_port = peer->port;
		memcpy(&address->in.sin_addr, peer->address, 4);
	} else if (peer->family == AF_INET6) {
		address->length = sizeof(address->in6);
		address->in6.sin6_port = peer->port;
		address->in6.sin6_scope_id = peer->scope;
		memcpy(&address->in6.sin6_addr, peer->address, 16);
	}
}

void
peer_format(const struct conn_peer *peer, char text[ADDR_TEXT])
{
	struct addr address;

	if (peer->family == AF_INET || peer->family == AF_INET6) {
		peer_addr(peer, &address);
		addr_format(&address, text);
	} else {
		format_unix(peer, text);
	}
}
