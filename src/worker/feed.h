/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lines of the room in a worker: a copy of the ring that is checked, made
 * once for all clients, so that what one is sent cannot be overwritten while
 * it is sent.
 *
 * A client is a cursor in it (struct feed_reader), and everything between that
 * and the head goes out in one writev(2), straight from here:
 *
 *	n = feed_gather(feed, &reader, parts, room, &missed);
 *	sent = writev(fd, parts, n);
 *	rest = feed_sent(feed, &reader, sent, &length);
 *
 * What it is not to see (its own lines, messages to others) is passed over.
 */
#ifndef TIMED_WORKER_FEED_H
#define TIMED_WORKER_FEED_H

#include "ipc/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct feed {
	struct ring ring; /* the keeper's; header NULL: there is none yet */
	struct ring_entry *entries; /* as in the ring, N at N % entry_count */
	char *text;		    /* as in the ring */
	uint64_t tail;		    /* the oldest entry that is here */
	uint64_t head;		    /* the last one; 0: none is here */
};

/* One client's place.  All of it may be passed to another worker. */
struct feed_reader {
	uint64_t next;	  /* entry that it gets next */
	uint64_t lines;	  /* public ones before that: ring_entry.lines */
	uint64_t session; /* whose lines it does not get; 0: nobody's */
	uint64_t user;	  /* whose messages it gets; 0: public ones alone */
};

/* Nothing is there until feed_map(). */
void feed_init(struct feed *feed);

/*
 * The ring that FD has open, which stays the caller's.  Once there is one, it
 * stays: all keepers write to the same.  0, or -1 with errno.
 */
int feed_map(struct feed *feed, int fd);

/* Copy what is new.  True when there was something. */
bool feed_pull(struct feed *feed);

/* A reader that gets what comes after entry CURSOR. */
void feed_begin(const struct feed *feed, struct feed_reader *reader,
		uint64_t cursor, uint64_t session, uint64_t user);

/* Whether there may be something for it. */
static inline bool
feed_has_more(const struct feed *feed, const struct feed_reader *reader)
{
	return reader->next <= feed->head;
}

/* Whether some of that is overwritten. */
static inline bool
feed_is_behind(const struct feed *feed, const struct feed_reader *reader)
{
	return feed->head > 0 && reader->next < feed->tail;
}

/*
 * What READER has not seen, as at most ROOM parts; returns how many.  *MISSED
 * is how many public lines it can never see because they are overwritten, and
 * is to be told to the client before them: it is said once, READER is past
 * them.  With 0 parts there is nothing for it, and READER is at the head.
 */
int feed_gather(const struct feed *feed, struct feed_reader *reader,
		struct iovec *parts, int room, uint64_t *missed);

/*
 * SENT bytes of what feed_gather() gave went out.  READER goes past each line
 * of which a byte was sent, and past all that it was not to see before those.
 * Returns what is left of a line that went out in part, *LENGTH bytes that have
 * to be sent before all else, or NULL with 0; it stays here until the next
 * feed_pull().
 */
const char *feed_sent(const struct feed *feed, struct feed_reader *reader,
		      size_t sent, size_t *length);

void feed_close(struct feed *feed);

#endif
