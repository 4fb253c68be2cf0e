/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is registered, as timedctl shows it: the users of keeper/operator.h, in
 * the order in which they came, with times of the zone that timedctl is in.
 */
#ifndef TIMED_TOOLS_SHOW_USERS_H
#define TIMED_TOOLS_SHOW_USERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct show_users_row;

struct show_users {
	struct show_users_row *rows;
	size_t count;
	size_t room;
};

/* One more.  False: memory is out. */
bool show_users_add(struct show_users *users, const json_t *object);

/* The table. */
void show_users_print(const struct show_users *users, FILE *out);

void show_users_free(struct show_users *users);

/* How many there were. */
void show_users_removed(const json_t *answer, FILE *out);

enum {
	SHOW_USERS_TIME = 32
};

/* "2026-11-21 10:02:03", SECOND of CLOCK_REALTIME. */
void show_users_time(int64_t second, char text[SHOW_USERS_TIME]);

#endif
