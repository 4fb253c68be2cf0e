/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker's copy of the ring: what a client is sent, in one piece where it
 * can be, each line once, and what it missed.
 */
#include "worker/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct room {
	int writable;
	int readable;
	struct ring ring;
	struct feed feed;
	struct feed_reader reader;
	struct iovec parts[64];
	uint64_t missed;
};

static int
open_room(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	*state = room;
	feed_init(&room->feed);
	if (ring_create(RING_LEAST, &room->writable, &room->readable) < 0 ||
	    ring_open_writer(&room->ring, room->writable) < 0)
		return -1;
	ring_start_at(&room->ring, 0);
	return feed_map(&room->feed, room->readable);
}

static int
close_room(void **state)
{
	struct room *room = *state;

	feed_close(&room->feed);
	ring_close(&room->ring);
	close(room->readable);
	close(room->writable);
	free(room);
	return 0;
}

static void
append(struct room *room, uint64_t session, uint64_t to, const char *text)
{
	struct ring_entry entry = { .kind = RING_MESSAGE,
				    .session = session,
				    .to = to,
				    .length = (uint32_t)strlen(text) };

	ring_append(&room->ring, &entry, text);
	ring_publish(&room->ring);
}

/* Lines "N\n" from FIRST to LAST, padded to LENGTH bytes. */
static void
append_many(struct room *room, int first, int last, int length)
{
	char text[RING_LINE];

	for (int n = first; n <= last; n++) {
		snprintf(text, sizeof(text), "%*d\n", length - 1, n);
		append(room, 1, 0, text);
	}
}

static int
gather(struct room *room, int most)
{
	return feed_gather(&room->feed, &room->reader, room->parts, most,
			   &room->missed);
}

static size_t
bytes_of(const struct room *room, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += room->parts[i].iov_len;
	return bytes;
}

static void
assert_part(const struct room *room, int part, const char *wanted)
{
	assert_int_equal(room->parts[part].iov_len, strlen(wanted));
	assert_memory_equal(room->parts[part].iov_base, wanted, strlen(wanted));
}

static void
all_is_sent(struct room *room, int count)
{
	size_t left;

	assert_null(feed_sent(&room->feed, &room->reader, bytes_of(room, count),
			      &left));
	assert_int_equal(left, 0);
}

static void
lines_that_lie_together_are_one_part(void **state)
{
	struct room *room = *state;

	feed_begin(&room->feed, &room->reader, 0, 5, 7);
	assert_false(feed_pull(&room->feed));
	assert_int_equal(gather(room, 64), 0);
	append(room, 1, 0, "one\n");
	append(room, 2, 0, "two\n");
	append(room, 3, 0, "three\n");
	assert_true(feed_pull(&room->feed));
	assert_false(feed_pull(&room->feed));
	assert_int_equal(gather(room, 64), 1);
	assert_part(room, 0, "one\ntwo\nthree\n");
	assert_int_equal(room->missed, 0);
	assert_true(feed_has_more(&room->feed, &room->reader));
	all_is_sent(room, 1);
	assert_false(feed_has_more(&room->feed, &room->reader));
	assert_int_equal(gather(room, 64), 0);
}

static void
one_is_not_sent_what_is_not_for_him(void **state)
{
	struct room *room = *state;

	append(room, 5, 0, "mine\n");
	append(room, 1, 0, "one\n");
	append(room, 1, 8, "another's\n");
	append(room, 5, 0, "mine\n");
	append(room, 1, 7, "for me\n");
	append(room, 2, 0, "two\n");
	append(room, 5, 0, "mine\n");
	feed_pull(&room->feed);
	feed_begin(&room->feed, &room->reader, 0, 5, 7);
	assert_int_equal(gather(room, 64), 2);
	assert_part(room, 0, "one\n");
	assert_part(room, 1, "for me\ntwo\n");
	all_is_sent(room, 2);
	assert_int_equal(gather(room, 64), 0);
	assert_false(feed_has_more(&room->feed, &room->reader));
	/* Who is nobody sees what is for all. */
	feed_begin(&room->feed, &room->reader, 0, 0, 0);
	assert_int_equal(gather(room, 64), 3);
	assert_part(room, 0, "mine\none\n");
	assert_part(room, 1, "mine\n");
	assert_part(room, 2, "two\nmine\n");
}

