/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends in batches: the same through a ring and one by one, whatever clients
 * take; and a ring that takes nothing but sends.
 */
#include "base/log.h"
#include "ipc/events.h"
#include "worker/batch.h"
#include "worker/batch_ring.h"
#include "worker/conn.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Whether this system has what batch_open() wants. */
static bool has_ring;

/* --- a kernel that takes so many, and then has no memory --- */

static int takes = -1;

#ifdef HAVE_URING
#include <liburing.h>
#include <sys/syscall.h>

int __real_io_uring_submit_and_wait(struct io_uring *uring, unsigned wait);
int __wrap_io_uring_submit_and_wait(struct io_uring *uring, unsigned wait);

int
__wrap_io_uring_submit_and_wait(struct io_uring *uring, unsigned wait)
{
	unsigned tail = uring->sq.sqe_tail;

	if (takes < 0)
		return __real_io_uring_submit_and_wait(uring, wait);
	uring->sq.sqe_tail = uring->sq.sqe_head + (unsigned)takes;
	__real_io_uring_submit_and_wait(uring, (unsigned)takes);
	uring->sq.sqe_tail = tail;
	return -ENOMEM;
}
#endif

/* --- a batch, and clients --- */

enum {
	CLIENTS = BATCH_SENDS
};

struct bench {
	struct batch batch;
	struct conn conns[CLIENTS];
	int peers[CLIENTS]; /* -1: it was closed */
};

static struct bench *
make(bool ring)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	takes = -1;
	if (ring)
		batch_open(&bench->batch);
	for (int i = 0; i < CLIENTS; i++) {
		int ends[2];

		assert_int_equal(socketpair(AF_UNIX,
					    SOCK_STREAM | SOCK_NONBLOCK, 0,
					    ends),
				 0);
		bench->conns[i].source.fd = ends[0];
		bench->peers[i] = ends[1];
	}
	return bench;
}

static int
with_ring(void **state)
{
	struct bench *bench = make(true);

	assert_int_equal(bench->batch.ring != NULL, has_ring);
	*state = bench;
	return 0;
}

static int
one_by_one(void **state)
{
	*state = make(false);
	return 0;
}

static int
drop(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < CLIENTS; i++) {
		close(bench->conns[i].source.fd);
		if (bench->peers[i] >= 0)
			close(bench->peers[i]);
	}
	batch_close(&bench->batch);
	free(bench);
	return 0;
}

static void
add(struct bench *bench, int client, const char *text)
{
	struct iovec part = { (void *)(uintptr_t)text, strlen(text) };

	batch_add(&bench->batch, &bench->conns[client], &part, 1);
}

static void
has_got(const struct bench *bench, int client, const char *text)
{
	char got[256];
	ssize_t n = read(bench->peers[client], got, sizeof(got));

	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, (size_t)n);
	assert_int_equal(read(bench->peers[client], got, sizeof(got)), -1);
}

/* Until it takes nothing more. */
static void
fill(const struct bench *bench, int client)
{
	static const char bytes[4096];

	while (send(bench->conns[client].source.fd, bytes, sizeof(bytes),
		    MSG_DONTWAIT) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

/* --- what is sent --- */

static void
test_all_get_it(void **state)
{
	struct bench *bench = *state;
	struct batch *batch = &bench->batch;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < CLIENTS; i++) {
			assert_false(batch_full(batch));
			add(bench, i, "10:00:00\n");
		}
		assert_true(batch_full(batch));
		batch_submit(batch);
		for (int i = 0; i < CLIENTS; i++) {
			assert_ptr_equal(batch->sends[i].conn,
					 &bench->conns[i]);
			assert_int_equal(batch->sends[i].result, 9);
			has_got(bench, i, "10:00:00\n");
		}
		batch_clear(batch);
	}
}

static void
test_nothing_is_fine(void **state)
{
	struct bench *bench = *state;

	batch_submit(&bench->batch);
	batch_clear(&bench->batch);
	add(bench, 0, "x");
	batch_submit(&bench->batch);
	has_got(bench, 0, "x");
}

static void
test_parts_follow_each_other(void **state)
{
	struct bench *bench = *state;
	struct iovec parts[BATCH_PARTS] = {
		{ (char[]){ "one " }, 4 },
		{ (char[]){ "two " }, 4 },
		{ (char[]){ "three " }, 6 },
		{ (char[]){ "four" }, 4 },
	};

	batch_add(&bench->batch, &bench->conns[3], parts, BATCH_PARTS);
	batch_add(&bench->batch, &bench->conns[5], parts, 2);
	batch_submit(&bench->batch);
	assert_int_equal(bench->batch.sends[0].result, 18);
	assert_int_equal(bench->batch.sends[1].result, 8);
	has_got(bench, 3, "one two three four");
	has_got(bench, 5, "one two ");
}

static void
test_who_is_full_or_gone_hinders_nobody(void **state)
{
	struct bench *bench = *state;
	const struct batch_send *sends = bench->batch.sends;

	fill(bench, 1);
	close(bench->peers[2]);
	bench->peers[2] = -1;
	for (int i = 0; i < 4; i++)
		add(bench, i, "tick");
	batch_submit(&bench->batch);
	assert_int_equal(sends[0].result, 4);
	assert_int_equal(sends[1].result, -EAGAIN);
	assert_int_equal(sends[2].result, -EPIPE);
	assert_int_equal(sends[3].result, 4);
	has_got(bench, 3, "tick");
}

