/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chat ring: what one process writes another reads, whole and in order, or
 * learns that it is gone; what makes no sense is refused.
 */
#include "ipc/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct ends {
	int writable;
	int readable;
	struct ring writer;
	struct ring reader;
	struct ring_entry entry;
	char text[RING_LINE];
};

static int
open_ends(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));

	*state = ends;
	if (ring_create(RING_LEAST, &ends->writable, &ends->readable) < 0 ||
	    ring_open_writer(&ends->writer, ends->writable) < 0 ||
	    ring_open_reader(&ends->reader, ends->readable) < 0)
		return -1;
	ring_start_at(&ends->writer, 100);
	return 0;
}

static int
close_ends(void **state)
{
	struct ends *ends = *state;

	ring_close(&ends->reader);
	ring_close(&ends->writer);
	close(ends->readable);
	close(ends->writable);
	free(ends);
	return 0;
}

/* Entry N has a text that nobody else has, of a length that N gives. */
static uint32_t
fill(uint64_t n, char text[RING_LINE])
{
	uint32_t length = 24 + (uint32_t)(n * 37 % (RING_LINE - 24));

	memset(text, 'a' + (int)(n % 26), length);
	snprintf(text, 24, "%llu", (unsigned long long)n);
	text[length - 1] = '\n';
	return length;
}

static void
append(struct ring *ring, uint64_t n)
{
	char text[RING_LINE];
	struct ring_entry entry = { .seq = 100 + n,
				    .kind = RING_MESSAGE,
				    .length = fill(n, text) };

	ring_append(ring, &entry, text);
}

static void
assert_is(const struct ring_entry *entry, const char *text, uint64_t n)
{
	char wanted[RING_LINE];

	assert_int_equal(entry->number, n);
	assert_int_equal(entry->length, fill(n, wanted));
	assert_memory_equal(text, wanted, entry->length);
}

static void
what_is_published_is_read(void **state)
{
	struct ends *ends = *state;

	append(&ends->writer, 1);
	append(&ends->writer, 2);
	assert_int_equal(ring_head(&ends->reader), 0);
	assert_int_equal(ring_read(&ends->reader, 1, &ends->entry, ends->text),
			 RING_NONE);
	ring_publish(&ends->writer);
	assert_int_equal(ring_head(&ends->reader), 2);
	for (uint64_t n = 1; n <= 2; n++) {
		assert_int_equal(
			ring_read(&ends->reader, n, &ends->entry, ends->text),
			RING_GOT);
		assert_is(&ends->entry, ends->text, n);
	}
	assert_int_equal(ends->entry.lines, 2);
	assert_int_equal(ring_read(&ends->reader, 3, &ends->entry, ends->text),
			 RING_NONE);
}

static void
notices_and_private_ones_are_no_public_lines(void **state)
{
	struct ends *ends = *state;
	struct ring_entry entry = { .kind = RING_JOINED, .length = 1 };

	ring_append(&ends->writer, &entry, "x");
	assert_int_equal(entry.lines, 0);
	entry = (struct ring_entry){ .kind = RING_MESSAGE,
				     .to = 3,
				     .length = 1 };
	ring_append(&ends->writer, &entry, "x");
	assert_int_equal(entry.lines, 0);
	entry.to = 0;
	ring_append(&ends->writer, &entry, "x");
	assert_int_equal(entry.lines, 1);
}

static void
no_text_is_cut_at_the_end_of_the_ring(void **state)
{
	struct ends *ends = *state;

	for (uint64_t n = 1; n <= 5000; n++) {
		append(&ends->writer, n);
		ring_publish(&ends->writer);
		assert_int_equal(
			ring_read(&ends->reader, n, &ends->entry, ends->text),
			RING_GOT);
		assert_is(&ends->entry, ends->text, n);
	}
}

/* From 1, as a reader does that was away; what it got first. */
static uint64_t
first_that_is_left(struct ends *ends)
{
	uint64_t n = 1;

	while (ring_read(&ends->reader, n, &ends->entry, ends->text) ==
	       RING_MISSED) {
		assert_true(ends->entry.number > n);
		n = ends->entry.number;
	}
	return n;
}

