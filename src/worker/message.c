/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/message.h"

#include <stdlib.h>

static struct message *
make(size_t room, size_t length)
{
	struct message *message = malloc(sizeof(*message) + room);

	if (!message)
		return NULL;
	message->holders = 1;
	message->length = (uint32_t)length;
	return message;
}

struct message *
message_new(size_t length)
{
	return make(length, length);
}

struct message *
message_fresh(struct message **slot)
{
	struct message *message = *slot;

	if (message && message->holders == 1)
		return message;
	message = make(MESSAGE_ROOM, 0);
	if (!message)
		return NULL;
	message_drop(*slot);
	*slot = message;
	return message;
}

struct message *
message_hold(struct message *message)
{
	message->holders++;
	return message;
}

void
message_drop(struct message *message)
{
	if (message && --message->holders == 0)
		free(message);
}
