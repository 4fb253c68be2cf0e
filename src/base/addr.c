/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HOST_TEXT = 256, /* a DNS name has at most 253 bytes */
	PORT_MAX = 65535,
};

struct host_port {
	char host[HOST_TEXT];
	const char *port; /* NULL: none was given */
	bool bracketed;
	bool bare_v6; /* several colons and no brackets */
};

/* All parsers below return NULL, or a text that says what is wrong. */

static const char *
split(const char *text, struct host_port *parts)
{
	const char *colon = strchr(text, ':');
	const char *end;

	parts->bracketed = text[0] == '[';
	parts->bare_v6 = !parts->bracketed && colon && strchr(colon + 1, ':');
	if (parts->bracketed) {
		end = strchr(++text, ']');
		if (!end)
			return "there is no ']' to the '['";
		if (end[1] != '\0' && end[1] != ':')
			return "after ']' comes ':' and a port";
		parts->port = end[1] ? end + 2 : NULL;
	} else if (parts->bare_v6 || !colon) {
		end = text + strlen(text);
		parts->port = NULL;
	} else {
		end = colon;
		parts->port = colon + 1;
	}
	if (end == text)
		return "there is no host";
	if (end - text >= HOST_TEXT)
		return "the host is too long";
	memcpy(parts->host, text, (size_t)(end - text));
	parts->host[end - text] = '\0';
	return NULL;
}

static bool
parse_number(const char *text, unsigned long max, unsigned long *number)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 10 || text[digits] != '\0')
		return false;
	errno = 0;
	*number = strtoul(text, NULL, 10);
	return errno == 0 && *number <= max;
}

static const char *
parse_port(const char *text, unsigned *port)
{
	unsigned long number;

	if (strlen(text) > 5 || !parse_number(text, PORT_MAX, &number))
		return "a port is a number from 0 to 65535";
	*port = (unsigned)number;
	return NULL;
}

static const char *
parse_v4(const char *host, struct addr *address)
{
	memset(address, 0, sizeof(*address));
	address->length = sizeof(address->in);
	address->in.sin_family = AF_INET;
	if (inet_pton(AF_INET, host, &address->in.sin_addr) != 1)
		return "the host is not a numeric address, '*' or 'localhost'";
	return NULL;
}

/*
 * The kernel forgets a scope that the address does not need, and then the
 * listener would no longer equal its own configuration: so it is refused.
 */
static const char *
parse_scope(const char *scope, struct sockaddr_in6 *in6)
{
	unsigned long number;

	if (!IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) &&
	    !IN6_IS_ADDR_MC_LINKLOCAL(&in6->sin6_addr))
		return "only a link-local address has a scope";
	if (parse_number(scope, UINT32_MAX, &number))
		in6->sin6_scope_id = (uint32_t)number;
	else
		in6->sin6_scope_id = if_nametoindex(scope);
	return in6->sin6_scope_id ? NULL : "there is no such interface";
}

static const char *
parse_v6(const char *host, struct addr *address)
{
	char digits[INET6_ADDRSTRLEN];
	size_t length = strcspn(host, "%");

	memset(address, 0, sizeof(*address));
	address->length = sizeof(address->in6);
	address->in6.sin6_family = AF_INET6;
	if (length >= sizeof(digits))
		return "not an IPv6 address";
	memcpy(digits, host, length);
	digits[length] = '\0';
	if (inet_pton(AF_INET6, digits, &address->in6.sin6_addr) != 1)
		return "not an IPv6 address";
	if (host[length] == '%')
		return parse_scope(host + length + 1, &address->in6);
	return NULL;
}

static const char *
parse_unix(const char *path, struct addr *address)
{
	size_t length = strlen(path);

	if (path[0] != '/')
		return "the path of a unix socket starts with '/'";
	if (length >= sizeof(address->un.sun_path))
		return "the path of a unix socket is too long";
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return "the path has a control character";
	memset(address, 0, sizeof(*address));
	address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				      length + 1);
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path, path, length + 1);
	return NULL;
}

