/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/timec_stream.h"

#include "base/clock.h"
#include "tools/records.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	RETRY_FIRST_MS = 1000,
	RETRY_MAX_MS = 30000,
};

struct stream {
	struct client *client;
	uint64_t printed; /* lines */
};

static void
print_part(void *context, const char *bytes, size_t length, bool end)
{
	struct stream *stream = context;
	struct client *client = stream->client;
	char text[4 * RECORDS_MAX + 1];
	size_t n;

	if (client->done)
		return;
	n = client_text(client, text, bytes, length);
	if (end)
		text[n++] = '\n';
	client_write(client, text, n);
	if (!end)
		return;
	stream->printed++;
	if (stream->printed == client->limit)
		client_stop(client, 0);
}

/* The connection is over; ERROR: errno, or 0 when the server closed it. */
static void
tell_end(struct client *client, struct records *records, int error)
{
	records_end(records);
	if (client->quiet || client->done)
		return;
	if (error)
		client_complain("connection lost: %s", strerror(error));
	else
		client_complain("the server closed the connection");
}

/*
 * Print what arrives on FD, from ADDRESS, until it ends or the client is to
 * stop.
 */
static void
receive(struct stream *stream, int fd, const struct addr *address)
{
	struct client *client = stream->client;
	struct records records;
	char bytes[RECORDS_MAX], name[ADDR_TEXT];
	bool first = true;

	addr_format(address, name);
	records_open(&records, print_part, stream);
	while (!client->done) {
		int timeout =
			records_waiting(&records) ? RECORDS_SILENCE_MS : -1;
		int ready = client_await(client, fd, POLLIN, timeout);
		ssize_t n;

		if (ready < 0)
			return;
		if (ready == 0) {
			records_silence(&records);
			continue;
		}
		n = read(fd, bytes, sizeof(bytes));
		if (n > 0 && first && client_refused(name, bytes, (size_t)n))
			return;
		first = false;
		if (n > 0) {
			records_bytes(&records, bytes, (size_t)n);
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		tell_end(client, &records, n < 0 ? errno : 0);
		return;
	}
}

int
timec_stream(struct client *client)
{
	struct stream stream = { .client = client };
	struct addr address;
	int delay = RETRY_FIRST_MS;

	for (;;) {
		uint64_t printed = stream.printed;
		int fd = client_connect(client, &address);

		if (fd >= 0) {
			receive(&stream, fd, &address);
			close(fd);
		}
		if (client->done)
			return client->status;
		if (!client->retry)
			return fd < 0 ? EX_UNAVAILABLE : CLIENT_FAILED;
		if (stream.printed > printed)
			delay = RETRY_FIRST_MS;
		if (!client->quiet)
			client_complain("trying again in %d s", delay / 1000);
		if (client_await(client, -1, 0, delay) < 0)
			return client->status;
		delay = delay * 2 < RETRY_MAX_MS ? delay * 2 : RETRY_MAX_MS;
	}
}
