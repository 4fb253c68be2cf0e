/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/channel.h"

#include "ipc/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* Packets taken from one worker before the others get their turn. */
enum {
	PACKETS_PER_EVENT = 16
};

struct channel_held {
	STAILQ_ENTRY(channel_held) entry;
	size_t length;
	char bytes[];
};

/* It is, or is about to be, in no list any more. */
static void
release_all(struct channel *channel)
{
	struct channels *channels = channel->channels;
	struct channel_held *held, *next;

	channels->closed(channels->context, channel);
	loop_remove(channels->loop, &channel->source);
	loop_forget(channels->loop, &channel->flush);
	for (held = STAILQ_FIRST(&channel->held); held; held = next) {
		next = STAILQ_NEXT(held, entry);
		free(held);
	}
	close(channel->source.fd);
	close(channel->wake);
	free(channel);
}

static void
drop(struct channel *channel)
{
	TAILQ_REMOVE(&channel->channels->all, channel, entry);
	release_all(channel);
}

/* --- answers --- */

static bool
push(const struct channel *channel, const char *bytes, size_t length)
{
	ssize_t n;

	do
		n = send(channel->source.fd, bytes, length,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* One that is gone is dropped when it is read from. */
	return n >= 0 || (errno != EAGAIN && errno != ENOBUFS);
}

static void
watch(struct channel *channel)
{
	uint32_t events = STAILQ_EMPTY(&channel->held) ? EPOLLIN : EPOLLOUT;

	(void)loop_modify(channel->channels->loop, &channel->source, events);
}

static void
hold(struct channel *channel, const char *bytes, size_t length)
{
	struct channel_held *held = malloc(sizeof(*held) + length);
	bool first = STAILQ_EMPTY(&channel->held);

	if (!held)
		_exit(EX_OSERR);
	held->length = length;
	memcpy(held->bytes, bytes, length);
	STAILQ_INSERT_TAIL(&channel->held, held, entry);
	if (first)
		watch(channel);
}

static void
wake(const struct channel *channel)
{
	static const uint64_t one = 1;

	/* It is full after 2^64 times: then it was woken. */
	(void)!write(channel->wake, &one, sizeof(one));
}

static void
flush(struct channel *channel)
{
	size_t length = channel->length;

	channel->length = 0;
	if (STAILQ_EMPTY(&channel->held) &&
	    push(channel, channel->packet, length))
		return;
	hold(channel, channel->packet, length);
	wake(channel);
}

static void
flush_due(struct loop_task *task)
{
	flush((struct channel *)((char *)task -
				 offsetof(struct channel, flush)));
}

void
channel_answer(struct channel *channel, const struct keeper_told *answer)
{
	if (!channel)
		return;
	if (sizeof(channel->packet) - channel->length < KEEPER_ANSWER_MOST)
		flush(channel);
	channel->length +=
		keeper_wire_answer(answer, channel->packet + channel->length);
	loop_later(channel->channels->loop, &channel->flush);
}

static void
release(struct channel *channel)
{
	struct channel_held *held;

	while ((held = STAILQ_FIRST(&channel->held)) &&
	       push(channel, held->bytes, held->length)) {
		STAILQ_REMOVE_HEAD(&channel->held, entry);
		free(held);
	}
	if (STAILQ_EMPTY(&channel->held))
		watch(channel);
}

/* --- requests --- */

static void
refuse(struct channel *channel)
{
	log_event(EVENT_KEEPER_REFUSED, "worker", "%" PRIu64, channel->worker);
	drop(channel);
}

/* False: it was let go. */
static bool
take_packet(struct channel *channel, const char *bytes, size_t length)
{
	struct channels *channels = channel->channels;
	struct keeper_asked request;

	while (length > 0) {
		size_t n = keeper_wire_asked(bytes, length, &request);

		if (n == 0) {
			refuse(channel);
			return false;
		}
		channels->asked(channels->context, channel, &request);
		bytes += n;
		length -= n;
	}
	return true;
}

static void
take_packets(struct channel *channel)
{
	struct channels *channels = channel->channels;

	/* An answer that has to wait ends it. */
	for (int i = 0; i < PACKETS_PER_EVENT && STAILQ_EMPTY(&channel->held);
	     i++) {
		ssize_t n = recv(channel->source.fd, channels->requests,
				 sizeof(channels->requests),
				 MSG_DONTWAIT | MSG_TRUNC);
		bool here;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			drop(channel);
			return;
		}
		if ((size_t)n > sizeof(channels->requests)) {
			refuse(channel);
			return;
		}
		here = take_packet(channel, channels->requests, (size_t)n);
		/* There may have been a password in it. */
		explicit_bzero(channels->requests, (size_t)n);
		if (!here)
			return;
	}
}

static void
channel_ready(struct loop_source *source, uint32_t events)
{
	struct channel *channel = (struct channel *)source;

	if (events & EPOLLOUT)
		release(channel);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		/* Nobody waits for answers any more. */
		if (events & (EPOLLHUP | EPOLLERR) && !(events & EPOLLIN))
			drop(channel);
		else
			take_packets(channel);
	}
}

/* --- life --- */

void
channels_init(struct channels *channels, struct loop *loop,
	      void (*asked)(void *context, struct channel *channel,
			    const struct keeper_asked *request),
	      void (*closed)(void *context, struct channel *channel),
	      void *context)
{
	channels->loop = loop;
	channels->asked = asked;
	channels->closed = closed;
	channels->context = context;
	TAILQ_INIT(&channels->all);
}

void
channels_add(struct channels *channels, int socket, int wake, uint64_t worker)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		_exit(EX_OSERR);
	*channel = (struct channel){ .source = { channel_ready, socket },
				     .channels = channels,
				     .wake = wake,
				     .worker = worker,
				     .flush = { .run = flush_due } };
	STAILQ_INIT(&channel->held);
	if (loop_add(channels->loop, &channel->source, EPOLLIN) < 0) {
		close(socket);
		close(wake);
		free(channel);
		return;
	}
	TAILQ_INSERT_TAIL(&channels->all, channel, entry);
}

void
channels_wake(struct channels *channels)
{
	struct channel *channel;

	for (channel = TAILQ_FIRST(&channels->all); channel;
	     channel = TAILQ_NEXT(channel, entry)) {
		if (channel->length == 0)
			wake(channel);
	}
}

void
channels_close(struct channels *channels)
{
	struct channel *channel, *next;

	for (channel = TAILQ_FIRST(&channels->all); channel; channel = next) {
		next = TAILQ_NEXT(channel, entry);
		release_all(channel);
	}
	TAILQ_INIT(&channels->all);
}
