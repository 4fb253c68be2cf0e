/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dialogue with a chat client until it is in the room: a name, and the
 * password that it has, or is to have.
 *
 * There are CHAT_TRIES of them, and after each one that was wrong a pause,
 * twice as long as the one before.  Changing a password is a dialogue of the
 * same kind, with somebody who is in the room.
 */
#ifndef TIMED_SERVICE_CHAT_LOGIN_H
#define TIMED_SERVICE_CHAT_LOGIN_H

#include "service/chat.h"

/* Ask it for its name; the time that it has for all of it begins. */
void chat_login_begin(struct chat_client *client);

/* Ask for what its stage wants, again. */
void chat_login_prompt(struct chat_client *client);

/* It answered with LINE.  False: the keeper takes no more questions now. */
bool chat_login_take(struct chat_client *client, const struct chat_line *line);

/* The keeper's answer to what was asked in that. */
void chat_login_answered(struct chat_client *client,
			 const struct keeping_answer *answer);

/* A pause or the time for the dialogue is over. */
void chat_login_reached(struct chat_client *client);

/* Ask for the old password, and then for a new one. */
void chat_login_change(struct chat_client *client);

/* Forget the old password. */
void chat_login_forget(struct chat_client *client);

#endif
