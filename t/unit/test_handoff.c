/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handoff socket: what an honest worker sends arrives as it was, and what
 * anybody else sends is refused whole, without a descriptor left behind.
 */
#include "ipc/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct ends {
	int from;
	int to;
	int file; /* one to be passed */
	struct handoff_batch sent;
	struct handoff_batch got;
	char bytes[HANDOFF_BYTES];
};

static int
make_ends(void **state)
{
	struct ends *ends = calloc(1, sizeof(*ends));
	int fds[2];

	assert_int_equal(handoff_pair(fds), 0);
	ends->from = fds[0];
	ends->to = fds[1];
	ends->file = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(ends->file >= 0);
	*state = ends;
	return 0;
}

static int
close_ends(void **state)
{
	struct ends *ends = *state;

	close(ends->from);
	close(ends->to);
	close(ends->file);
	free(ends);
	return 0;
}

/* How many descriptors are open. */
static int
descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void
fill_batch(struct ends *ends, int count)
{
	struct handoff_conn conn = { .owed = 3, .state = 6 };

	handoff_begin(&ends->sent);
	for (int i = 0; i < count; i++)
		assert_true(handoff_add(&ends->sent, ends->file, &conn, "abc",
					"012345"));
}

static void
what_is_sent_arrives_as_it_was(void **state)
{
	struct ends *ends = *state;
	struct handoff_conn conn = {
		.service = 3,
		.flags = 5,
		.ticks = 7,
		.skipped = 11,
		.listener = UINT64_C(1) << 63,
		.serial = 13,
		.opened = 17,
		.blocked_since = 19,
		.bytes_in = 23,
		.bytes_out = 29,
		.mark = -31,
		.peer = "peer",
	};
	const struct handoff_conn *got;
	const char *owed, *kept;
	char text[HANDOFF_OWED];
	struct stat one, other;
	int fd, files[3];

	memset(text, 'x', sizeof(text));
	handoff_begin(&ends->sent);
	for (int i = 0; i < 3; i++) {
		files[i] = memfd_create("a", MFD_CLOEXEC);
		/* Nothing, a little, and as much as there may be. */
		conn.owed = (uint16_t[]){ 0, 5, HANDOFF_OWED }[i];
		conn.state = (uint32_t[]){ 3, 0, HANDOFF_STATE }[i];
		conn.serial = (uint64_t)i;
		assert_true(handoff_add(&ends->sent, files[i], &conn,
					i == 2 ? text : "12345",
					i == 2 ? ends->bytes : "abc"));
	}
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_BATCHED);
	assert_int_equal(ends->got.count, 3);
	for (int i = 0; i < 3; i++) {
		got = handoff_next(&ends->got, &fd, &owed, &kept);
		assert_non_null(got);
		assert_int_equal(got->serial, i);
		assert_int_equal(got->service, 3);
		assert_int_equal(got->flags, 5);
		assert_int_equal(got->ticks, 7);
		assert_int_equal(got->skipped, 11);
		assert_int_equal(got->listener, UINT64_C(1) << 63);
		assert_int_equal(got->opened, 17);
		assert_int_equal(got->blocked_since, 19);
		assert_int_equal(got->bytes_in, 23);
		assert_int_equal(got->bytes_out, 29);
		assert_true(got->mark == -31);
		assert_string_equal((const char *)got->peer, "peer");
		if (i == 1)
			assert_memory_equal(owed, "12345", 5);
		if (i == 0)
			assert_memory_equal(kept, "abc", 3);
		if (i == 2) {
			assert_memory_equal(owed, text, HANDOFF_OWED);
			assert_memory_equal(kept, ends->bytes, HANDOFF_STATE);
		}
		assert_int_equal(fstat(files[i], &one), 0);
		assert_int_equal(fstat(fd, &other), 0);
		assert_int_equal(one.st_ino, other.st_ino);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
		close(files[i]);
	}
	assert_null(handoff_next(&ends->got, &fd, &owed, &kept));
	handoff_rewind(&ends->got);
	assert_int_equal(handoff_next(&ends->got, &fd, &owed, &kept)->serial,
			 0);
}

