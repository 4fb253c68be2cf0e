/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is connected, as timedctl shows it: the objects of worker/roster.h.  Rows
 * are gathered as they come and shown in their order at the end, so that a
 * slow reader of the table holds up nobody.
 */
#ifndef TIMED_TOOLS_SHOW_CLIENTS_H
#define TIMED_TOOLS_SHOW_CLIENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct show_clients_row;

struct show_clients {
	struct show_clients_row *rows;
	size_t count;
	size_t room;
};

/* One more.  False: memory is out. */
bool show_clients_add(struct show_clients *clients, const json_t *object);

/* The table, sorted by service and ID, and each connection once. */
void show_clients_print(struct show_clients *clients, FILE *out);

void show_clients_free(struct show_clients *clients);

/* That one was kicked. */
void show_clients_kicked(const json_t *object, FILE *out);

#endif
