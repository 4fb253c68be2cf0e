/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chat ring: every line of the room, in the one order that all see.
 *
 * The keeper writes it, workers map it for reading.  It is a memfd that the
 * master makes once and holds as long as it lives, so that a keeper that died
 * is followed by another that goes on where it was: numbers never start again.
 *
 * It has two parts.  Entries are of fixed size, and the one with number N
 * lies at N modulo their count.  An entry says where its text lies: bytes as
 * they go to a client, newline and all.  The texts of entries that follow each
 * other follow each other too, but for the end of the text's part, where none
 * is cut in two.  So a reader sends many lines as one piece.
 *
 * Only the writer writes.  It first says how far it is going to overwrite
 * (`entries_until`, `text_until`), then writes text and entry, and then moves
 * `head`; what lies behind head is nothing.  A reader copies first, and then
 * looks at how far the writer may have come: what it copied from there is
 * dropped.  It believes nothing: an entry that does not fit is an error, never
 * an access outside the ring.
 */
#ifndef TIMED_IPC_RING_H
#define TIMED_IPC_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RING_MAGIC = 0x474e5254, /* "TRNG", little endian */
	RING_VERSION = 1,
	RING_LEAST = 64 * 1024, /* bytes of text; powers of two */
	RING_DEFAULT = 1024 * 1024,
	RING_MOST = 256 * 1024 * 1024,
	RING_LINE = 1536,	   /* bytes of one text, at most */
	RING_BYTES_PER_ENTRY = 64, /* bytes of text for each entry */
};

/* What each looks like is the keeper's business; see keeper/format.h. */
enum ring_kind {
	RING_MESSAGE = 1, /* "[2026-11-21 10:02:03] name: text" */
	RING_ACTION,	  /* "[2026-11-21 10:02:03] * name text" */
	RING_JOINED,	  /* a notice, not in the store: "* name has joined" */
	RING_LEFT,	  /* the same: "* name has left" */
};

struct ring_entry {
	uint64_t number;  /* of this entry; the first one ever is 1 */
	uint64_t seq;	  /* of the last message of the store up to here */
	uint64_t at;	  /* of its text: bytes since the beginning */
	uint64_t lines;	  /* public messages and actions up to here */
	int64_t time;	  /* CLOCK_REALTIME, seconds */
	uint64_t session; /* that it is from, and that does not get it */
	uint64_t to;	  /* the user that alone gets it; 0: everybody */
	uint32_t length;  /* of its text, bytes; at least 1 */
	uint32_t kind;	  /* enum ring_kind */
};

_Static_assert(sizeof(struct ring_entry) == RING_BYTES_PER_ENTRY,
	       "an entry fills a cache line");

/* Its first page; then entries, then text, each from a page of its own. */
struct ring_header {
	uint32_t magic;
	uint32_t version;
	uint64_t text_size;   /* bytes, a power of two */
	uint64_t entry_count; /* a power of two */
	/* Of the keeper's. */
	_Alignas(64) uint64_t started; /* first_seq is set */
	uint64_t head;		/* entries ever written; the last is valid */
	uint64_t entries_until; /* numbers that may be written up to here */
	uint64_t text_until;	/* bytes that may be written up to here */
	uint64_t first_seq;	/* of the store before entry 1 */
};

/* One process's view of it. */
struct ring {
	struct ring_header *header; /* read-only for readers */
	struct ring_entry *entries;
	char *text;
	size_t mapped;	    /* bytes */
	uint64_t text_size; /* of its own knowledge: the header may lie */
	uint64_t entry_count;
	/* The writer's: of what it appended, published or not. */
	uint64_t head;
	uint64_t text_head;
	uint64_t lines;
	uint64_t seq;
};

/* --- the master --- */

/*
 * Make a ring with SIZE bytes of text.  *WRITABLE is for the keeper, *READABLE
 * for workers; both are close-on-exec.  0, or -1 with errno.
 */
int ring_create(uint64_t size, int *writable, int *readable);

/* --- the keeper --- */

/*
 * Map it for writing; FD stays the caller's.  What a keeper before this one
 * did not finish is forgotten.  0, or -1 with errno: EPROTO, it is no ring, or
 * spoilt.
 */
int ring_open_writer(struct ring *ring, int fd);

/* Whether no keeper ever opened it before. */
bool ring_is_new(const struct ring *ring);

/* The seq of the store up to which everything is in the ring. */
uint64_t ring_seq(const struct ring *ring);

/* For a new one: what the store had before. */
void ring_start_at(struct ring *ring, uint64_t seq);

/*
 * Append a line: *entry says seq, time, session, to, kind and length, the rest
 * is filled in; TEXT has entry->length bytes, 1 to RING_LINE.  Readers see it
 * after ring_publish(), and all lines appended before with it.
 */
void ring_append(struct ring *ring, struct ring_entry *entry, const char *text);
void ring_publish(struct ring *ring);

/* --- readers --- */

/*
 * Map it for reading; FD stays the caller's.  0, or -1 with errno: EPROTO, it
 * is no ring or one of another version.
 */
int ring_open_reader(struct ring *ring, int fd);

/* The number of the last entry that is there; 0: none. */
uint64_t ring_head(const struct ring *ring);

enum ring_got {
	RING_GOT,    /* *entry and its text */
	RING_NONE,   /* there is no such entry yet */
	RING_MISSED, /* it is overwritten; *entry->number is one that is not */
	RING_SPOILT, /* it makes no sense: nothing here can be relied on */
};

/*
 * Copy entry NUMBER and its text, of at most RING_LINE bytes.  After
 * RING_MISSED, entry->number is the oldest one that may still be there.
 */
enum ring_got ring_read(const struct ring *ring, uint64_t number,
			struct ring_entry *entry, char text[RING_LINE]);

/* --- all --- */

/* Whether it is one that everybody gets, and no notice. */
static inline bool
ring_is_line(const struct ring_entry *entry)
{
	return entry->to == 0 &&
	       (entry->kind == RING_MESSAGE || entry->kind == RING_ACTION);
}

void ring_close(struct ring *ring);

#endif
