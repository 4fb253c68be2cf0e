/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operators are told (ipc/control.h), as lines of JSON.
 */
#ifndef TIMED_IPC_ANSWER_H
#define TIMED_IPC_ANSWER_H

#include <jansson.h>
#include <stddef.h>

enum {
	ANSWER_LINE = 8192 /* bytes that are enough for a refusal */
};

/*
 * OBJECT, which is taken over and may be NULL, as a line in SIZE bytes at TO.
 * Its length; 0 when it did not fit or memory was out.
 */
size_t answer_line(json_t *object, char *to, size_t size);

/* That a command was refused or failed; EXIT is a status of sysexits(3). */
json_t *answer_refusal(int exit, const char *text);

/* Send OBJECT, as of answer_line(), to who was told nothing yet, and close. */
void answer_close(int fd, json_t *object);

#endif
