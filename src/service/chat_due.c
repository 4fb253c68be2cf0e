/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_due.h"

#include "base/clock.h"

#include <stddef.h>

static void
arm(struct chat_dues *dues, uint64_t at, uint64_t now)
{
	dues->armed = at;
	timer_after(&dues->timer, at > now ? at - now : 1);
}

/* The one that is due first, or NULL. */
static struct chat_due *
first(struct chat_dues *dues)
{
	struct chat_due *found = NULL;

	for (int kind = CHAT_DUE_PAUSE; kind < CHAT_DUE_KINDS; kind++) {
		struct chat_due *due = TAILQ_FIRST(&dues->queues[kind]);

		if (due && (!found || due->at < found->at))
			found = due;
	}
	return found;
}

static void
expired(struct timer *timer, bool stepped)
{
	struct chat_dues *dues =
		(struct chat_dues *)((char *)timer -
				     offsetof(struct chat_dues, timer));
	uint64_t now = clock_monotonic();
	struct chat_due *due;

	(void)stepped;
	/* Nothing is before that: it is armed once, when all were called. */
	dues->armed = 1;
	while ((due = first(dues)) && due->at <= now) {
		enum chat_due_kind kind = due->kind;

		chat_due_clear(dues, due);
		dues->reached(due, kind);
	}
	dues->armed = 0;
	if (due)
		arm(dues, due->at, now);
}

int
chat_due_open(struct chat_dues *dues, struct loop *loop,
	      void (*reached)(struct chat_due *due, enum chat_due_kind kind))
{
	dues->armed = 0;
	dues->reached = reached;
	for (int kind = 0; kind < CHAT_DUE_KINDS; kind++)
		TAILQ_INIT(&dues->queues[kind]);
	return timer_open(&dues->timer, loop, CLOCK_MONOTONIC, expired);
}

void
chat_due_close(struct chat_dues *dues)
{
	timer_close(&dues->timer);
}

void
chat_due_set(struct chat_dues *dues, struct chat_due *due,
	     enum chat_due_kind kind, uint64_t at)
{
	struct chat_due_queue *queue = &dues->queues[kind];
	struct chat_due *before;

	chat_due_clear(dues, due);
	due->kind = kind;
	due->at = at;
	before = TAILQ_LAST(queue, chat_due_queue);
	while (before && before->at > at)
		before = TAILQ_PREV(before, chat_due_queue, entry);
	if (before)
		TAILQ_INSERT_AFTER(queue, before, due, entry);
	else
		TAILQ_INSERT_HEAD(queue, due, entry);
	if (dues->armed == 0 || at < dues->armed)
		arm(dues, at, clock_monotonic());
}

void
chat_due_clear(struct chat_dues *dues, struct chat_due *due)
{
	if (due->kind != CHAT_DUE_NEVER)
		TAILQ_REMOVE(&dues->queues[due->kind], due, entry);
	due->kind = CHAT_DUE_NEVER;
}
