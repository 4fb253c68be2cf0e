/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker asks the keeper, and what that answers: packets over a
 * SOCK_SEQPACKET pair, one for each worker.  A packet has all that there was to
 * say at that moment, so that a burst of lines wakes the other side once.
 *
 * There is one shape of request and one of answer: a fixed head, and strings
 * whose lengths are in it and add up, exactly, to its own.  An answer
 * carries its request's token.  A worker has at most KEEPER_REQUESTS without an
 * answer, so that the keeper's side is bounded.
 *
 * Everything may be asked twice, by the same worker after a keeper died, or by
 * another one after a hand-off, and then happens once: a line is known by its
 * session and number; whoever registers a name with the password that it has
 * is logged in; a password that is the new one already has been changed.
 *
 * A session is somebody logged in over one connection.  Its id is never used
 * again, and lines in the ring have it; its key is known to the worker that has
 * the connection alone, and passed on with it.
 */
#ifndef TIMED_IPC_KEEPER_WIRE_H
#define TIMED_IPC_KEEPER_WIRE_H

#include "base/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	KEEPER_WIRE_VERSION = 2,
	KEEPER_REQUESTS = 512, /* under way from one worker */
	KEEPER_TEXT = 1024,    /* bytes of one line that somebody says */
	KEEPER_PAGE = 6144,    /* bytes of text in one answer */
	KEEPER_PACKET = 16384, /* bytes of one packet */
	KEEPER_LINES = 1000,   /* that one may ask of the history */
};

enum keeper_type {
	/* Whether `name` is registered. */
	KEEPER_LOOKUP = 1,
	/* Log `name` in with the password `text`. */
	KEEPER_LOGIN,
	/* The same for a new name. */
	KEEPER_REGISTER,
	/* Change the password of `session` from `text` to `more`. */
	KEEPER_PASSWORD,
	/* Line `number` of `session`: `text`, of `kind`, to `name` or all. */
	KEEPER_SAY,
	/*
	 * The last `count` messages that `session` may see, after message
	 * `from` and up to `until`.  If they do not fit, the answer has the
	 * first of them, and `count` how many are left; ask again, with from
	 * as its `seq`.
	 */
	KEEPER_HISTORY,
	/*
	 * Who is here: those whose names come after `name` (empty: all).  The
	 * answer's name is empty, or, if not all fit, what to ask after next.
	 */
	KEEPER_WHO,
	/*
	 * `session`, whose key is `from`, is with this worker now, and has
	 * changed hands `number` times: it is with whoever says the highest,
	 * in whichever order they are heard.  No answer, unless it is over.
	 */
	KEEPER_ATTACH,
	/* `session` is with another worker now, who will say so.  No answer. */
	KEEPER_PASS,
	/* `session` is over.  No answer. */
	KEEPER_LEAVE,
	KEEPER_TYPES
};

enum keeper_outcome {
	KEEPER_OK,
	KEEPER_UNKNOWN, /* there is no such name */
	KEEPER_WRONG,	/* that is not the password */
	KEEPER_TAKEN,	/* the name is registered, with another password */
	KEEPER_REFUSED, /* not acceptable; `text` says why: "a name must ..." */
	KEEPER_CLOSED,	/* nobody can register */
	KEEPER_BUSY,	/* too many log in at once: ask again later */
	KEEPER_TROUBLE, /* the store: nothing was stored; `text` says why */
	KEEPER_OVER,	/* the session is not there (any more) */
	KEEPER_OUTCOMES
};

struct keeper_request {
	uint16_t version;
	uint16_t type;	 /* enum keeper_type */
	uint32_t length; /* with its strings, bytes */
	uint64_t token;	 /* 1 and up */
	uint64_t session;
	uint64_t number;
	uint64_t from;
	uint64_t until;
	uint32_t kind; /* enum ring_kind: RING_MESSAGE, RING_ACTION */
	uint32_t count;
	uint16_t name_length;
	uint16_t text_length;
	uint16_t more_length;
	uint16_t reserved; /* 0 */
};

enum {
	KEEPER_REQUEST_MOST = sizeof(struct keeper_request) + NAME_SIZE +
			      KEEPER_TEXT + NAME_PASSWORD_MOST,
};

/* A request taken apart; strings are not terminated. */
struct keeper_asked {
	struct keeper_request head;
	const char *name;
	const char *text;
	const char *more;
};

struct keeper_answer {
	uint16_t version;
	uint16_t outcome; /* enum keeper_outcome */
	uint32_t length;  /* with its strings, bytes */
	/* Of the request; 0: nobody asked, `session` is over, see `text`. */
	uint64_t token;
	uint64_t session; /* LOGIN, REGISTER */
	uint64_t key;	  /* the same */
	uint64_t user;	  /* the same */
	uint64_t cursor;  /* the same: what the ring has after it is for him */
	uint64_t seq;	  /* SAY: of the line; LOGIN, REGISTER: at the cursor */
	uint32_t count;	  /* HISTORY: what is left; WHO: all sessions */
	uint32_t absent;  /* SAY: the one it is for is not here */
	uint32_t name_length; /* LOGIN, REGISTER: as it is shown; WHO: more */
	uint32_t text_length; /* HISTORY, WHO: lines to be shown as they are */
};

enum {
	KEEPER_ANSWER_MOST =
		sizeof(struct keeper_answer) + NAME_SIZE + KEEPER_PAGE,
};

struct keeper_told {
	struct keeper_answer head;
	const char *name;
	const char *text;
};

_Static_assert((int)KEEPER_REQUEST_MOST <= (int)KEEPER_PACKET &&
		       (int)KEEPER_ANSWER_MOST <= (int)KEEPER_PACKET,
	       "a packet has room for any");

/* ends[0] and ends[1]: either side's, non-blocking.  0, or -1 with errno. */
int keeper_wire_pair(int ends[2]);

/*
 * Write REQUEST, whose version and length are filled in, with its strings to
 * BYTES (KEEPER_REQUEST_MOST).  Its length, or 0 when a string is too long.
 */
size_t keeper_wire_request(const struct keeper_asked *request, char *bytes);

/*
 * Take apart the first request of a packet, or of what is left of one, LENGTH
 * bytes; strings point into BYTES.  Returns its length, or 0 if it is none:
 * another version, lengths that do not add up or are too large, a type that
 * there is not.
 */
size_t keeper_wire_asked(const char *bytes, size_t length,
			 struct keeper_asked *request);

/* The same for answers; BYTES has room for KEEPER_ANSWER_MOST. */
size_t keeper_wire_answer(const struct keeper_told *answer, char *bytes);
size_t keeper_wire_told(const char *bytes, size_t length,
			struct keeper_told *answer);

#endif
