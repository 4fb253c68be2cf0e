/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions to the keeper, each in one place of a pool; what the files of
 * worker/keeping.h share.
 *
 * A question is in one of three states: it waits to be sent, it was sent (then
 * its token leads back to it), or it is held: its connection is offered to
 * another worker, and if that takes it, it asks.  It belongs to a session, or
 * to the remains of one, or, when it was sent for somebody who is gone, to
 * nobody.
 */
#ifndef TIMED_WORKER_KEEPING_REQUEST_H
#define TIMED_WORKER_KEEPING_REQUEST_H

#include "worker/keeping.h"

enum keeping_state {
	KEEPING_WAITING,
	KEEPING_ASKED,
	KEEPING_HELD,
};

struct keeping_request {
	struct keeping_session *session;
	struct keeping_remains *remains;
	enum keeping_state state;
	uint64_t token;
	uint32_t length;
	TAILQ_ENTRY(keeping_request) entry; /* in asked, waiting or unused */
	TAILQ_ENTRY(keeping_request) mine;  /* in session->requests */
	char bytes[KEEPER_REQUEST_MOST];
};

/* A session whose connection is gone, until the keeper knows. */
struct keeping_remains {
	uint64_t id;
	uint64_t key;
	uint32_t moves; /* how often it had changed hands */
	uint32_t lines; /* that have no answer yet */
	bool attached;
	TAILQ_ENTRY(keeping_remains) entry;
};

/* 0, or -1 with errno. */
int keeping_request_open(struct keeping *keeping);
void keeping_request_close(struct keeping *keeping);

/*
 * One of SESSION's that says ASKED, which waits; NULL: too many.  RESTORED:
 * those that are left for this may be used.
 */
struct keeping_request *keeping_request_new(struct keeping_session *session,
					    const struct keeper_asked *asked,
					    bool restored);

/* Its head. */
struct keeper_request keeping_request_head(const struct keeping_request *one);

void keeping_request_enter(struct keeping *keeping, struct keeping_request *one,
			   enum keeping_state state);

/* It is answered, or nobody's. */
void keeping_request_free(struct keeping *keeping, struct keeping_request *one);

/* It is no longer SESSION's. */
void keeping_request_leave(struct keeping_request *one);

/* The one that was sent with TOKEN, or NULL. */
struct keeping_request *keeping_request_find(struct keeping *keeping,
					     uint64_t token);

/* Forget what nobody waits for, and let all the rest wait to be sent. */
void keeping_request_again(struct keeping *keeping);

/* --- keeping_send.c --- */

/* Send what waits, as far as the link takes it, when this batch is over. */
void keeping_flush(struct keeping *keeping);

/* The task that does it. */
void keeping_send(struct loop_task *task);

/* The link is no good any more; the master makes another. */
void keeping_lose(struct keeping *keeping);

/* Tell the keeper that another worker has the session ID. */
void keeping_pass(struct keeping *keeping, uint64_t id);

/* --- keeping.c --- */

/* It is logged in: keep it where the keeper's answers find it. */
void keeping_list_in(struct keeping_session *session, bool attached);
void keeping_list_out(struct keeping_session *session);

/* It is over, for session->why: forget its questions, tell the service. */
void keeping_end(struct keeping_session *session);

/*
 * Tell the keeper that this session is over, when it has all its lines.  NULL:
 * out of memory.
 */
struct keeping_remains *keeping_bury(struct keeping *keeping, uint64_t id,
				     uint64_t key);

#endif