static void
test_what_was_taken_in_part_is_told(void **state)
{
	struct bench *bench = *state;
	size_t most = 1 << 24;
	char *bytes = calloc(1, most);
	struct iovec part = { bytes, most };

	batch_add(&bench->batch, &bench->conns[0], &part, 1);
	add(bench, 0, "more");
	batch_submit(&bench->batch);
	assert_true(bench->batch.sends[0].result > 0);
	assert_true(bench->batch.sends[0].result < (ssize_t)most);
	assert_int_equal(bench->batch.sends[1].result, -EAGAIN);
	free(bytes);
}

/* --- a ring that fails --- */

static void
test_without_descriptors_it_is_one_by_one(void **state)
{
	struct rlimit limit, none;
	struct bench *bench = *state;

	batch_close(&bench->batch);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	batch_open(&bench->batch);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_null(bench->batch.ring);
	test_all_get_it(state);
}

static void
test_a_ring_that_ends_costs_no_send(void **state)
{
	struct bench *bench = *state;
	int log[2];
	char record[4096];
	ssize_t n;

	if (!has_ring)
		return;
	assert_int_equal(pipe(log), 0);
	log_open(log[1], "worker 0", event_kinds, EVENT_COUNT, LOG_LEVEL_INFO,
		 0);
	takes = 3;
	test_all_get_it(state);
	assert_null(bench->batch.ring);
	n = read(log[0], record, sizeof(record));
	assert_true(n > 0);
	assert_non_null(
		memmem(record, (size_t)n, "Cannot allocate memory", 22));
	log_close();
	close(log[0]);
	close(log[1]);
}

/* --- what a ring is asked for that is no send --- */

#ifdef HAVE_URING
/* What the kernel says to whatever PREPARE asks for. */
static int
answer(struct io_uring *uring, void (*prepare)(struct io_uring_sqe *sqe))
{
	struct io_uring_cqe *cqe;
	int result;

	prepare(io_uring_get_sqe(uring));
	assert_int_equal(__real_io_uring_submit_and_wait(uring, 1), 1);
	assert_int_equal(io_uring_peek_cqe(uring, &cqe), 0);
	result = cqe->res;
	io_uring_cqe_seen(uring, cqe);
	return result;
}

static void
open_file(struct io_uring_sqe *sqe)
{
	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
}

static void
make_socket(struct io_uring_sqe *sqe)
{
	io_uring_prep_rw(45 /* IORING_OP_SOCKET */, sqe, AF_INET, NULL, 0,
			 SOCK_STREAM);
}

static void
connect_out(struct io_uring_sqe *sqe)
{
	static const struct sockaddr nowhere;

	io_uring_prep_connect(sqe, 0, &nowhere, sizeof(nowhere));
}

static void
read_some(struct io_uring_sqe *sqe)
{
	static char room[8];

	io_uring_prep_read(sqe, 0, room, sizeof(room), 0);
}

static void
send_elsewhere(struct io_uring_sqe *sqe)
{
	io_uring_prep_send(sqe, 0, "x", 1, 0);
	sqe->flags |= IOSQE_ASYNC;
}

static void
test_nothing_but_sends(void **state)
{
	struct bench *bench = *state;
	/* It begins with it. */
	struct io_uring *uring = (struct io_uring *)bench->batch.ring;

	if (!has_ring)
		return;
	assert_int_equal(answer(uring, open_file), -EACCES);
	assert_int_equal(answer(uring, make_socket), -EACCES);
	assert_int_equal(answer(uring, connect_out), -EACCES);
	assert_int_equal(answer(uring, read_some), -EACCES);
	assert_int_equal(answer(uring, send_elsewhere), -EACCES);
	assert_int_equal(syscall(SYS_io_uring_register, uring->ring_fd,
				 IORING_REGISTER_FILES, (int[]){ 0 }, 1),
			 -1);
	assert_int_equal(errno, EACCES);
	test_all_get_it(state);
}
#else
static void
test_nothing_but_sends(void **state)
{
	(void)state;
}
#endif

#define BOTH(test)                                                  \
	{ #test " (a ring)", test, with_ring, drop, NULL },         \
	{                                                           \
#test " (one by one)", test, one_by_one, drop, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_all_get_it),
		BOTH(test_nothing_is_fine),
		BOTH(test_parts_follow_each_other),
		BOTH(test_who_is_full_or_gone_hinders_nobody),
		BOTH(test_what_was_taken_in_part_is_told),
		cmocka_unit_test_setup_teardown(
			test_without_descriptors_it_is_one_by_one, with_ring,
			drop),
		cmocka_unit_test_setup_teardown(
			test_a_ring_that_ends_costs_no_send, with_ring, drop),
		cmocka_unit_test_setup_teardown(test_nothing_but_sends,
						with_ring, drop),
	};
	struct batch_ring *ring = batch_ring_open(1);

	has_ring = ring != NULL;
	if (ring)
		batch_ring_close(ring);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
