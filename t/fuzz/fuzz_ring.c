/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chat ring, whoever wrote it: a reader gets lines that lie within it, or
 * none, and comes to an end; a worker's copy of it, too; and a keeper goes on
 * with it or refuses it.
 */
#include "ipc/ring.h"
#include "patches.h"
#include "worker/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	LINES = 1500, /* more than there is room for */
	STEPS = 4096,
};

static void
fill(int fd)
{
	struct ring ring;

	if (ring_open_writer(&ring, fd) < 0)
		abort();
	ring_start_at(&ring, 0);
	for (int i = 1; i <= LINES; i++) {
		char text[64];
		struct ring_entry entry = { .seq = (uint64_t)i,
					    .session = (uint64_t)(i % 7),
					    .to = i % 5 == 0,
					    .kind = RING_MESSAGE };

		entry.length =
			(uint32_t)snprintf(text, sizeof(text), "line %060d", i);
		entry.length = sizeof(text);
		ring_append(&ring, &entry, text);
	}
	ring_publish(&ring);
	ring_close(&ring);
}

static void
read_all(const struct ring *ring, uint64_t from)
{
	static char text[RING_LINE];
	struct ring_entry entry;

	for (int i = 0; i < STEPS; i++) {
		switch (ring_read(ring, from, &entry, text)) {
		case RING_GOT:
			if (entry.length == 0 || entry.length > sizeof(text))
				abort();
			from++;
			break;
		case RING_MISSED:
			/* Always on. */
			if (entry.number <= from)
				abort();
			from = entry.number;
			break;
		default:
			return;
		}
	}
}

static void
gather(int fd)
{
	struct feed_reader reader;
	struct iovec parts[16];
	struct feed feed;
	uint64_t missed;
	size_t length;

	feed_init(&feed);
	if (feed_map(&feed, fd) < 0)
		return;
	(void)feed_pull(&feed);
	feed_begin(&feed, &reader, feed.tail ? feed.tail - 1 : 0, 1, 1);
	for (int i = 0; i < STEPS && feed_has_more(&feed, &reader); i++) {
		int n = feed_gather(&feed, &reader, parts, 16, &missed);
		size_t all = 0;

		for (int k = 0; k < n; k++)
			all += parts[k].iov_len;
		(void)feed_sent(&feed, &reader, all, &length);
	}
	feed_close(&feed);
}

static void
write_on(int fd)
{
	struct ring_entry entry = { .length = 5, .kind = RING_MESSAGE };
	struct ring ring;

	if (ring_open_writer(&ring, fd) < 0)
		return;
	for (int i = 0; i < 3; i++)
		ring_append(&ring, &entry, "line\n");
	ring_publish(&ring);
	ring_close(&ring);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int writable, readable;
	struct ring ring;

	if (ring_create(RING_LEAST, &writable, &readable) < 0)
		abort();
	fill(writable);
	if (ring_open_writer(&ring, writable) < 0)
		abort();
	patches_apply(ring.header, ring.mapped, data, size);
	ring_close(&ring);
	if (ring_open_reader(&ring, readable) == 0) {
		read_all(&ring, 1);
		read_all(&ring, ring_head(&ring));
		ring_close(&ring);
	}
	gather(readable);
	write_on(writable);
	close(writable);
	close(readable);
	return 0;
}
