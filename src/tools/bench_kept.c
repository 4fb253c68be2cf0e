/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests over TCP, one after the other over a connection that stays: what a
 * slot sends comes back, and then it sends the next.  Whatever comes that was
 * not sent just now is wrong, and ends the connection; so does nothing at all.
 */
#include "tools/bench_slots.h"

#include "tools/bench_socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int
begin(struct slots *slots, struct slot *slot)
{
	return slots_connect(slots, slot,
			     EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

/* Who cannot be connected to is tried again, and counted, with a request. */
static void
prepare(struct slots *slots, struct slot *slot)
{
	struct pollfd polled = { .events = POLLOUT };

	if (begin(slots, slot) < 0) {
		slots_drop(slot);
		return;
	}
	polled.fd = slot->fd;
	(void)poll(&polled, 1, BENCH_PATIENCE_MS);
}

/* 0, or -1 with errno. */
static int
send_rest(struct slots *slots, struct slot *slot)
{
	const struct query_plan *plan = slots->plan;
	const unsigned char *end = slot->bytes + plan->answer + plan->request;
	ssize_t n = send(slot->fd, end - slot->left, slot->left,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		slot->left -= (size_t)n;
	return n < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}

static int
send_request(struct slots *slots, struct slot *slot, uint32_t count)
{
	const struct query_plan *plan = slots->plan;

	(void)count;
	if (slot->fd < 0 && begin(slots, slot) < 0)
		return -1;
	plan->ask->make(slot->bytes + plan->answer, plan->request,
			slot->cookie);
	slot->length = 0;
	slot->left = plan->request;
	return send_rest(slots, slot) < 0 ? -1 : 1;
}

/* Enough has come, or too much; of another request it is no answer. */
static void
decide(struct slots *slots, struct slot *slot)
{
	const struct query_plan *plan = slots->plan;
	uint64_t cookie;

	if (!plan->ask->whose(slot->bytes, slot->length, &cookie) ||
	    cookie != slot->cookie || slot->left > 0)
		slot->length = 0;
	if (slot->length != plan->request)
		slots_drop(slot);
	slots_answer(slots, slot, slot->bytes, slot->length);
}

/* It is over; ERROR: errno, or 0 when the server closed it. */
static void
over(struct slots *slots, struct slot *slot, int error)
{
	slots_drop(slot);
	if (slot->pending > 0)
		slots_fail(slots, slot, error ? error : ECONNRESET);
}

static void
receive(struct slots *slots, struct slot *slot)
{
	const struct query_plan *plan = slots->plan;

	for (;;) {
		ssize_t n = recv(slot->fd, slot->bytes + slot->length,
				 plan->answer - slot->length, MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || slot->pending == 0) {
			over(slots, slot, n < 0 ? errno : 0);
			return;
		}
		slot->length += (size_t)n;
		if (slot->length >= plan->request) {
			decide(slots, slot);
			return;
		}
	}
}

static void
serve(struct slots *slots, struct slot *slot, uint32_t events)
{
	if (slot->fd >= 0 && slot->left > 0 && events & EPOLLOUT &&
	    send_rest(slots, slot) < 0) {
		over(slots, slot, errno);
		return;
	}
	if (slot->fd >= 0 && events & ~(uint32_t)EPOLLOUT)
		receive(slots, slot);
}

const struct transport transport_kept = {
	.pieces = true,
	.open = prepare,
	.send = send_request,
	.serve = serve,
	.drop = slots_drop,
};
