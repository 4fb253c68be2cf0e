/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection: take it in, send, read, close, pass it on.
 *
 * It costs one struct and one pointer (worker/conns.h keeps them); nothing is
 * allocated while it lives, unless the client is behind: then it has a debt
 * (worker/conn_debt.h).  It is never torn: what a send left over goes out
 * before anything else is sent, and as long as something is left over, new
 * messages are refused (the caller counts them as skipped), not queued.  What
 * is made for one client out of its own bytes must not be refused: a service
 * that does so is `paced`, and reads nothing more from whom it owes something.
 *
 * A client that has closed its sending side is still served, unless the service
 * has a `finish` or a `hangup`: that is what a script's
 * `nc host port </dev/null` looks like.  It is gone when it resets or answers no
 * more.
 *
 * conn_close() may be called for any connection at any time; the struct must
 * not be touched after it.
 */
#ifndef TIMED_WORKER_CONN_H
#define TIMED_WORKER_CONN_H

#include "base/addr.h"
#include "base/loop.h"
#include "ipc/census.h"
#include "ipc/handoff.h"
#include "worker/conn_debt.h"
#include "worker/message.h"
#include "worker/peer.h"
#include "worker/service.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum conn_flag {
	CONN_FINISHED = 1,   /* the client sends no more */
	CONN_BLOCKED = 2,    /* in a hand-off: it has a debt */
	CONN_ENDING = 4,     /* to be closed once all is out */
	CONN_SHUT = 8,	     /* our sending side is shut down */
	CONN_LEAVING = 16,   /* it ends because the client wants that */
	CONN_OFFERED = 32,   /* to another worker: not served here meanwhile */
	CONN_HELD = 64,	     /* the service wants to read nothing for now */
	CONN_EXPELLED = 128, /* it ends because the service wants that */
};

enum conn_reason {
	CONN_CLIENT_CLOSED,
	CONN_CLIENT_RESET,
	CONN_TIMED_OUT,
	CONN_STALLED,
	CONN_IDLE,
	CONN_STOPPING,
	CONN_KICKED,	/* an operator wanted that */
	CONN_DISMISSED, /* by its service, which told it why */
	CONN_REMOVED,	/* its service or listener is no longer configured */
	CONN_NO_MEMORY,
	CONN_ERROR,
};

/*
 * 144 bytes, of which a tick needs the first 64 where it is taken.  Each client
 * pays for all of it: what only a few need is elsewhere.
 */
struct conn {
	struct loop_source source;
	struct instance *instance;
	struct conn_debt *debt; /* NULL: it takes what it is sent */
	int64_t mark;		/* the last boundary it was served or missed */
	uint64_t touched;	/* conns->now of the last byte */
	uint64_t bytes_out;
	uint32_t ticks;
	uint16_t flags;
	uint16_t listener; /* that it came in by, of conns->listeners */
	uint32_t skipped;
	uint32_t member; /* its place in instance->members */
	uint64_t bytes_in;
	uint64_t serial; /* no other connection ever has it */
	uint64_t opened; /* CLOCK_MONOTONIC, nanoseconds */
	struct conn_peer peer;
	struct census_seats seats; /* where it is counted, over all workers */
	union {
		void *pointer;
		uint32_t number;
		struct conn *next; /* the next one that is not in use */
	} own;			   /* the service's */
};

/*
 * Take in FD, which was accepted from PEER by LISTENER of conns->listeners, for
 * INSTANCE, log it and call the service's open.  False when the gate does not
 * let it in or memory is out; FD is closed then and the client counted as
 * refused.
 */
bool conn_open(struct instance *instance, uint16_t listener, int fd,
	       const struct addr *peer);

void conn_close(struct conn *conn, enum conn_reason reason);

enum conn_sent {
	CONN_SENT,    /* all of it is on its way */
	CONN_PARTLY,  /* the rest follows by itself */
	CONN_SKIPPED, /* no room, nothing was sent */
	CONN_GONE,    /* the connection is closed and freed */
};

