/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the modes of timec share: what was asked for, waits that can be
 * interrupted, the output, and the way to the server.
 *
 * One thread, poll(2) with deadlines.  SIGINT is a descriptor among the
 * others, and so is a reader of the output that goes away: either makes the
 * client done.  A mode looks at `done` after each call, and then returns
 * `status`.
 */
#ifndef TIMED_TOOLS_CLIENT_H
#define TIMED_TOOLS_CLIENT_H

#include "base/addr.h"

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CLIENT_FAILED = 1, /* exit status: asked and refused, or failed */
	CLIENT_ADDRESSES = 16,
	CLIENT_NAME = 256,    /* bytes, at most */
	CLIENT_REFUSAL = 256, /* the same, of what is shown of it */
};

struct client {
	const char *mode; /* its name */
	const char *target;
	unsigned port;	  /* when the target names none */
	uint64_t limit;	  /* lines or answers; 0: no end */
	const char *name; /* for a chat; NULL: somebody is asked */
	int interval;	  /* between two questions, milliseconds */
	int patience;	  /* for a connection or an answer, milliseconds */
	bool json;
	bool quiet;
	bool retry;
	bool udp;
	bool terminal; /* standard output is one */
	int signals;   /* a signalfd */

	bool done; /* stop, with `status` */
	int status;
};

/* One line on standard error, "timec: ..." */
void client_complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* SIGINT becomes a descriptor; a reader that left, an EPIPE. */
bool client_open(struct client *client);

/* Be done, with STATUS; the first one counts. */
void client_stop(struct client *client, int status);

/*
 * After an interrupt, which ended the questions, go on for the sake of what
 * is still to be said.
 */
void client_resume(struct client *client);

/*
 * Wait until FD (-1: none) is ready for EVENTS, at most MILLISECONDS (-1: no
 * end).  1: it is; 0: time is up; -1: the client is done.
 */
int client_await(struct client *client, int fd, short events, int milliseconds);

/* The same for those ASKED for, 1 or 2 as COUNT says; any may be ready. */
int client_await_any(struct client *client, struct pollfd *asked, int count,
		     int milliseconds);

/* Never more than a pipe takes whole, so that a write cannot block. */
void client_write(struct client *client, const char *bytes, size_t length);

/* A short text on standard output. */
void client_print(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Whether BYTES, which came first from ADDRESS, are what timed says to whom it
 * does not let in: a line that begins with "! ".  Then it is said.
 */
bool client_refused(const char *address, const char *bytes, size_t length);

/* OBJECT, whose owner this becomes, on one line; false: it is NULL. */
bool client_json(struct client *client, json_t *object);

/*
 * BYTES with all that is not printable in the locale as \xNN.  TEXT has room
 * for four times LENGTH.  Returns its length.
 */
size_t client_escape(char *text, const char *bytes, size_t length);

/* The same on a terminal, so that it obeys none of them; else as they are. */
size_t client_text(const struct client *client, char *text, const char *bytes,
		   size_t length);

/*
 * The addresses of the target, at most CLIENT_ADDRESSES, for SOCK_STREAM or
 * SOCK_DGRAM; -1, having said why if TOLD.
 */
int client_resolve(const struct client *client, int socktype,
		   struct addr *addresses, bool told);

/*
 * Try each address of the target until one answers, all within the patience.
 * A connected TCP socket that does not block, and its ADDRESS; or -1.
 */
int client_connect(struct client *client, struct addr *address);

#endif