static const char *
parse_host(const struct host_port *parts, struct addr_listen *listen)
{
	bool localhost = strcmp(parts->host, "localhost") == 0;

	listen->count = 1;
	if (parts->bracketed)
		return parse_v6(parts->host, &listen->addr[0]);
	listen->any = localhost || strcmp(parts->host, "*") == 0;
	if (!listen->any)
		return parse_v4(parts->host, &listen->addr[0]);
	listen->count = 2;
	parse_v4(localhost ? "127.0.0.1" : "0.0.0.0", &listen->addr[0]);
	return parse_v6(localhost ? "::1" : "::", &listen->addr[1]);
}

static const char *
parse_listen(const char *text, struct addr_listen *listen)
{
	struct host_port parts;
	const char *wrong;
	unsigned port;

	memset(listen, 0, sizeof(*listen));
	if (strncmp(text, "tcp:", 4) == 0)
		listen->transports = ADDR_TCP;
	else if (strncmp(text, "udp:", 4) == 0)
		listen->transports = ADDR_UDP;
	if (listen->transports)
		text += 4;
	if (strncmp(text, "unix:", 5) == 0) {
		listen->count = 1;
		return parse_unix(text + 5, &listen->addr[0]);
	}
	wrong = split(text, &parts);
	if (wrong)
		return wrong;
	if (parts.bare_v6)
		return "an IPv6 address is written in brackets";
	if (!parts.port)
		return "there is no port";
	wrong = parse_port(parts.port, &port);
	if (!wrong)
		wrong = parse_host(&parts, listen);
	for (int i = 0; !wrong && i < listen->count; i++)
		addr_set_port(&listen->addr[i], port);
	return wrong;
}

bool
addr_parse_listen(const char *text, struct addr_listen *listen, char *error,
		  size_t size)
{
	const char *wrong = parse_listen(text, listen);

	if (wrong)
		snprintf(error, size, "%s", wrong);
	return !wrong;
}

/* The bytes of a unix address's name: the kernel may not terminate them. */
static size_t
name_length(const struct addr *address)
{
	size_t start = offsetof(struct sockaddr_un, sun_path);
	size_t room = address->length > start ? address->length - start : 0;

	if (room > sizeof(address->un.sun_path))
		room = sizeof(address->un.sun_path);
	if (room > 0 && address->un.sun_path[0] == '\0')
		return room; /* abstract: every byte counts */
	return strnlen(address->un.sun_path, room);
}

static void
format_unix(const struct addr *address, char text[ADDR_TEXT])
{
	size_t length = name_length(address);
	char *out = text + strlen(strcpy(text, "unix:"));

	/* A client chooses its own path and must not write lines with it. */
	for (size_t i = 0; i < length; i++) {
		char c = address->un.sun_path[i];

		if (c == '\0' && i == 0)
			c = '@';
		else if ((unsigned char)c < ' ' || c == 0x7f)
			c = '?';
		*out++ = c;
	}
	*out = '\0';
}

static void
format_v6(const struct sockaddr_in6 *in6, char text[ADDR_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "";
	char name[IF_NAMESIZE] = "";
	char scope[IF_NAMESIZE + 1] = "";

	inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
	if (in6->sin6_scope_id && if_indextoname(in6->sin6_scope_id, name))
		snprintf(scope, sizeof(scope), "%%%s", name);
	else if (in6->sin6_scope_id)
		snprintf(scope, sizeof(scope), "%%%u", in6->sin6_scope_id);
	snprintf(text, ADDR_TEXT, "[%s%s]:%u", host, scope,
		 ntohs(in6->sin6_port));
}

void
addr_format(const struct addr *address, char text[ADDR_TEXT])
{
	char host[INET_ADDRSTRLEN] = "";

	switch (address->sa.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof(host));
		snprintf(text, ADDR_TEXT, "%s:%u", host,
			 ntohs(address->in.sin_port));
		break;
	case AF_INET6:
		format_v6(&address->in6, text);
		break;
	case AF_UNIX:
		format_unix(address, text);
		break;
	default:
		snprintf(text, ADDR_TEXT, "family %d", address->sa.sa_family);
	}
}

unsigned
addr_port(const struct addr *address)
{
	switch (address->sa.sa_family) {
	case AF_INET:
		return ntohs(address->in.sin_port);
	case AF_INET6:
		return ntohs(address->in6.sin6_port);
	default:
		return 0;
	}
}

void
addr_set_port(struct addr *address, unsigned port)
{
	if (address->sa.sa_family == AF_INET)
		address->in.sin_port = htons((uint16_t)port);
	else if (address->sa.sa_family == AF_INET6)
		address->in6.sin6_port = htons((uint16_t)port);
}

