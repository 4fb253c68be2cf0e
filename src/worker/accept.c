/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/accept.h"

#include "base/clock.h"
#include "base/fds.h"
#include "ipc/command.h"
#include "ipc/events.h"
#include "worker/once.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BATCH = 16,		    /* clients taken in one go */
	TURN = 16,		    /* of those who are answered once */
	ASIDE_FIRST = 2,	    /* of those whom the others left waiting */
	ASIDE_MOST = 256,	    /* of the same, when they go on doing so */
	RESERVE = COMMAND_FDS + 16, /* descriptors that are not for clients */
	HIGHEST = 4095,		    /* descriptor that a new worker has */
	/* Of those who wait when the worker retires, or the listener pauses. */
	LAST_BATCH = 4096,
};

static const uint64_t PATIENCE = 20 * (uint64_t)CLOCK_MILLISECOND;
static const uint64_t REST = (uint64_t)CLOCK_SECOND;
static const uint64_t COMPLAIN = 60 * (uint64_t)CLOCK_SECOND;

enum taken {
	TAKEN_ONE,
	TAKEN_NOTHING, /* nobody is waiting */
	TAKEN_TROUBLE, /* no descriptor or memory for it */
};

static bool
answers_once(const struct accept_source *source)
{
	return source->instance->config->service->once != NULL;
}

/* Whom nobody keeps, nobody need leave to others. */
static uint32_t
events_of(const struct accept_source *source, enum accept_mode mode)
{
	if (mode == ACCEPT_ASIDE && !answers_once(source))
		return EPOLLIN | EPOLLET;
	return EPOLLIN | EPOLLEXCLUSIVE;
}

static bool
watched(enum accept_mode mode)
{
	return mode == ACCEPT_SHARED || mode == ACCEPT_ASIDE;
}

/* One that is paused does not: that is true in all processes at once. */
static bool
listens(const struct accept_source *source)
{
	int listening = 0;
	socklen_t length = sizeof(listening);

	return getsockopt(source->source.fd, SOL_SOCKET, SO_ACCEPTCONN,
			  &listening, &length) == 0 &&
	       listening;
}

static int
watch(struct accept_source *source, enum accept_mode mode)
{
	struct loop *loop = source->acceptor->conns->loop;

	if (source->watched || !listens(source))
		return 0;
	if (loop_add(loop, &source->source, events_of(source, mode)) < 0)
		return -1;
	source->watched = true;
	return 0;
}

static void
leave(struct accept_source *source)
{
	if (!source->watched)
		return;
	loop_remove(source->acceptor->conns->loop, &source->source);
	source->watched = false;
}

/* An exclusive entry cannot be modified: take it out and put it in. */
static int
set_mode(struct acceptor *acceptor, enum accept_mode mode)
{
	int result = 0;

	for (int i = 0; i < acceptor->count; i++) {
		leave(&acceptor->sources[i]);
		if (watched(mode) && watch(&acceptor->sources[i], mode) < 0)
			result = -1;
	}
	acceptor->mode = mode;
	acceptor->aside_batch = ASIDE_FIRST;
	return result;
}

static bool
above_mean(struct acceptor *acceptor)
{
	return peers_above_mean(acceptor->peers, acceptor->conns->count);
}

static void
be_patient(struct acceptor *acceptor, uint64_t nanoseconds)
{
	acceptor->waiting = true;
	timer_after(&acceptor->patience, nanoseconds);
}

/* Leave the listeners for a while; what closes a connection ends it. */
static void
rest(struct acceptor *acceptor, int error)
{
	uint64_t now = clock_monotonic();

	if (!acceptor->complained || now - acceptor->complained >= COMPLAIN) {
		acceptor->complained = now;
		log_event(EVENT_ACCEPT_FAILED, "error", "%s", strerror(error));
	}
	set_mode(acceptor, ACCEPT_RESTING);
	be_patient(acceptor, REST);
}

static bool
out_of_something(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	       error == ENOMEM;
}

