/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_uring [-c TOTAL] [-p PROCESSES] PORT
 *
 * As floor_stream, but a tick is sent through io_uring: a system call for a
 * thousand sends, and no completion of those that succeed.  Ends with status 69
 * where there is no io_uring, or was no liburing when it was built.
 */
#include "ticks.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sysexits.h>

#ifdef HAVE_URING

#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BATCH = 1024
};

/* Those that failed are closed; their places are needed until all are sent. */
static int
take_failures(struct ticks *ticks, struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int failed = 0;

	while (io_uring_peek_cqe(ring, &cqe) == 0) {
		int *fd = &ticks->fds[io_uring_cqe_get_data64(cqe)];

		close(*fd);
		*fd = -1;
		failed++;
		io_uring_cqe_seen(ring, cqe);
	}
	return failed;
}

static int
submit(struct ticks *ticks, struct io_uring *ring)
{
	if (io_uring_submit(ring) < 0)
		exit(EX_OSERR);
	return take_failures(ticks, ring);
}

static void
fan(struct ticks *ticks, void *context)
{
	struct io_uring *ring = context;
	int failed = 0;

	for (int i = 0; i < ticks->count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

		io_uring_prep_send(sqe, ticks->fds[i], ticks->line, TICKS_LINE,
				   MSG_DONTWAIT | MSG_NOSIGNAL);
		io_uring_sqe_set_data64(sqe, (uint64_t)i);
		sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
		if (io_uring_sq_space_left(ring) == 0)
			failed += submit(ticks, ring);
	}
	failed += submit(ticks, ring);
	for (int i = ticks->count - 1; failed > 0 && i >= 0; i--)
		if (ticks->fds[i] < 0) {
			ticks_drop(ticks, i);
			failed--;
		}
}

static int
open_ring(struct io_uring *ring)
{
	if (io_uring_queue_init(BATCH, ring, 0) < 0)
		return -1;
	if (ring->features & IORING_FEAT_CQE_SKIP)
		return 0;
	io_uring_queue_exit(ring);
	return -1;
}

static void
serve(const struct floor_share *share)
{
	struct io_uring ring;

	if (open_ring(&ring) < 0)
		exit(EX_UNAVAILABLE);
	ticks_serve(share, fan, &ring);
}

/* Can this be done here?  Each process then opens a ring of its own. */
static int
try(void)
{
	struct io_uring ring;

	if (open_ring(&ring) < 0)
		return -1;
	io_uring_queue_exit(&ring);
	return 0;
}

#else

static int
try(void)
{
	return -1;
}

static void
serve(const struct floor_share *share)
{
	(void)share;
}

#endif

int
main(int argc, char **argv)
{
	static const struct floor kind = { "floor_uring",
					   SOCK_STREAM | SOCK_NONBLOCK, serve };

	if (try() < 0) {
		fputs("floor_uring: there is no io_uring here\n", stderr);
		return EX_UNAVAILABLE;
	}
	return floor_main(&kind, argc, argv);
}
