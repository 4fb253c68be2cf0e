/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In the room: lines are said, and questions answered.
 *
 * What somebody says goes to the keeper at once, as many lines as that takes.
 * A command whose answer is more than a line is a stage of its own: until all of
 * it is shown, nothing else is.  Long answers come in pages, and the next page
 * is asked for when the client has taken the one before, so that no more than
 * one is ever kept for it.
 */
#ifndef TIMED_SERVICE_CHAT_ROOM_H
#define TIMED_SERVICE_CHAT_ROOM_H

#include "service/chat.h"

/* It is logged in: greet it, and show it what was said before. */
void chat_room_welcome(struct chat_client *client,
		       const struct keeping_answer *answer);

/* It is in the room from now on, or again. */
void chat_room_enter(struct chat_client *client);

/* It sent LINE.  False: the keeper takes no more questions now. */
bool chat_room_take(struct chat_client *client, const struct chat_line *line);

/* Say TEXT, to TO or to all.  The same. */
bool chat_room_say(struct chat_client *client, enum ring_kind kind,
		   const struct name *to, const struct chat_line *text);

/* Show the last COUNT messages up to UNTIL (0: all), or who is here. */
void chat_room_history(struct chat_client *client, uint32_t count,
		       uint64_t until);
void chat_room_who(struct chat_client *client);

/* Ask for the next page, if there is one to be asked for, and room for it. */
void chat_room_go_on(struct chat_client *client);

/* The keeper's answer to any of that. */
void chat_room_answered(struct chat_client *client,
			const struct keeping_answer *answer);

#endif
