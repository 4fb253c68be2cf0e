/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator asks of the keeper.  The master checks who asks, and passes
 * the connection with one of
 *
 *	users			who is registered
 *	users del NAME		forget him and end his sessions
 *	users clear		the same for all
 *	history [N]		the last N messages, 1 to CONTROL_MESSAGES
 *	history clear		forget them all
 *
 * The answer is as in ipc/control.h, a JSON object a line: {"user": {...}} for
 * each user, {"message": {...}} for each message, and at the end one with
 * `ok`: true, with what was removed, or false, with `error` and `exit`.  Then
 * the connection is closed.
 *
 * Lists are written in pages, each when the one before has been taken, so that
 * nobody waits for an operator, however slow.  What is asked for while
 * OPERATOR_PEERS are answered is refused.
 */
#ifndef TIMED_KEEPER_OPERATOR_H
#define TIMED_KEEPER_OPERATOR_H

#include "base/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OPERATOR_PEERS = 8,
	OPERATOR_SECONDS = 30, /* without taking anything */
};

struct keeper;
struct operators;

enum operator_list {
	OPERATOR_NOTHING, /* the answer is whole */
	OPERATOR_USERS,
	OPERATOR_HISTORY_LIST,
};

struct operator_peer {
	struct loop_source source; /* fd -1: there is none */
	struct operators *operators;
	enum operator_list list; /* what is to follow */
	uint64_t after;		 /* id or seq of the last one in it */
	int64_t wanted;		 /* messages; those that come later are not */
	uint64_t deadline;	 /* CLOCK_MONOTONIC, nanoseconds */
	char *answer;		 /* of the page being sent */
	size_t length;
	size_t sent;
};

struct operators {
	struct keeper *keeper;
	struct operator_peer peers[OPERATOR_PEERS];
};

void operators_open(struct operators *operators, struct keeper *keeper);

/* Answer TEXT to FD, which becomes the operators'. */
void operators_ask(struct operators *operators, const char *text, int fd);

/* Once a second: let those go who take too long. */
void operators_check(struct operators *operators);

void operators_close(struct operators *operators);

#endif