/* Those who are served come first: room for whom we get is theirs. */
static bool
is_full(struct acceptor *acceptor)
{
	return acceptor->conns->count + peers_expected(acceptor->peers) >=
	       acceptor->room;
}

/* What a listener has is passed on to its connections by TCP alone. */
static void
bound_buffer(int fd, const struct addr *peer, const struct service *service)
{
	if (peer->sa.sa_family == AF_UNIX && service->send_buffer)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF,
				 &service->send_buffer,
				 sizeof(service->send_buffer));
}

/* Serve FD, which was just accepted. */
static void
serve(struct accept_source *source, int fd, const struct addr *peer)
{
	const struct service *service = source->instance->config->service;

	bound_buffer(fd, peer, service);
	if (service->once)
		once_serve(source->instance, fd, peer);
	else
		conn_open(source->instance, source->listener, fd, peer);
}

static enum taken
take(struct accept_source *source)
{
	struct addr peer = { .length = sizeof(peer.un) };
	int fd;

	if (is_full(source->acceptor)) {
		if (source->acceptor->mode != ACCEPT_CLOSED)
			rest(source->acceptor, EMFILE);
		return TAKEN_TROUBLE;
	}
	fd = accept4(source->source.fd, &peer.sa, &peer.length,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		serve(source, fd, &peer);
		return TAKEN_ONE;
	}
	if (out_of_something(errno)) {
		if (source->acceptor->mode != ACCEPT_CLOSED)
			rest(source->acceptor, errno);
		return TAKEN_TROUBLE;
	}
	/* Those who gave up while they waited are no error of ours. */
	return errno == ECONNABORTED || errno == EPROTO || errno == EPERM
		       ? TAKEN_ONE
		       : TAKEN_NOTHING;
}

/* Go to the end of the queue of those who are woken. */
static void
queue_again(struct accept_source *source)
{
	source->turn = 0;
	leave(source);
	if (watch(source, source->acceptor->mode) < 0)
		rest(source->acceptor, errno);
}

/*
 * One, and then the loop's wait says whether there is another: to ask that of
 * accept4 itself costs more, a socket that is made and thrown away.
 */
static void
once_ready(struct loop_source *loop_source, uint32_t events)
{
	struct accept_source *source = (struct accept_source *)loop_source;

	if ((events & EPOLLHUP) && !listens(source))
		leave(source);
	else if (take(source) == TAKEN_ONE && ++source->turn == TURN)
		queue_again(source);
}

static void
accept_ready(struct loop_source *loop_source, uint32_t events)
{
	struct accept_source *source = (struct accept_source *)loop_source;
	struct acceptor *acceptor = source->acceptor;

	if ((events & EPOLLHUP) && !listens(source)) {
		leave(source);
		return;
	}
	if (acceptor->mode == ACCEPT_ASIDE) {
		if (!above_mean(acceptor))
			set_mode(acceptor, ACCEPT_SHARED);
		else if (!acceptor->waiting)
			be_patient(acceptor, PATIENCE);
		return;
	}
	for (int i = 0; i < BATCH; i++) {
		if (above_mean(acceptor)) {
			set_mode(acceptor, ACCEPT_ASIDE);
			return;
		}
		if (take(source) != TAKEN_ONE)
			return;
	}
}

/* From each listener a few.  Whether there may be more. */
static bool
take_waiting(struct acceptor *acceptor, int most)
{
	bool more = false;

	for (int i = 0; i < acceptor->count; i++) {
		enum taken taken = TAKEN_ONE;

		for (int k = 0; k < most && taken == TAKEN_ONE; k++)
			taken = take(&acceptor->sources[i]);
		if (taken == TAKEN_TROUBLE)
			return false;
		if (taken == TAKEN_ONE)
			more = true;
	}
	return more;
}

