/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A question as one UDP datagram, and the datagram that answers it.
 *
 * Each question goes out from a socket of its own, connected to the server: an
 * answer to an earlier one does not reach it, nor does anything from another
 * address, and of a port where nobody listens the kernel tells.
 */
#ifndef TIMED_TOOLS_DATAGRAM_H
#define TIMED_TOOLS_DATAGRAM_H

#include "tools/client.h"

enum {
	DATAGRAM_MAX = 2048 /* bytes kept of an answer */
};

struct datagram {
	const unsigned char *request;
	size_t request_length;
	/*
	 * NULL when BYTES answer the request, else why they do not: they are
	 * passed over, which is said.  With no function, all do.
	 */
	const char *(*refuse)(void *context, const unsigned char *bytes,
			      size_t length);
	void *context;

	struct addr addresses[CLIENT_ADDRESSES];
	int count;
	bool settled; /* the first one of them has answered */

	unsigned char bytes[DATAGRAM_MAX];
	size_t length;	       /* of the answer, be it more than was kept */
	int64_t sent, arrived; /* nanoseconds, realtime */
};

/* Resolve the target; -1, having said why. */
int datagram_open(struct client *client, struct datagram *datagram);

/*
 * Ask each address until one answers; from then on it is asked alone.  All of
 * it takes no longer than the patience.  Returns whether there is an answer;
 * if not, it has been said why, or the client is done.
 */
bool datagram_ask(struct client *client, struct datagram *datagram);

#endif
