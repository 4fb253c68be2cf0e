/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/guests.h"

#include "base/addr.h"
#include "base/clock.h"
#include "ipc/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BURST = 64 /* taken in at once */
};

/* For a request, from its first byte or the one before; for an answer; for an
 * event of a stream. */
static const uint64_t STEP = 30 * (uint64_t)CLOCK_SECOND;
/* The same while nobody else can come: who only sits there makes room. */
static const uint64_t HURRY = 5 * (uint64_t)CLOCK_SECOND;
static const uint64_t SAY_AGAIN = 60 * (uint64_t)CLOCK_SECOND;

/* --- the listeners --- */

static void
rest(struct guests *guests)
{
	if (guests->resting)
		return;
	guests->resting = true;
	for (int i = 0; i < guests->listener_count; i++)
		loop_remove(guests->loop, &guests->listeners[i].source);
}

static void
rise(struct guests *guests)
{
	bool failed = false;

	if (!guests->resting || guests->count >= guests->limit)
		return;
	guests->resting = false;
	for (int i = 0; i < guests->listener_count; i++)
		if (loop_add(guests->loop, &guests->listeners[i].source,
			     EPOLLIN) < 0)
			failed = true;
	/* All or none; in a second again. */
	if (failed)
		rest(guests);
}

static void
say_failed(struct guests *guests, int error)
{
	uint64_t now = clock_monotonic();

	if (guests->failed_at && now - guests->failed_at < SAY_AGAIN)
		return;
	guests->failed_at = now;
	log_event(EVENT_ACCEPT_FAILED, "reason", "%s", strerror(error));
}

static bool
accept_one(struct guests *guests, int listener)
{
	struct addr address = { .length = sizeof(address.un) };
	int fd = accept4(listener, &address.sa, &address.length,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		guests->came(guests->context, fd, &address.sa, address.length);
		return true;
	}
	if (errno == ECONNABORTED || errno == EINTR)
		return true;
	if (errno != EAGAIN) {
		say_failed(guests, errno);
		rest(guests);
	}
	return false;
}

static void
listener_ready(struct loop_source *source, uint32_t events)
{
	struct guests *guests = ((struct guests_listener *)source)->guests;

	/* The master shut it down: it says soon what is next. */
	if (events & (EPOLLHUP | EPOLLERR)) {
		rest(guests);
		return;
	}
	for (int i = 0; i < BURST && guests->count < guests->limit; i++)
		if (!accept_one(guests, source->fd))
			break;
	if (guests->count >= guests->limit)
		rest(guests);
}

/* --- one of them --- */

struct guest *
guests_add(struct guests *guests, int fd)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return NULL;
	guest->fd = fd;
	guests_step(guest);
	TAILQ_INSERT_TAIL(&guests->list, guest, entry);
	guests->count++;
	return guest;
}

void
guests_remove(struct guests *guests, struct guest *guest)
{
	TAILQ_REMOVE(&guests->list, guest, entry);
	guests->count--;
	free(guest);
	rise(guests);
}

void
guests_step(struct guest *guest)
{
	guest->at_rest = false;
	guest->since = clock_monotonic();
}

void
guests_rest(struct guest *guest)
{
	guest->at_rest = true;
}

void
guests_check(struct guests *guests)
{
	uint64_t step = guests->count < guests->limit ? STEP : HURRY;
	uint64_t now = clock_monotonic();
	struct guest *guest;

	/* The library hears of it as of an end that the other side made. */
	TAILQ_FOREACH(guest, &guests->list, entry)
	if (!guest->at_rest && now > guest->since + step)
		shutdown(guest->fd, SHUT_RDWR);
	rise(guests);
}

/* --- life --- */

int
guests_open(struct guests *guests, struct loop *loop, const int *listeners,
	    int count, unsigned limit)
{
	guests->loop = loop;
	guests->limit = limit;
	TAILQ_INIT(&guests->list);
	for (int i = 0; i < count && i < GUESTS_LISTENERS; i++) {
		struct guests_listener *listener = &guests->listeners[i];

		listener->source.fd = listeners[i];
		listener->source.ready = listener_ready;
		listener->guests = guests;
		if (loop_add(loop, &listener->source, EPOLLIN) < 0)
			return -1;
		guests->listener_count++;
	}
	return 0;
}

void
guests_close(struct guests *guests)
{
	/* Nor when those who are here leave. */
	guests->limit = 0;
	rest(guests);
}