static void
a_line_that_went_out_in_part_is_known(void **state)
{
	struct room *room = *state;
	const char *rest;
	size_t left;

	append(room, 1, 0, "one\n");
	append(room, 5, 0, "mine\n");
	append(room, 1, 0, "two\n");
	append(room, 1, 0, "three\n");
	feed_pull(&room->feed);
	feed_begin(&room->feed, &room->reader, 0, 5, 7);
	assert_int_equal(gather(room, 64), 2);
	/* Nothing at all: nothing changes. */
	assert_null(feed_sent(&room->feed, &room->reader, 0, &left));
	assert_int_equal(room->reader.next, 1);
	rest = feed_sent(&room->feed, &room->reader, 5, &left);
	assert_int_equal(left, 3);
	assert_memory_equal(rest, "wo\n", 3);
	assert_int_equal(gather(room, 64), 1);
	assert_part(room, 0, "three\n");
	/* The end of a line is no part of it. */
	feed_begin(&room->feed, &room->reader, 0, 5, 7);
	gather(room, 64);
	assert_null(feed_sent(&room->feed, &room->reader, 4, &left));
	assert_int_equal(gather(room, 64), 1);
	assert_part(room, 0, "two\nthree\n");
}

static void
there_may_be_more_parts_than_there_is_room(void **state)
{
	struct room *room = *state;

	for (int i = 0; i < 10; i++) {
		append(room, 1, 0, "x\n");
		append(room, 5, 0, "mine\n");
	}
	feed_pull(&room->feed);
	feed_begin(&room->feed, &room->reader, 0, 5, 7);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(gather(room, 3), 3);
		all_is_sent(room, 3);
	}
	assert_int_equal(gather(room, 3), 1);
	all_is_sent(room, 1);
	assert_int_equal(gather(room, 3), 0);
}

/* The number that a line of 100 bytes is; nothing behind it may be read. */
static int
number_at(const char *text)
{
	char line[101] = "";

	memcpy(line, text, sizeof(line) - 1);
	return atoi(line);
}

static void
what_is_overwritten_is_counted(void **state)
{
	struct room *room = *state;
	int first;

	feed_begin(&room->feed, &room->reader, 0, 5, 7);
	append_many(room, 1, 1000, 100);
	for (int i = 0; i < 10; i++)
		append(room, 2, 99, "not his\n");
	feed_pull(&room->feed);
	append_many(room, 1001, 2000, 100);
	feed_pull(&room->feed);
	assert_true(gather(room, 64) > 0);
	first = number_at(room->parts[0].iov_base);
	assert_int_equal(room->missed, first - 1);
	assert_true(first > 1000);
	all_is_sent(room, gather(room, 64));
	assert_int_equal(gather(room, 64), 0);
	assert_int_equal(room->missed, 0);
	assert_int_equal(room->reader.lines, 2000);
}

static void
a_worker_that_slept_too_long_goes_on(void **state)
{
	struct room *room = *state;
	int first = 0, count;

	append_many(room, 1, 10, 100);
	feed_pull(&room->feed);
	feed_begin(&room->feed, &room->reader, 10, 5, 7);
	/* The ring is written several times over meanwhile. */
	append_many(room, 11, 3000, 100);
	feed_pull(&room->feed);
	assert_int_equal(room->feed.head, 3000);
	count = gather(room, 64);
	first = number_at(room->parts[0].iov_base);
	assert_int_equal(room->missed, first - 11);
	assert_int_equal(bytes_of(room, count), (3000 - first + 1) * 100);
	/* In order, whatever was there before. */
	for (int part = 0; part < count; part++)
		for (size_t at = 0; at < room->parts[part].iov_len; at += 100) {
			const char *line = room->parts[part].iov_base;

			assert_int_equal(number_at(line + at), first++);
		}
}

