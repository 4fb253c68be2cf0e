/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests over TCP: a connection for each, which is the request, and whose end
 * is the end of the answer.  It is reset when the server has closed it, which
 * leaves nothing behind in the server or in the kernel.
 */
#include "tools/bench_slots.h"

#include "tools/bench_socket.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int
begin(struct slots *slots, struct slot *slot, uint32_t count)
{
	(void)count;
	slot->length = 0;
	return slots_connect(slots, slot, EPOLLIN | EPOLLRDHUP) < 0 ? -1 : 1;
}

/* The connection is over; ERROR: errno, or 0 when the server closed it. */
static void
over(struct slots *slots, struct slot *slot, int error)
{
	slots_drop(slot);
	if (error != 0)
		slots_fail(slots, slot, error);
	else
		slots_answer(slots, slot, slot->bytes, slot->length);
}

/* More than there is room for is no answer, and its end is not waited for. */
static void
serve(struct slots *slots, struct slot *slot, uint32_t events)
{
	(void)events;
	while (slot->fd >= 0) {
		ssize_t n = recv(slot->fd, slot->bytes + slot->length,
				 ASK_ANSWER - slot->length, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			slot->length += (size_t)n;
		if (n <= 0 || slot->length == ASK_ANSWER)
			over(slots, slot, n < 0 ? errno : 0);
	}
}

const struct transport transport_connects = {
	.pieces = true,
	.send = begin,
	.serve = serve,
	.drop = slots_drop,
};
