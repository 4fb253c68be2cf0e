/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes to a chat client: what the server says to it alone, and the lines
 * of the room.
 *
 * The former is short, and what a client does not take at once is owed; from
 * whoever owes too much nothing more is read.  The latter is the feed, in which
 * a client is a cursor, and waits there.
 */
#ifndef TIMED_SERVICE_CHAT_SEND_H
#define TIMED_SERVICE_CHAT_SEND_H

#include "service/chat.h"

/* Send a formatted text of less than 1,024 bytes. */
void chat_send(struct chat_client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Send LENGTH bytes as they are. */
void chat_send_bytes(struct chat_client *client, const char *bytes,
		     size_t length);

/* Send what is new in the room, as much as it takes. */
void chat_send_feed(struct chat_client *client);

/* The same for all of INSTANCE who are in the room. */
void chat_send_all(struct instance *instance);

#endif