/*
 * Nobody's IPv6 address is in 0000::/16, but for ::1 and those that stand for
 * IPv4 ones: the other numbers are free to use here.
 */
uint64_t
addr_source(const struct addr *address)
{
	const struct in6_addr *v6 = &address->in6.sin6_addr;
	uint64_t source = 0;
	uint32_t v4;

	if (address->sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(v6)) {
		for (int i = 0; i < 8; i++)
			source = source << 8 | v6->s6_addr[i];
		return source;
	}
	if (address->sa.sa_family == AF_INET)
		v4 = address->in.sin_addr.s_addr;
	else if (address->sa.sa_family == AF_INET6)
		memcpy(&v4, &v6->s6_addr[12], sizeof(v4));
	else
		return ADDR_LOCAL;
	return UINT64_C(2) << 32 | ntohl(v4);
}

/* The bytes of a struct addr that nobody named are not compared. */
bool
addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->sa.sa_family != b->sa.sa_family || addr_port(a) != addr_port(b))
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
	case AF_UNIX:
		return name_length(a) == name_length(b) &&
		       memcmp(a->un.sun_path, b->un.sun_path, name_length(a)) ==
			       0;
	default:
		return false;
	}
}

static int
ask(const char *host, unsigned port, int socktype, struct addr *addresses,
    int max, const char **wrong)
{
	struct addrinfo hints = { .ai_socktype = socktype };
	struct addrinfo *found;
	int n = 0;
	int status = getaddrinfo(host, NULL, &hints, &found);

	/* Loopback by definition (RFC 6761 6.3), whatever /etc/hosts lacks. */
	if (status != 0 && strcmp(host, "localhost") == 0)
		status = getaddrinfo("127.0.0.1", NULL, &hints, &found);
	if (status != 0) {
		*wrong = status == EAI_SYSTEM ? strerror(errno)
					      : gai_strerror(status);
		return -1;
	}
	for (struct addrinfo *each = found; each && n < max;
	     each = each->ai_next) {
		struct addr *address = &addresses[n];

		if (each->ai_family != AF_INET && each->ai_family != AF_INET6)
			continue;
		memset(address, 0, sizeof(*address));
		memcpy(&address->sa, each->ai_addr, each->ai_addrlen);
		address->length = each->ai_addrlen;
		addr_set_port(address, port);
		n++;
	}
	freeaddrinfo(found);
	return n;
}

static bool
is_any(const struct addr *address)
{
	if (address->sa.sa_family == AF_INET)
		return address->in.sin_addr.s_addr == htonl(INADDR_ANY);
	return address->sa.sa_family == AF_INET6 &&
	       IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

bool
addr_collide(const struct addr *a, const struct addr *b)
{
	if (addr_equal(a, b))
		return true;
	return a->sa.sa_family == b->sa.sa_family &&
	       a->sa.sa_family != AF_UNIX && addr_port(a) == addr_port(b) &&
	       (is_any(a) || is_any(b));
}

/* As far as it can be told without asking anybody. */
static const char *
parse_target(const char *text, struct addr *address, struct host_port *parts,
	     unsigned *port)
{
	const char *wrong;

	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text + 5, address);
	address->sa.sa_family = AF_UNSPEC;
	wrong = split(text, parts);
	if (!wrong && parts->port)
		wrong = parse_port(parts->port, port);
	return wrong;
}

bool
addr_check(const char *text, char *error, size_t size)
{
	struct host_port parts;
	struct addr address;
	unsigned port;
	const char *wrong = parse_target(text, &address, &parts, &port);

	if (wrong)
		snprintf(error, size, "%s", wrong);
	return !wrong;
}

int
addr_resolve(const char *text, unsigned default_port, int socktype,
	     struct addr *addresses, int max, char *error, size_t size)
{
	struct host_port parts;
	struct addr address;
	unsigned port = default_port;
	const char *wrong = parse_target(text, &address, &parts, &port);
	int n = max > 0 ? 1 : 0;

	if (!wrong && address.sa.sa_family != AF_UNIX)
		n = ask(parts.host, port, socktype, addresses, max, &wrong);
	else if (!wrong && n > 0)
		addresses[0] = address;
	if (!wrong)
		return n;
	snprintf(error, size, "%s", wrong);
	return -1;
}