static void
a_batch_is_full_by_number(void **state)
{
	struct ends *ends = *state;
	struct handoff_conn conn = { .serial = 1 };

	fill_batch(ends, HANDOFF_BATCH);
	assert_false(handoff_add(&ends->sent, ends->file, &conn, NULL, NULL));
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_BATCHED);
	assert_int_equal(ends->got.count, HANDOFF_BATCH);
	handoff_discard(&ends->got);
}

static void
a_batch_is_full_by_bytes(void **state)
{
	struct ends *ends = *state;
	struct handoff_conn conn = { .state = HANDOFF_STATE };
	int count = 0;

	handoff_begin(&ends->sent);
	while (handoff_add(&ends->sent, ends->file, &conn, NULL, ends->bytes))
		count++;
	assert_int_equal(count,
			 (HANDOFF_BYTES - (int)sizeof(struct handoff_header)) /
				 ((int)sizeof(conn) + HANDOFF_STATE));
	/* There is room for a small one still. */
	conn.state = 0;
	assert_true(handoff_add(&ends->sent, ends->file, &conn, NULL, NULL));
	assert_true(ends->sent.length <= HANDOFF_BYTES);
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_BATCHED);
	assert_int_equal(ends->got.count, count + 1);
	handoff_discard(&ends->got);
}

static void
nothing_and_the_end_are_told_apart(void **state)
{
	struct ends *ends = *state;

	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_NOTHING);
	fill_batch(ends, 1);
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_int_equal(shutdown(ends->from, SHUT_RDWR), 0);
	/* What was sent before is there. */
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_BATCHED);
	handoff_discard(&ends->got);
	assert_int_equal(handoff_receive(ends->to, &ends->got), HANDOFF_ENDED);
	assert_int_equal(handoff_send(ends->from, &ends->sent), -1);
	assert_int_equal(errno, EPIPE);
}

/* Two connections, whatever is wrong with them: refused, and nothing stays. */
static void
refused(struct ends *ends, size_t length, int fds)
{
	int files[HANDOFF_BATCH];
	int before = descriptors();

	for (int i = 0; i < fds; i++)
		files[i] = ends->file;
	assert_int_equal(
		passing_send(ends->from, ends->bytes, length, files, fds), 0);
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_UNREADABLE);
	assert_int_equal(descriptors(), before);
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_NOTHING);
}

/* A good datagram of two in ends->bytes, and its length. */
static size_t
good(struct ends *ends)
{
	fill_batch(ends, 2);
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_BATCHED);
	handoff_discard(&ends->got);
	memcpy(ends->bytes, ends->sent.bytes, ends->sent.length);
	return ends->sent.length;
}

static void
a_wrong_header_is_refused(void **state)
{
	struct ends *ends = *state;
	struct handoff_header *header = (void *)ends->bytes;
	size_t length = good(ends);

	header->magic++;
	refused(ends, length, 2);
	good(ends);
	header->version = HANDOFF_VERSION + 1;
	refused(ends, length, 2);
	good(ends);
	header->version = HANDOFF_OLDEST - 1;
	refused(ends, length, 2);
	good(ends);
	for (int count = 0; count < 5; count++) {
		if (count == 2)
			continue;
		header->count = (uint16_t)count;
		refused(ends, length, 2);
		/* Even if so many descriptors are there. */
		refused(ends, length, count);
	}
	header->count = UINT16_MAX;
	refused(ends, length, 2);
	good(ends);
	for (int by = -8; by <= 8; by += 4) {
		if (by == 0)
			continue;
		header->length = (uint32_t)((int)length + by);
		refused(ends, length, 2);
	}
}

static void
a_wrong_connection_is_refused(void **state)
{
	struct ends *ends = *state;
	struct handoff_conn *conn =
		(void *)(ends->bytes + sizeof(struct handoff_header));
	const uint32_t lengths[] = { 0, 1, sizeof(*conn), 65536, UINT32_MAX };
	size_t length = good(ends);

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		conn->length = lengths[i];
		refused(ends, length, 2);
	}
	good(ends);
	conn->owed = HANDOFF_OWED + 1;
	refused(ends, length, 2);
	conn->owed = UINT16_MAX;
	refused(ends, length, 2);
	good(ends);
	conn->state = HANDOFF_STATE + 1;
	refused(ends, length, 2);
	conn->state = UINT32_MAX - conn->owed;
	refused(ends, length, 2);
	/* The last one may not reach out of the datagram. */
	good(ends);
	conn = (void *)((char *)conn + conn->length);
	conn->state += 8;
	conn->length += 8;
	refused(ends, length, 2);
}

