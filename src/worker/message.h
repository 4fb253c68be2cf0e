/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message: bytes that are made once and sent to many connections.  A
 * connection that could be sent only a part of one holds on to it until the
 * rest is out; nothing is copied for a client.  What is one client's alone is
 * kept in the same form when he does not take it at once.
 */
#ifndef TIMED_WORKER_MESSAGE_H
#define TIMED_WORKER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
	MESSAGE_ROOM = 512
}; /* bytes that there is room for in one that is to be filled */

struct message {
	uint32_t holders;
	uint32_t length;
	char bytes[];
};

/*
 * A message that nobody else holds, to be filled: *SLOT itself if that is
 * so, else a new one, which takes its place.  NULL when memory is out;
 * *SLOT stays.
 */
struct message *message_fresh(struct message **slot);

/* One of LENGTH bytes, to be filled; NULL when memory is out. */
struct message *message_new(size_t length);

struct message *message_hold(struct message *message);

/* The last holder frees it; NULL is fine. */
void message_drop(struct message *message);

#endif
