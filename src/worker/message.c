/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/message.h"

#include <stdlib.h>

struct message *
message_fresh(struct message **slot)
{
	struct message *message = *slot;

	if (message && message->holders == 1)
		return message;
	message = malloc(sizeof(*message));
	if (!message)
		return NULL;
	message->holders = 1;
	message->length = 0;
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
