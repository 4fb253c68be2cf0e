/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timec chat: be in a room.
 *
 * On a terminal passwords are not shown, and lines of others scroll by above the
 * one that is being typed.  Out of a pipe, lines are sent when the server wants
 * them: an answer for each question, and once in the room one for each
 * interval; the end of the input is that of the visit.
 */
#ifndef TIMED_TOOLS_TIMEC_CHAT_H
#define TIMED_TOOLS_TIMEC_CHAT_H

#include "tools/client.h"

int timec_chat(struct client *client);

#endif
