/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes to the keeper: questions in packets, and who is here.
 */
#include "worker/keeping_request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
keeping_lose(struct keeping *keeping)
{
	if (keeping->link.fd < 0)
		return;
	loop_remove(keeping->loop, &keeping->link);
	close(keeping->link.fd);
	keeping->link.fd = -1;
	loop_remove(keeping->loop, &keeping->wake);
	close(keeping->wake.fd);
	keeping->wake.fd = -1;
	keeping->full = false;
}

/* False when the link takes nothing more. */
static bool
push(struct keeping *keeping, const char *bytes, size_t length)
{
	ssize_t n;

	if (keeping->link.fd < 0 || keeping->full)
		return false;
	do
		n = send(keeping->link.fd, bytes, length,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
		keeping->full = true;
		(void)loop_modify(keeping->loop, &keeping->link,
				  EPOLLIN | EPOLLOUT);
	} else {
		keeping_lose(keeping);
	}
	return false;
}

/* ATTACH, PASS or LEAVE. */
static bool
push_session(struct keeping *keeping, enum keeper_type type, uint64_t id,
	     uint64_t key, uint32_t moves)
{
	struct keeper_asked asked = {
		.head = { .type = (uint16_t)type,
			  .token = UINT64_MAX,
			  .session = id,
			  .from = key,
			  .number = moves },
	};
	char bytes[KEEPER_REQUEST_MOST];

	return push(keeping, bytes, keeper_wire_request(&asked, bytes));
}

void
keeping_pass(struct keeping *keeping, uint64_t id)
{
	/* Should it not be told, it is in less of a hurry than it thinks. */
	(void)push_session(keeping, KEEPER_PASS, id, 0, 0);
}

static bool
flush_attached(struct keeping *keeping)
{
	struct keeping_session *session;
	struct keeping_remains *remains;

	while ((session = TAILQ_FIRST(&keeping->detached))) {
		if (!push_session(keeping, KEEPER_ATTACH, session->id,
				  session->key, session->moves))
			return false;
		keeping_list_out(session);
		keeping_list_in(session, true);
	}
	for (remains = TAILQ_FIRST(&keeping->remains); remains;
	     remains = TAILQ_NEXT(remains, entry)) {
		if (!remains->attached &&
		    !push_session(keeping, KEEPER_ATTACH, remains->id,
				  remains->key, remains->moves))
			return false;
		remains->attached = true;
	}
	return true;
}

/* As many as go into one packet. */
static bool
flush_some(struct keeping *keeping)
{
	struct keeping_request *one = TAILQ_FIRST(&keeping->waiting);
	size_t length = 0;
	bool sent;
	int count = 0;

	for (; one && one->length <= KEEPER_PACKET - length;
	     one = TAILQ_NEXT(one, entry)) {
		memcpy(keeping->packet + length, one->bytes, one->length);
		length += one->length;
		count++;
	}
	sent = push(keeping, keeping->packet, length);
	explicit_bzero(keeping->packet, length);
	for (; sent && count > 0; count--)
		keeping_request_enter(keeping, TAILQ_FIRST(&keeping->waiting),
				      KEEPING_ASKED);
	return sent;
}

static bool
flush_requests(struct keeping *keeping)
{
	while (!TAILQ_EMPTY(&keeping->waiting))
		if (!flush_some(keeping))
			return false;
	return true;
}

static void
flush_remains(struct keeping *keeping)
{
	struct keeping_remains *remains, *next;

	for (remains = TAILQ_FIRST(&keeping->remains); remains;
	     remains = next) {
		next = TAILQ_NEXT(remains, entry);
		if (remains->lines > 0)
			continue;
		if (!push_session(keeping, KEEPER_LEAVE, remains->id, 0, 0))
			return;
		TAILQ_REMOVE(&keeping->remains, remains, entry);
		free(remains);
	}
}

void
keeping_send(struct loop_task *task)
{
	struct keeping *keeping =
		(struct keeping *)((char *)task -
				   offsetof(struct keeping, flush));

	if (flush_attached(keeping) && flush_requests(keeping))
		flush_remains(keeping);
}

void
keeping_flush(struct keeping *keeping)
{
	loop_later(keeping->loop, &keeping->flush);
}