static void
what_is_overwritten_is_missed(void **state)
{
	struct ends *ends = *state;
	uint64_t first, bytes = 0;

	for (uint64_t n = 1; n <= 1000; n++)
		append(&ends->writer, n);
	ring_publish(&ends->writer);
	first = first_that_is_left(ends);
	assert_in_range(first, 2, 1000);
	for (uint64_t n = first; n <= 1000; n++) {
		assert_int_equal(
			ring_read(&ends->reader, n, &ends->entry, ends->text),
			RING_GOT);
		assert_is(&ends->entry, ends->text, n);
		bytes += ends->entry.length;
	}
	/* Nothing is given up before its place is needed. */
	assert_in_range(bytes, RING_LEAST - 3 * RING_LINE, RING_LEAST);
}

static void
many_short_lines_are_bounded_by_their_number(void **state)
{
	struct ends *ends = *state;
	uint64_t count = ends->writer.entry_count;

	for (uint64_t n = 1; n <= 3 * count; n++) {
		struct ring_entry entry = { .kind = RING_MESSAGE, .length = 1 };

		ring_append(&ends->writer, &entry, "\n");
	}
	ring_publish(&ends->writer);
	assert_int_equal(first_that_is_left(ends), 2 * count + 1);
}

/* A writer that was killed at any moment: the next one goes on. */
static void
another_writer_goes_on(void **state)
{
	struct ends *ends = *state;
	struct ring second;

	for (uint64_t n = 1; n <= 1000; n++)
		append(&ends->writer, n);
	ring_publish(&ends->writer);
	/* Appended, and never published: over what was there before. */
	for (uint64_t n = 1001; n <= 1010; n++)
		append(&ends->writer, n + 77);
	assert_int_equal(ring_open_writer(&second, ends->writable), 0);
	assert_false(ring_is_new(&second));
	assert_int_equal(ring_seq(&second), 1100);
	append(&second, 1001);
	ring_publish(&second);
	/* What the first one spoilt is still known to be. */
	for (uint64_t n = 1; n <= 1000; n++)
		if (ring_read(&ends->reader, n, &ends->entry, ends->text) ==
		    RING_GOT)
			assert_is(&ends->entry, ends->text, n);
	assert_int_equal(
		ring_read(&ends->reader, 1001, &ends->entry, ends->text),
		RING_GOT);
	assert_is(&ends->entry, ends->text, 1001);
	ring_close(&second);
}

static void
a_new_ring_is_known_as_one(void **state)
{
	struct ring ring;
	int writable, readable;

	(void)state;
	assert_int_equal(ring_create(RING_LEAST, &writable, &readable), 0);
	assert_int_equal(ring_open_writer(&ring, writable), 0);
	assert_true(ring_is_new(&ring));
	ring_start_at(&ring, 7);
	assert_false(ring_is_new(&ring));
	ring_close(&ring);
	assert_int_equal(ring_open_writer(&ring, writable), 0);
	assert_false(ring_is_new(&ring));
	assert_int_equal(ring_seq(&ring), 7);
	ring_close(&ring);
	close(writable);
	close(readable);
}

static void
sizes_that_are_none_are_refused(void **state)
{
	int writable, readable;

	(void)state;
	assert_int_equal(ring_create(RING_LEAST + 1, &writable, &readable), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ring_create(RING_LEAST / 2, &writable, &readable), -1);
	assert_int_equal(
		ring_create((uint64_t)RING_MOST * 2, &writable, &readable), -1);
}

static void
a_reader_cannot_write(void **state)
{
	struct ends *ends = *state;

	assert_int_equal(fcntl(ends->readable, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			      ends->readable, 0),
			 MAP_FAILED);
	/* And nobody takes away from under us what is mapped. */
	assert_int_equal(ftruncate(ends->writable, 0), -1);
}