/*
 * Send MESSAGE, or none of it.  When it goes out in part and there is no memory
 * to remember the rest, the connection is closed: another line may not follow.
 */
enum conn_sent conn_send(struct conn *conn, struct message *message);

/*
 * The two halves of it, for who has something else send it (worker/batch.h):
 * whether it may be sent a message now, and what became of that when RESULT
 * bytes were taken, or none for the errno -RESULT.
 */
bool conn_takes(const struct conn *conn);
enum conn_sent conn_took(struct conn *conn, struct message *message,
			 ssize_t result);

/*
 * Send PARTS, COUNT of them, after whatever is owed.  What the client does not
 * take is copied and follows by itself, HANDOFF_OWED bytes at most; without
 * memory for that the connection is closed.
 */
enum conn_sent conn_write(struct conn *conn, const struct iovec *parts,
			  int count);

/*
 * Send as much of PARTS as the client takes now, and say how many bytes that
 * was; nothing is owed for it.  Not while something is owed.  CONN_PARTLY: the
 * service's `drain` is called when there is room again; without memory for that
 * the connection is closed.
 */
enum conn_sent conn_push(struct conn *conn, const struct iovec *parts,
			 int count, size_t *sent);

/* Its second half, as conn_took(). */
enum conn_sent conn_pushed(struct conn *conn, const struct iovec *parts,
			   int count, ssize_t result, size_t *sent);

/* What the client takes of PARTS now: bytes, or -errno.  Nothing else is done. */
ssize_t conn_transmit(const struct conn *conn, const struct iovec *parts,
		      int count);

/* Read nothing from it while HOLD; what it sent waits in the kernel. */
void conn_hold(struct conn *conn, bool hold);

/*
 * Whether ERROR, an errno of a send, is more than a want of room; then the
 * connection is closed for it.
 */
bool conn_failed(struct conn *conn, int error);

/* How many bytes it has still to be sent, which are kept here. */
size_t conn_owes(const struct conn *conn);

/* Owe LENGTH bytes more, and do not send them yet.  False: no memory. */
bool conn_owe(struct conn *conn, const char *bytes, size_t length);

/*
 * End it in order, for CONN_STOPPING, CONN_CLIENT_CLOSED or CONN_DISMISSED:
 * send what is owed, then the end of file, and close once the client's side has
 * all of it (conn_settled() then says so).  What still arrives is dropped.
 */
void conn_end(struct conn *conn, enum conn_reason reason);

/* For what it ends. */
enum conn_reason conn_end_reason(const struct conn *conn);

/* Whether an ending connection has nothing on its way any more. */
bool conn_settled(const struct conn *conn);

/*
 * The hand-off.  An old worker offers a connection: it is served no more, and
 * stays open.  Then it is either given away, which closes this process's
 * descriptor and nothing else, or reclaimed and served on.
 */
void conn_offer(struct conn *conn);
void conn_give(struct conn *conn);
void conn_reclaim(struct conn *conn);

/*
 * The connection as another worker can go on with it; *OWED are the bytes that
 * its client has still to be sent.
 */
void conn_save(const struct conn *conn, struct handoff_conn *saved,
	       const char **owed);

/*
 * Take FD over as it was SAVED, for INSTANCE, which has counted it as taken.
 * NULL when memory is out: FD is closed then, and that is logged.  The service
 * is not asked yet.
 */
struct conn *conn_restore(struct instance *instance, int fd,
			  const struct handoff_conn *saved, const char *owed);

/* Close those of INSTANCE that took nothing for its stall time. */
void conn_close_stalled(struct instance *instance);

/*
 * Once a second: close those of INSTANCE that were idle for its idle time, and
 * those that have ended.  A quarter of them is looked at.
 */
void conn_close_idle(struct instance *instance);

/* How the other end is called: "127.0.0.1:40112", "unix:pid=12,uid=0". */
void conn_peer_text(const struct conn *conn, char text[ADDR_TEXT]);

#endif
