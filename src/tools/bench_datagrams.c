/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests over UDP: a slot's go out in one system call, and what has come for
 * them is read in one.  The socket is connected, so that nothing from elsewhere
 * comes in, and a port where nobody listens is told of.
 *
 * Since a slot sends the next ones when all are decided, its answers need not
 * tell which request is theirs: all were sent at the same time.
 */
#include "tools/bench_slots.h"

#include "base/clock.h"
#include "tools/bench_socket.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int
open_socket(struct slots *slots, struct slot *slot)
{
	const struct addr *address = &slots->plan->address;
	int error;

	slot->fd = bench_datagram_socket(address, slot->number);
	if (slot->fd >= 0 &&
	    connect(slot->fd, &address->sa, address->length) == 0 &&
	    slots_watch(slots, slot, EPOLLIN) == 0)
		return 0;
	error = errno;
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
	errno = error;
	return -1;
}

static int
send_requests(struct slots *slots, struct slot *slot, uint32_t count)
{
	static unsigned char requests[QUERY_BATCH * ASK_REQUEST];
	static struct iovec parts[QUERY_BATCH];
	static struct mmsghdr messages[QUERY_BATCH];
	const struct ask *ask = slots->plan->ask;
	size_t length = slots->plan->request;

	if (slot->fd < 0 && open_socket(slots, slot) < 0)
		return -1;
	for (uint32_t i = 0; i < count && ask->make; i++) {
		parts[i].iov_base = requests + i * length;
		parts[i].iov_len = length;
		ask->make(parts[i].iov_base, length, slot->cookie + i);
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	return sendmmsg(slot->fd, messages, count, MSG_DONTWAIT);
}

/* Whether BYTES answer a request of SLOT that has no answer yet. */
static bool
belongs(const struct slots *slots, struct slot *slot,
	const unsigned char *bytes, size_t length)
{
	const struct ask *ask = slots->plan->ask;
	uint64_t cookie, bit;

	if (slot->pending == 0)
		return false;
	if (!ask->whose)
		return true;
	if (!ask->whose(bytes, length, &cookie) ||
	    cookie - slot->cookie >= slot->asked)
		return false;
	bit = UINT64_C(1) << (cookie - slot->cookie);
	if (slot->seen & bit)
		return false;
	slot->seen |= bit;
	return true;
}

static void
read_answers(struct slots *slots, struct slot *slot)
{
	static unsigned char answers[QUERY_BATCH * (ASK_REQUEST + 1)];
	static struct iovec parts[QUERY_BATCH];
	static struct mmsghdr messages[QUERY_BATCH];
	size_t room = slots->plan->answer;
	int n;

	for (size_t i = 0; i < QUERY_BATCH; i++) {
		parts[i].iov_base = answers + i * room;
		parts[i].iov_len = room;
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(slot->fd, messages, QUERY_BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR && slot->pending > 0)
		slots_fail(slots, slot, errno);
	for (int i = 0; i < n; i++) {
		size_t length = messages[i].msg_len;

		if (belongs(slots, slot, parts[i].iov_base, length))
			slots_answer(slots, slot, parts[i].iov_base, length);
		else
			slots->result->counts.stray++;
	}
}

static void
serve(struct slots *slots, struct slot *slot, uint32_t events)
{
	(void)events;
	if (slot->fd >= 0)
		read_answers(slots, slot);
}

static void
drop(struct slot *slot)
{
	if (slot->fd >= 0)
		close(slot->fd);
	slot->fd = -1;
}

const struct transport transport_datagrams = {
	.send = send_requests,
	.serve = serve,
	.drop = drop,
};
