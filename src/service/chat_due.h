/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is due when: the end of a pause, of the time to log in, of idleness.
 *
 * One timer serves all clients of a worker.  Who waits is in the queue of his
 * kind of wait, soonest first.  Waits of one kind are about as long as each
 * other, so whoever begins one goes to the end of its queue, or near it.
 */
#ifndef TIMED_SERVICE_CHAT_DUE_H
#define TIMED_SERVICE_CHAT_DUE_H

#include "base/loop.h"
#include "base/timer.h"

#include <stdint.h>
#include <sys/queue.h>

enum chat_due_kind {
	CHAT_DUE_NEVER,
	CHAT_DUE_PAUSE, /* the next try may begin */
	CHAT_DUE_LOGIN, /* to have said name and password */
	CHAT_DUE_IDLE,	/* to say something */
	CHAT_DUE_KINDS
};

/* Somebody who waits; all zero: for nothing. */
struct chat_due {
	uint64_t at; /* CLOCK_MONOTONIC, nanoseconds */
	enum chat_due_kind kind;
	TAILQ_ENTRY(chat_due) entry;
};

TAILQ_HEAD(chat_due_queue, chat_due);

struct chat_dues {
	struct timer timer;
	struct chat_due_queue queues[CHAT_DUE_KINDS];
	uint64_t armed; /* for that; 0: not at all */
	/* What he waited for is there; he waits for nothing any more. */
	void (*reached)(struct chat_due *due, enum chat_due_kind kind);
};

/* 0, or -1 with errno. */
int chat_due_open(struct chat_dues *dues, struct loop *loop,
		  void (*reached)(struct chat_due *due,
				  enum chat_due_kind kind));
void chat_due_close(struct chat_dues *dues);

/* Wait until AT instead of whatever DUE waits for. */
void chat_due_set(struct chat_dues *dues, struct chat_due *due,
		  enum chat_due_kind kind, uint64_t at);
void chat_due_clear(struct chat_dues *dues, struct chat_due *due);

#endif
