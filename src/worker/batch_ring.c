/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/batch_ring.h"

#include <errno.h>
#include <stddef.h>

#ifdef HAVE_URING
#include "worker/batch.h"
#include "worker/conn.h"

#include <liburing.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct batch_ring {
	struct io_uring uring;
};

/* liburing's functions for these two are not in its shared library of 2.3. */
static int
configure(const struct io_uring *uring, unsigned what, const void *how,
	  unsigned count)
{
	return (int)syscall(SYS_io_uring_register, uring->ring_fd, what, how,
			    count);
}

/* What is not a send is refused by the kernel from now on.  0, or -1. */
static int
restrict_to_sends(const struct io_uring *uring)
{
	static const struct io_uring_restriction sends[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP,
		  .sqe_op = IORING_OP_SEND },
		{ .opcode = IORING_RESTRICTION_SQE_OP,
		  .sqe_op = IORING_OP_SENDMSG },
	};

	if (configure(uring, IORING_REGISTER_RESTRICTIONS, sends,
		      sizeof(sends) / sizeof(*sends)) < 0)
		return -1;
	return configure(uring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

struct batch_ring *
batch_ring_open(unsigned entries)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
	};
	struct batch_ring *ring = calloc(1, sizeof(*ring));
	int result;

	if (!ring)
		return NULL;
	result = io_uring_queue_init_params(entries, &ring->uring, &params);
	if (result == 0 && restrict_to_sends(&ring->uring) == 0)
		return ring;
	if (result == 0) {
		result = -errno;
		io_uring_queue_exit(&ring->uring);
	}
	free(ring);
	errno = -result;
	return NULL;
}

void
batch_ring_close(struct batch_ring *ring)
{
	io_uring_queue_exit(&ring->uring);
	free(ring);
}

static void
prepare(struct io_uring_sqe *sqe, struct batch_send *send)
{
	const struct iovec *part = send->parts;
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (send->message.msg_iovlen == 1)
		io_uring_prep_send(sqe, send->conn->source.fd, part->iov_base,
				   part->iov_len, flags);
	else
		io_uring_prep_sendmsg(sqe, send->conn->source.fd,
				      &send->message, (unsigned)flags);
	io_uring_sqe_set_data(sqe, send);
}

/* How many ended. */
static int
reap(struct io_uring *uring)
{
	struct io_uring_cqe *cqe;
	unsigned head;
	int count = 0;

	io_uring_for_each_cqe(uring, head, cqe)
	{
		struct batch_send *send = io_uring_cqe_get_data(cqe);

		send->result = cqe->res;
		count++;
	}
	io_uring_cq_advance(uring, (unsigned)count);
	return count;
}

/*
 * As none waits, all have ended when the kernel comes back, if it took all: a
 * want of memory is what keeps it from that.
 */
bool
batch_ring_send(struct batch_ring *ring, struct batch_send *sends, int count)
{
	int ended = 0;

	for (int i = 0; i < count; i++)
		prepare(io_uring_get_sqe(&ring->uring), &sends[i]);
	while (ended < count) {
		int result = io_uring_submit_and_wait(
			&ring->uring, (unsigned)(count - ended));

		ended += reap(&ring->uring);
		if (result < 0 && result != -EINTR) {
			errno = -result;
			return ended == count;
		}
	}
	return true;
}

#else

struct batch_ring *
batch_ring_open(unsigned entries)
{
	(void)entries;
	errno = ENOSYS;
	return NULL;
}

void
batch_ring_close(struct batch_ring *ring)
{
	(void)ring;
}

bool
batch_ring_send(struct batch_ring *ring, struct batch_send *sends, int count)
{
	(void)ring;
	(void)sends;
	(void)count;
	errno = ENOSYS;
	return false;
}
#endif
