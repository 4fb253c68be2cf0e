/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Socket addresses as text and back.  Nothing here asks a name server but
 * addr_resolve(), which is for the tools alone.
 */
#ifndef TIMED_BASE_ADDR_H
#define TIMED_BASE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum addr_transport {
	ADDR_TCP = 1,
	ADDR_UDP = 2,
};

struct addr {
	socklen_t length;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

enum {
	ADDR_TEXT = 128
}; /* room for any address as text */

enum {
	ADDR_LOCAL = 1
}; /* see addr_source() */

/* What one entry of a `listen` setting asks for. */
struct addr_listen {
	unsigned transports; /* ADDR_TCP, ADDR_UDP; 0: not said */
	bool any;	     /* both families are meant: IPv6 may be missing */
	int count;	     /* 1, or 2 for "*" and "localhost" */
	struct addr addr[2]; /* IPv4 first */
};

/*
 * Parse an entry: HOST:PORT, [V6]:PORT, *:PORT, localhost:PORT, unix:/path,
 * each with an optional leading "tcp:" or "udp:".  HOST is numeric: a name
 * server must never be able to hold up a start or a reload.  Port 0 to
 * 65535, decimal.  IPv6 addresses may have a scope ("[fe80::1%eth0]:13").
 *
 * Returns true, or false with one line of text in ERROR (SIZE bytes) that
 * says what is wrong with it.
 */
bool addr_parse_listen(const char *text, struct addr_listen *listen,
		       char *error, size_t size);

/*
 * Write ADDRESS as it would be configured ("127.0.0.1:6013", "[::1]:6013",
 * "unix:/path"); "unix:" for an unnamed one.
 */
void addr_format(const struct addr *address, char text[ADDR_TEXT]);

/* Host byte order; 0 for an address without. */
unsigned addr_port(const struct addr *address);

void addr_set_port(struct addr *address, unsigned port);

/* Same family, address, port and scope. */
bool addr_equal(const struct addr *a, const struct addr *b);

/*
 * Whether a socket that listens on one is in the way of the other: they are
 * equal, or one is every address of the other's family, on the same port.
 */
bool addr_collide(const struct addr *a, const struct addr *b);

/*
 * A number for where an address comes from, as far as limits go: an IPv4
 * address, also one that is mapped into IPv6, or the first 64 bits of an IPv6
 * address.  All others, such as those of the unix domain, have ADDR_LOCAL.
 */
uint64_t addr_source(const struct addr *address);

/*
 * Whether TEXT is what addr_resolve() takes, whatever name servers say of it;
 * false with one line of text in ERROR.
 */
bool addr_check(const char *text, char *error, size_t size);

/*
 * Resolve HOST, HOST:PORT, [V6]:PORT, a bare V6 or unix:/path for a client.
 * Asks name servers, and so may block.  socktype: SOCK_STREAM or SOCK_DGRAM.
 *
 * Returns the number of addresses written (at most MAX), or -1 with one line
 * of text in ERROR.
 */
int addr_resolve(const char *text, unsigned default_port, int socktype,
		 struct addr *addresses, int max, char *error, size_t size);

#endif
