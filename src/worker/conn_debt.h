/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept for a client that is behind: since when it waits for room, and
 * the rest of what it was sent in part.
 *
 * It is made when the client does not take something, and is gone when it has
 * all that it is owed; who takes what it gets costs nothing for it but a
 * pointer.  There are never more of them than connections.  When memory is out
 * for one, nothing has changed, and the caller has to do without or to close
 * the connection: what is sent in part and forgotten is a torn line.
 *
 * Those of an instance are in a list, longest first.  A connection that is
 * offered to another worker keeps its debt, out of the list.
 */
#ifndef TIMED_WORKER_CONN_DEBT_H
#define TIMED_WORKER_CONN_DEBT_H

#include "ipc/handoff.h"
#include "worker/message.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct conn;

struct conn_debt {
	TAILQ_ENTRY(conn_debt) entry; /* of instance->blocked */
	struct conn *conn;
	struct message *owed; /* what was sent in part; NULL: nothing was */
	uint64_t since;	      /* CLOCK_MONOTONIC, nanoseconds */
	uint32_t from;	      /* so many bytes of `owed` are out */
};

/*
 * CONN waits for room since SINCE, and takes its place in the list.  False: it
 * did not before, and memory is out.
 */
bool conn_debt_wait(struct conn *conn, uint64_t since);

/* It waits no more, and is owed nothing. */
void conn_debt_settle(struct conn *conn);

/* The two halves of it: out of the list; forget what is out of the list. */
void conn_debt_unlist(struct conn *conn);
void conn_debt_drop(struct conn *conn);

/* Back to where it belongs in the list.  Nothing, for who has no debt. */
void conn_debt_list(struct conn *conn);

/* The part of conn_save(); all of it is set. */
void conn_debt_save(const struct conn *conn, struct handoff_conn *saved,
		    const char **owed);

/*
 * Make it again for CONN, out of the list, if there was any.  False when memory
 * is out; what is there then is for conn_debt_drop().
 */
bool conn_debt_restore(struct conn *conn, const struct handoff_conn *saved,
		       const char *owed);

#endif