/* A few at first: the others may only be slow.  Then twice as many. */
static void
take_left(struct acceptor *acceptor)
{
	if (!take_waiting(acceptor, acceptor->aside_batch))
		return;
	if (acceptor->aside_batch < ASIDE_MOST)
		acceptor->aside_batch *= 2;
	be_patient(acceptor, PATIENCE);
}

/* The others had their time: nobody is left waiting. */
static void
patience_over(struct timer *timer, bool stepped)
{
	struct acceptor *acceptor =
		(struct acceptor *)((char *)timer -
				    offsetof(struct acceptor, patience));

	(void)stepped;
	acceptor->waiting = false;
	if (acceptor->mode == ACCEPT_RESTING ||
	    (acceptor->mode == ACCEPT_ASIDE && !above_mean(acceptor)))
		set_mode(acceptor, ACCEPT_SHARED);
	else if (acceptor->mode == ACCEPT_ASIDE)
		take_left(acceptor);
}

int
accept_open(struct acceptor *acceptor, struct conns *conns, struct peers *peers,
	    const struct accept_listener *listeners, int count,
	    struct instance *instances)
{
	acceptor->conns = conns;
	acceptor->peers = peers;
	acceptor->mode = ACCEPT_CLOSED;
	acceptor->waiting = false;
	acceptor->room = UINT32_MAX;
	acceptor->sources =
		calloc((size_t)count + 1, sizeof(*acceptor->sources));
	if (!acceptor->sources)
		return -1;
	acceptor->count = 0;
	for (int i = 0; i < count; i++) {
		struct accept_source *source =
			&acceptor->sources[acceptor->count];

		if (listeners[i].transport != ADDR_TCP)
			continue;
		acceptor->count++;
		source->source.fd = listeners[i].fd;
		source->acceptor = acceptor;
		source->instance = &instances[listeners[i].service];
		source->source.ready =
			answers_once(source) ? once_ready : accept_ready;
		source->listener = (uint16_t)i;
	}
	if (timer_open(&acceptor->patience, conns->loop, CLOCK_MONOTONIC,
		       patience_over) < 0) {
		free(acceptor->sources);
		return -1;
	}
	return 0;
}

void
accept_close(struct acceptor *acceptor)
{
	timer_close(&acceptor->patience);
	free(acceptor->sources);
	acceptor->sources = NULL;
}

void
accept_limit(struct acceptor *acceptor)
{
	unsigned long left = fds_left(HIGHEST);
	unsigned long kept = left / 8 < RESERVE ? left / 8 : RESERVE;

	acceptor->room =
		left - kept < UINT32_MAX ? (uint32_t)(left - kept) : UINT32_MAX;
}

int
accept_begin(struct acceptor *acceptor)
{
	if (acceptor->mode != ACCEPT_CLOSED)
		return 0;
	return set_mode(acceptor, ACCEPT_SHARED);
}

void
accept_end(struct acceptor *acceptor, bool take_them)
{
	if (acceptor->mode == ACCEPT_CLOSED)
		return;
	set_mode(acceptor, ACCEPT_CLOSED);
	if (take_them)
		take_waiting(acceptor, LAST_BATCH);
	for (int i = 0; i < acceptor->count; i++)
		close(acceptor->sources[i].source.fd);
}

/* What cannot be watched now may be a second later. */
static void
attend(struct acceptor *acceptor, int most)
{
	if (!watched(acceptor->mode))
		return;
	for (int i = 0; i < acceptor->count; i++) {
		if (listens(&acceptor->sources[i]))
			(void)watch(&acceptor->sources[i], acceptor->mode);
		else
			leave(&acceptor->sources[i]);
	}
	take_waiting(acceptor, most);
}

void
accept_look(struct acceptor *acceptor)
{
	attend(acceptor, ASIDE_FIRST);
}

void
accept_changed(struct acceptor *acceptor)
{
	attend(acceptor, LAST_BATCH);
}

void
accept_relieved(struct acceptor *acceptor)
{
	if (acceptor->mode == ACCEPT_RESTING)
		set_mode(acceptor, ACCEPT_SHARED);
}
