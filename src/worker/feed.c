/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/feed.h"

#include <stdlib.h>
#include <string.h>

void
feed_init(struct feed *feed)
{
	*feed = (struct feed){ .tail = 1 };
}

int
feed_map(struct feed *feed, int fd)
{
	if (feed->ring.header)
		return 0;
	if (ring_open_reader(&feed->ring, fd) < 0)
		return -1;
	feed->entries = calloc(feed->ring.entry_count, sizeof(*feed->entries));
	feed->text = malloc(feed->ring.text_size);
	if (feed->entries && feed->text)
		return 0;
	feed_close(feed);
	return -1;
}

void
feed_close(struct feed *feed)
{
	ring_close(&feed->ring);
	free(feed->entries);
	free(feed->text);
	feed_init(feed);
}

static struct ring_entry *
entry_of(const struct feed *feed, uint64_t number)
{
	return &feed->entries[number & (feed->ring.entry_count - 1)];
}

static const char *
text_of(const struct feed *feed, const struct ring_entry *entry)
{
	return feed->text + (entry->at & (feed->ring.text_size - 1));
}

/* --- copying --- */

/* Let go of what lies where ENTRY and its text will be. */
static void
make_room(struct feed *feed, const struct ring_entry *entry)
{
	uint64_t until = entry->at + entry->length;
	uint64_t size = feed->ring.text_size;

	if (entry->number - feed->tail >= feed->ring.entry_count)
		feed->tail = entry->number - feed->ring.entry_count + 1;
	while (feed->tail < entry->number && until > size &&
	       entry_of(feed, feed->tail)->at < until - size)
		feed->tail++;
}

static void
keep(struct feed *feed, const struct ring_entry *entry, const char *text)
{
	make_room(feed, entry);
	memcpy((char *)(size_t)text_of(feed, entry), text, entry->length);
	*entry_of(feed, entry->number) = *entry;
	feed->head = entry->number;
}

bool
feed_pull(struct feed *feed)
{
	uint64_t before = feed->head;
	struct ring_entry entry;
	char text[RING_LINE];
	uint64_t next = feed->head + 1;

	if (!feed->ring.header)
		return false;
	/* Whatever the ring says, this ends. */
	for (uint64_t i = 0; i <= feed->ring.entry_count; i++) {
		switch (ring_read(&feed->ring, next, &entry, text)) {
		case RING_GOT:
			if (next != feed->head + 1)
				feed->tail = next;
			keep(feed, &entry, text);
			next++;
			continue;
		case RING_MISSED:
			/* Nothing that is older lies beside what is newer. */
			next = entry.number;
			continue;
		case RING_NONE:
		case RING_SPOILT:
			break;
		}
		break;
	}
	return feed->head != before;
}

/* --- readers --- */

/* Public lines before entry NUMBER, as far as is known here. */
static uint64_t
lines_before(const struct feed *feed, uint64_t number)
{
	const struct ring_entry *entry;

	if (feed->head == 0)
		return 0;
	if (number > feed->head)
		return entry_of(feed, feed->head)->lines;
	entry = entry_of(feed, number < feed->tail ? feed->tail : number);
	return entry->lines - ring_is_line(entry);
}

void
feed_begin(const struct feed *feed, struct feed_reader *reader, uint64_t cursor,
	   uint64_t session, uint64_t user)
{
	*reader = (struct feed_reader){ .next = cursor + 1,
					.lines = lines_before(feed, cursor + 1),
					.session = session,
					.user = user };
}

static bool
is_for(const struct ring_entry *entry, const struct feed_reader *reader)
{
	if (reader->session && entry->session == reader->session)
		return false;
	return entry->to == 0 || (reader->user && entry->to == reader->user);
}

/* Past what is not here any more; how many lines that were. */
static uint64_t
skip_missed(const struct feed *feed, struct feed_reader *reader)
{
	uint64_t lines, missed;

	if (!feed_is_behind(feed, reader))
		return 0;
	lines = lines_before(feed, feed->tail);
	missed = lines > reader->lines ? lines - reader->lines : 0;
	reader->next = feed->tail;
	reader->lines = lines;
	return missed;
}

static void
pass(struct feed_reader *reader, const struct ring_entry *entry)
{
	reader->next = entry->number + 1;
	reader->lines = entry->lines;
}

/* Whether the text of ENTRY goes on where PART ends; then it is in there. */
static bool
extend(const struct feed *feed, struct iovec *part,
       const struct ring_entry *entry)
{
	if ((char *)part->iov_base + part->iov_len != text_of(feed, entry))
		return false;
	part->iov_len += entry->length;
	return true;
}

int
feed_gather(const struct feed *feed, struct feed_reader *reader,
	    struct iovec *parts, int room, uint64_t *missed)
{
	int count = 0;

	*missed = skip_missed(feed, reader);
	for (uint64_t n = reader->next; n <= feed->head; n++) {
		const struct ring_entry *entry = entry_of(feed, n);

		if (!is_for(entry, reader)) {
			if (count == 0)
				pass(reader, entry);
			continue;
		}
		if (count > 0 && extend(feed, &parts[count - 1], entry))
			continue;
		if (count == room)
			break;
		parts[count++] =
			(struct iovec){ (char *)(size_t)text_of(feed, entry),
					entry->length };
	}
	return count;
}

const char *
feed_sent(const struct feed *feed, struct feed_reader *reader, size_t sent,
	  size_t *length)
{
	*length = 0;
	while (sent > 0 && reader->next <= feed->head) {
		const struct ring_entry *entry = entry_of(feed, reader->next);

		pass(reader, entry);
		if (!is_for(entry, reader))
			continue;
		if (sent < entry->length) {
			*length = entry->length - sent;
			return text_of(feed, entry) + sent;
		}
		sent -= entry->length;
	}
	return NULL;
}
