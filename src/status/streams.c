/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef HAVE_MICROHTTPD
#include "status/streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK = 4096, /* bytes that the library asks for at a time */
	RETRY = 1000, /* milliseconds until who was cut off comes again */
	FRAME = 64,   /* what an event is beside its data */
};

struct stream_event {
	unsigned holders;
	size_t length;
	char bytes[];
};

struct stream {
	TAILQ_ENTRY(stream) entry;
	struct streams *streams;
	struct MHD_Connection *connection;
	struct guest *guest;
	struct stream_event *event; /* that is being sent, or NULL */
	size_t sent;		    /* of it */
	uint64_t seen;		    /* the number of the last one */
	bool suspended;
};

static void
let_go(struct stream_event *event)
{
	if (event && --event->holders == 0)
		free(event);
}

/* --- one of them --- */

/* Whether there is something to send. */
static bool
take_next(struct stream *stream)
{
	struct streams *streams = stream->streams;

	if (!streams->current || stream->seen == streams->number)
		return false;
	stream->event = streams->current;
	stream->event->holders++;
	stream->seen = streams->number;
	stream->sent = 0;
	guests_step(stream->guest);
	return true;
}

static ssize_t
read_stream(void *context, uint64_t position, char *bytes, size_t most)
{
	struct stream *stream = context;
	size_t length;

	(void)position;
	if (!stream->event && stream->streams->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!stream->event && !take_next(stream)) {
		guests_rest(stream->guest);
		stream->suspended = true;
		MHD_suspend_connection(stream->connection);
		return 0;
	}
	length = stream->event->length - stream->sent;
	if (length > most)
		length = most;
	memcpy(bytes, stream->event->bytes + stream->sent, length);
	stream->sent += length;
	if (stream->sent == stream->event->length) {
		let_go(stream->event);
		stream->event = NULL;
	}
	return (ssize_t)length;
}

static void
free_stream(void *context)
{
	struct stream *stream = context;

	TAILQ_REMOVE(&stream->streams->list, stream, entry);
	stream->streams->count--;
	let_go(stream->event);
	free(stream);
}

struct MHD_Response *
streams_open(struct streams *streams, struct MHD_Connection *connection,
	     struct guest *guest)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct MHD_Response *response;

	if (!stream)
		return NULL;
	stream->streams = streams;
	stream->connection = connection;
	stream->guest = guest;
	response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, free_stream);
	if (!response) {
		free(stream);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&streams->list, stream, entry);
	streams->count++;
	return response;
}

/* --- all of them --- */

static void
wake_all(struct streams *streams)
{
	struct stream *stream;

	TAILQ_FOREACH(stream, &streams->list, entry)
	if (stream->suspended) {
		stream->suspended = false;
		MHD_resume_connection(stream->connection);
	}
}

void
streams_init(struct streams *streams)
{
	TAILQ_INIT(&streams->list);
}

void
streams_publish(struct streams *streams, const char *data, int64_t id)
{
	size_t size = strlen(data) + FRAME;
	struct stream_event *event = malloc(sizeof(*event) + size);

	/* Out of memory: this one is skipped, by all. */
	if (!event)
		return;
	event->holders = 1;
	event->length = (size_t)snprintf(
		event->bytes, size, "retry: %d\nid: %" PRId64 "\ndata: %s\n\n",
		RETRY, id, data);
	let_go(streams->current);
	streams->current = event;
	streams->number++;
	wake_all(streams);
}

void
streams_end(struct streams *streams)
{
	streams->ending = true;
	wake_all(streams);
}

void
streams_close(struct streams *streams)
{
	let_go(streams->current);
	streams->current = NULL;
}
#endif
