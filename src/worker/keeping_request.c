/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/keeping_request.h"

#include <stdlib.h>
#include <string.h>

/* Places that are left for what other workers pass on. */
enum {
	RESERVE = KEEPER_REQUESTS / 4
};

static struct keeping_queue *
queue_of(struct keeping *keeping, enum keeping_state state)
{
	return state == KEEPING_ASKED ? &keeping->asked : &keeping->waiting;
}

int
keeping_request_open(struct keeping *keeping)
{
	TAILQ_INIT(&keeping->asked);
	TAILQ_INIT(&keeping->waiting);
	TAILQ_INIT(&keeping->unused);
	keeping->pool = calloc(KEEPER_REQUESTS, sizeof(*keeping->pool));
	if (!keeping->pool)
		return -1;
	for (int i = 0; i < KEEPER_REQUESTS; i++)
		TAILQ_INSERT_TAIL(&keeping->unused, &keeping->pool[i], entry);
	keeping->unused_count = KEEPER_REQUESTS;
	return 0;
}

void
keeping_request_close(struct keeping *keeping)
{
	/* There may be passwords in it. */
	if (keeping->pool)
		explicit_bzero(keeping->pool,
			       KEEPER_REQUESTS * sizeof(*keeping->pool));
	free(keeping->pool);
	keeping->pool = NULL;
}

/* A token that leads to its place, and is no other's for a long time. */
static uint64_t
new_token(struct keeping *keeping, const struct keeping_request *one)
{
	return ++keeping->round * KEEPER_REQUESTS +
	       (uint64_t)(one - keeping->pool);
}

struct keeping_request *
keeping_request_new(struct keeping_session *session,
		    const struct keeper_asked *asked, bool restored)
{
	struct keeping *keeping = session->keeping;
	struct keeping_request *one = TAILQ_FIRST(&keeping->unused);
	struct keeper_asked whole = *asked;
	size_t length;

	if (!one || (!restored && keeping->unused_count <= RESERVE))
		return NULL;
	whole.head.token = new_token(keeping, one);
	length = keeper_wire_request(&whole, one->bytes);
	/* Saved with its length before it. */
	if (length == 0 ||
	    session->bytes + length + sizeof(one->length) > KEEPING_BYTES)
		return NULL;
	TAILQ_REMOVE(&keeping->unused, one, entry);
	keeping->unused_count--;
	one->session = session;
	one->remains = NULL;
	one->token = whole.head.token;
	one->length = (uint32_t)length;
	session->bytes += (uint32_t)(length + sizeof(one->length));
	TAILQ_INSERT_TAIL(&session->requests, one, mine);
	one->state = KEEPING_WAITING;
	TAILQ_INSERT_TAIL(&keeping->waiting, one, entry);
	return one;
}

struct keeper_request
keeping_request_head(const struct keeping_request *one)
{
	struct keeper_request head;

	memcpy(&head, one->bytes, sizeof(head));
	return head;
}

static void
unlink_from(struct keeping *keeping, struct keeping_request *one)
{
	if (one->state != KEEPING_HELD)
		TAILQ_REMOVE(queue_of(keeping, one->state), one, entry);
}

void
keeping_request_enter(struct keeping *keeping, struct keeping_request *one,
		      enum keeping_state state)
{
	unlink_from(keeping, one);
	one->state = state;
	if (state != KEEPING_HELD)
		TAILQ_INSERT_TAIL(queue_of(keeping, state), one, entry);
}

void
keeping_request_leave(struct keeping_request *one)
{
	struct keeping_session *session = one->session;

	if (!session)
		return;
	TAILQ_REMOVE(&session->requests, one, mine);
	session->bytes -= one->length + (uint32_t)sizeof(one->length);
	one->session = NULL;
}

void
keeping_request_free(struct keeping *keeping, struct keeping_request *one)
{
	keeping_request_leave(one);
	unlink_from(keeping, one);
	explicit_bzero(one->bytes, one->length);
	one->token = 0;
	TAILQ_INSERT_HEAD(&keeping->unused, one, entry);
	keeping->unused_count++;
}

struct keeping_request *
keeping_request_find(struct keeping *keeping, uint64_t token)
{
	struct keeping_request *one = &keeping->pool[token % KEEPER_REQUESTS];

	return token && one->token == token && one->state == KEEPING_ASKED
		       ? one
		       : NULL;
}

void
keeping_request_again(struct keeping *keeping)
{
	struct keeping_request *one;

	/* Backwards to the front: they come before those who never were. */
	while ((one = TAILQ_LAST(&keeping->asked, keeping_queue))) {
		if (!one->session && !one->remains) {
			keeping_request_free(keeping, one);
			continue;
		}
		TAILQ_REMOVE(&keeping->asked, one, entry);
		one->state = KEEPING_WAITING;
		TAILQ_INSERT_HEAD(&keeping->waiting, one, entry);
	}
}
