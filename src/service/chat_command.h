/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What begins with a slash in a room: one table of commands, out of which
 * /help is made, too.
 */
#ifndef TIMED_SERVICE_CHAT_COMMAND_H
#define TIMED_SERVICE_CHAT_COMMAND_H

#include "service/chat.h"

/* Do what LINE says.  False: the keeper takes no more questions now. */
bool chat_command_run(struct chat_client *client, const struct chat_line *line);

#endif
