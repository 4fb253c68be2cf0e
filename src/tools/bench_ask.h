/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The questions of timebench daytime, time, ntp and echo, and whether an answer
 * is one.  Nothing here sends or waits.
 */
#ifndef TIMED_TOOLS_BENCH_ASK_H
#define TIMED_TOOLS_BENCH_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ASK_REQUEST = 65507, /* bytes of a request, at most */
	ASK_ANSWER = 512,    /* bytes of an answer that are looked at */
	ASK_ECHO = 10,	     /* bytes of an echo, at least */
};

enum ask_verdict {
	ASK_RIGHT,
	ASK_UNSYNCED, /* right, and it says that its clock is not set */
	ASK_REFUSED,  /* a kiss-of-death */
	ASK_WRONG,
};

/* What answers look like; the first one tells. */
struct ask_rule {
	int64_t ahead;	 /* the server's clock is, nanoseconds */
	int64_t slack;	 /* so much may it differ from that */
	uint32_t length; /* of a line of text, or of an echo */
};

/* One protocol. */
struct ask {
	const char *name;
	bool tcp;  /* unless UDP is asked for */
	bool kept; /* over TCP, a connection for all requests, not for one */
	size_t request; /* bytes of a request; 0: as many as are asked for */
	/*
	 * A request of LENGTH bytes; COOKIE makes it differ from all others.
	 * NULL: empty, and over TCP it is the connection.
	 */
	void (*make)(unsigned char *request, size_t length, uint64_t cookie);
	/*
	 * The cookie of the request that BYTES answer; false: of none.  NULL:
	 * an answer does not tell, and is one to whatever was asked.
	 */
	bool (*whose)(const unsigned char *bytes, size_t length,
		      uint64_t *cookie);
	/* RULE out of a first answer, which came at NOW; false: it is wrong. */
	bool (*learn)(struct ask_rule *rule, const unsigned char *bytes,
		      size_t length, int64_t now);
	/* Of an answer that came at NOW, nanoseconds since the epoch. */
	enum ask_verdict (*check)(const struct ask_rule *rule,
				  const unsigned char *bytes, size_t length,
				  int64_t now);
};

/* NULL: there is none of that name. */
const struct ask *ask_find(const char *name);

#endif