static void
what_is_no_ring_is_refused(void **state)
{
	struct ends *ends = *state;
	struct ring_header *header = ends->writer.header;
	struct ring ring;
	int other = memfd_create("none", MFD_CLOEXEC);

	assert_int_equal(ring_open_reader(&ring, other), -1);
	assert_int_equal(errno, EPROTO);
	close(other);
	header->version++;
	assert_int_equal(ring_open_reader(&ring, ends->readable), -1);
	assert_int_equal(errno, EPROTO);
	header->version--;
	header->text_size *= 2;
	assert_int_equal(ring_open_reader(&ring, ends->readable), -1);
	header->text_size = UINT64_MAX;
	assert_int_equal(ring_open_reader(&ring, ends->readable), -1);
	header->text_size = RING_LEAST;
	header->entry_count = 1;
	assert_int_equal(ring_open_reader(&ring, ends->readable), -1);
	header->entry_count = RING_LEAST / RING_BYTES_PER_ENTRY;
	/* A head that no entry is at. */
	header->head = 17;
	assert_int_equal(ring_open_writer(&ring, ends->writable), -1);
	assert_int_equal(errno, EPROTO);
}

static void
a_reader_believes_nothing(void **state)
{
	struct ends *ends = *state;
	static const uint64_t odd[] = { 0,
					1,
					2,
					1023,
					1024,
					1025,
					65535,
					65536,
					UINT64_MAX,
					UINT64_MAX - 1,
					UINT64_MAX / 2,
					UINT64_C(1) << 63 };
	enum {
		ODD = sizeof(odd) / sizeof(*odd)
	};
	struct ring_header *header = ends->writer.header;

	append(&ends->writer, 1);
	ring_publish(&ends->writer);
	for (int i = 0; i < ODD * ODD * ODD; i++) {
		header->head = odd[i % ODD];
		header->entries_until = odd[i / ODD % ODD];
		header->text_until = odd[i / ODD / ODD];
		for (int k = 0; k < ODD; k++) {
			struct ring_entry *entry =
				&ends->writer.entries[odd[k] & 1023];

			entry->length = (uint32_t)odd[i / ODD % ODD];
			entry->at = odd[i % ODD];
			(void)ring_read(&ends->reader, odd[k], &ends->entry,
					ends->text);
		}
	}
}

/* In a child: write for ever, published in handfuls. */
static void
write_for_ever(int fd, int go)
{
	struct ring ring;
	char byte;

	if (ring_open_writer(&ring, fd) < 0 || read(go, &byte, 1) != 1)
		_exit(1);
	for (uint64_t n = ring.head + 1;; n++) {
		append(&ring, n);
		if (n % 7 == 0)
			ring_publish(&ring);
	}
}

static void
a_reader_beside_a_writer_that_is_killed_sees_no_garbage(void **state)
{
	struct ends *ends = *state;
	uint64_t next = 1, got = 0;

	for (int round = 0; round < 20; round++) {
		uint64_t wanted = got + 2000;
		int go[2];
		pid_t pid;

		assert_int_equal(pipe(go), 0);
		pid = fork();
		if (pid == 0)
			write_for_ever(ends->writable, go[0]);
		assert_int_equal(write(go[1], "x", 1), 1);
		while (got < wanted) {
			switch (ring_read(&ends->reader, next, &ends->entry,
					  ends->text)) {
			case RING_GOT:
				assert_is(&ends->entry, ends->text, next);
				got++;
				next++;
				break;
			case RING_MISSED:
				assert_true(ends->entry.number > next);
				next = ends->entry.number;
				break;
			case RING_NONE:
				break;
			case RING_SPOILT:
				fail();
			}
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		close(go[0]);
		close(go[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define RING_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_ends, close_ends)
		RING_TEST(what_is_published_is_read),
		RING_TEST(notices_and_private_ones_are_no_public_lines),
		RING_TEST(no_text_is_cut_at_the_end_of_the_ring),
		RING_TEST(what_is_overwritten_is_missed),
		RING_TEST(many_short_lines_are_bounded_by_their_number),
		RING_TEST(another_writer_goes_on),
		cmocka_unit_test(a_new_ring_is_known_as_one),
		cmocka_unit_test(sizes_that_are_none_are_refused),
		RING_TEST(a_reader_cannot_write),
		RING_TEST(what_is_no_ring_is_refused),
		RING_TEST(a_reader_believes_nothing),
		RING_TEST(
			a_reader_beside_a_writer_that_is_killed_sees_no_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