static void
a_cut_or_longer_datagram_is_refused(void **state)
{
	struct ends *ends = *state;
	struct handoff_header *header = (void *)ends->bytes;
	size_t length = good(ends);

	for (size_t cut = 1; cut < length; cut++) {
		refused(ends, cut, 2);
		header->length = (uint32_t)cut;
		refused(ends, cut, 2);
		good(ends);
	}
	memset(ends->bytes + length, 0, 8);
	refused(ends, length + 8, 2);
	header->length = (uint32_t)length + 8;
	refused(ends, length + 8, 2);
}

static void
too_many_descriptors_are_refused(void **state)
{
	struct ends *ends = *state;
	size_t length = good(ends);
	int files[PASSING_FDS];
	int before = descriptors();

	refused(ends, length, 0);
	refused(ends, length, 1);
	refused(ends, length, 3);
	for (int i = 0; i < PASSING_FDS; i++)
		files[i] = ends->file;
	for (int count = HANDOFF_BATCH + 1; count <= PASSING_FDS; count += 62) {
		assert_int_equal(passing_send(ends->from, ends->bytes, length,
					      files, count),
				 0);
		assert_int_equal(handoff_receive(ends->to, &ends->got),
				 HANDOFF_UNREADABLE);
		assert_int_equal(descriptors(), before);
	}
}

static void
without_room_none_is_kept(void **state)
{
	struct ends *ends = *state;
	struct rlimit old, few;
	int before = descriptors();

	fill_batch(ends, HANDOFF_BATCH);
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ (rlim_t)ends->file + 50, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(handoff_receive(ends->to, &ends->got),
			 HANDOFF_NO_ROOM);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(descriptors(), before);
}

static void
receipts_are_for_whole_batches_in_order(void **state)
{
	struct ends *ends = *state;
	int count = 0;

	assert_int_equal(handoff_receipt(ends->from, &count), 0);
	assert_true(handoff_acknowledge(ends->to, 128));
	assert_true(handoff_acknowledge(ends->to, 3));
	assert_int_equal(handoff_receipt(ends->from, &count), 1);
	assert_int_equal(count, 128);
	assert_int_equal(handoff_receipt(ends->from, &count), 1);
	assert_int_equal(count, 3);
	assert_int_equal(handoff_receipt(ends->from, &count), 0);
	/* Nonsense is as good as the end. */
	assert_int_equal(send(ends->to, "nonsense", 8, 0), 8);
	assert_int_equal(handoff_receipt(ends->from, &count), -1);
	assert_int_equal(send(ends->to, "", 1, 0), 1);
	assert_int_equal(handoff_receipt(ends->from, &count), -1);
	close(ends->to);
	ends->to = -1;
	assert_int_equal(handoff_receipt(ends->from, &count), -1);
}

static void
a_receipt_that_comes_too_late_is_known_to_be(void **state)
{
	struct ends *ends = *state;
	int count = 0;

	fill_batch(ends, 2);
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_int_equal(handoff_send(ends->from, &ends->sent), 0);
	assert_true(handoff_acknowledge(ends->to, 2));
	/* Now the old worker wants them back. */
	assert_int_equal(shutdown(ends->from, SHUT_RDWR), 0);
	assert_false(handoff_acknowledge(ends->to, 2));
	assert_int_equal(handoff_receipt(ends->from, &count), 1);
	assert_int_equal(handoff_receipt(ends->from, &count), -1);
	close(ends->from);
	ends->from = -1;
	assert_false(handoff_acknowledge(ends->to, 2));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_ends, close_ends)
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent_arrives_as_it_was),
		TEST(a_batch_is_full_by_number),
		TEST(a_batch_is_full_by_bytes),
		TEST(nothing_and_the_end_are_told_apart),
		TEST(a_wrong_header_is_refused),
		TEST(a_wrong_connection_is_refused),
		TEST(a_cut_or_longer_datagram_is_refused),
		TEST(too_many_descriptors_are_refused),
		TEST(without_room_none_is_kept),
		TEST(receipts_are_for_whole_batches_in_order),
		TEST(a_receipt_that_comes_too_late_is_known_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