static void
a_reader_goes_on_in_another_worker(void **state)
{
	struct room *room = *state;
	struct feed other;
	int count;

	append_many(room, 1, 10, 100);
	feed_pull(&room->feed);
	feed_begin(&room->feed, &room->reader, 0, 5, 7);
	gather(room, 64);
	feed_sent(&room->feed, &room->reader, 300, &(size_t){ 0 });
	append_many(room, 11, 20, 100);
	feed_init(&other);
	assert_int_equal(feed_map(&other, room->readable), 0);
	feed_pull(&other);
	count = feed_gather(&other, &room->reader, room->parts, 64,
			    &room->missed);
	assert_int_equal(room->missed, 0);
	assert_int_equal(bytes_of(room, count), 1700);
	feed_close(&other);
}

static void
who_comes_now_sees_what_comes_next(void **state)
{
	struct room *room = *state;

	append_many(room, 1, 2000, 100);
	feed_pull(&room->feed);
	feed_begin(&room->feed, &room->reader, 2000, 5, 7);
	assert_int_equal(gather(room, 64), 0);
	assert_int_equal(room->missed, 0);
	assert_int_equal(room->reader.lines, 2000);
	append(room, 1, 0, "new\n");
	feed_pull(&room->feed);
	assert_int_equal(gather(room, 64), 1);
	assert_part(room, 0, "new\n");
	assert_int_equal(room->missed, 0);
}

static void
without_a_ring_there_is_nothing(void **state)
{
	struct feed feed;
	struct feed_reader reader;
	uint64_t missed;

	(void)state;
	feed_init(&feed);
	assert_false(feed_pull(&feed));
	feed_begin(&feed, &reader, 0, 1, 1);
	assert_int_equal(feed_gather(&feed, &reader, NULL, 0, &missed), 0);
	assert_int_equal(missed, 0);
	feed_close(&feed);
}

/* Whatever the ring says, nothing outside of the copy is touched. */
static void
a_ring_that_lies_does_no_harm(void **state)
{
	struct room *room = *state;
	static const uint64_t odd[] = {
		0,     1,     2,	  1023,		  1024,
		65535, 65536, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63
	};
	enum {
		ODD = sizeof(odd) / sizeof(*odd)
	};
	struct ring_header *header = room->ring.header;

	append_many(room, 1, 1500, 100);
	for (int i = 0; i < ODD * ODD * ODD; i++) {
		uint64_t n = odd[i % ODD];
		struct ring_entry *entry = &room->ring.entries[n & 1023];

		header->head = odd[i % ODD];
		header->entries_until = odd[i / ODD % ODD];
		header->text_until = odd[i / ODD / ODD];
		entry->number = n;
		entry->at = odd[i / ODD % ODD];
		entry->lines = odd[i / ODD / ODD];
		entry->length = 100;
		feed_pull(&room->feed);
		room->reader.next = odd[i / ODD % ODD];
		if (room->reader.next <= room->feed.head)
			gather(room, 64);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define FEED_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_room, close_room)
		FEED_TEST(lines_that_lie_together_are_one_part),
		FEED_TEST(one_is_not_sent_what_is_not_for_him),
		FEED_TEST(a_line_that_went_out_in_part_is_known),
		FEED_TEST(there_may_be_more_parts_than_there_is_room),
		FEED_TEST(what_is_overwritten_is_counted),
		FEED_TEST(a_worker_that_slept_too_long_goes_on),
		FEED_TEST(a_reader_goes_on_in_another_worker),
		FEED_TEST(who_comes_now_sees_what_comes_next),
		cmocka_unit_test(without_a_ring_there_is_nothing),
		FEED_TEST(a_ring_that_lies_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
