/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP, by libmicrohttpd in this process's loop: what is asked for by which
 * path, and with which headers it is answered.  There is nothing that could be
 * written to: only GET and HEAD are answered, and no body is read.
 */
#ifndef TIMED_STATUS_SERVER_H
#define TIMED_STATUS_SERVER_H

#include "base/loop.h"
#include "base/timer.h"
#include "status/figures.h"
#include "status/guests.h"
#include "status/responses.h"
#include "status/streams.h"

#include <microhttpd.h>
#include <stdint.h>

struct server {
	struct loop_source source; /* the library's own epoll */
	struct timer timer;	   /* what it has still to do */
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct figures *figures;
	struct guests guests;
	struct streams streams;
	unsigned stream_limit;
	/* Made at most every so often, for all who ask. */
	struct {
		struct MHD_Response *response;
		uint64_t made_at; /* CLOCK_MONOTONIC, nanoseconds */
	} answers[RESPONSES_KINDS];
};

/*
 * Serve FIGURES on COUNT listeners, to LIMIT connections.  0, or -1 with errno.
 */
int server_open(struct server *server, struct loop *loop,
		struct figures *figures, const int *listeners, int count,
		unsigned limit);

/* There are new figures: tell those who follow. */
void server_tick(struct server *server);

/* Once a second, whatever the clock does. */
void server_check(struct server *server);

/* End all connections; streams in order, so that they come again at once. */
void server_close(struct server *server);

#endif
