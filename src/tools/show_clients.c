/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/show_clients.h"

#include "ipc/serial.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	AGE_TEXT = 32
};

struct show_clients_row {
	uint64_t serial;
	char *service;
	char *peer;
	char *name;  /* NULL: it has none */
	int64_t age; /* seconds */
	int64_t bytes_in;
	int64_t bytes_out;
	int64_t ticks;
	int64_t skipped;
	int64_t worker;
};

/* --- gathering --- */

static const char *
text_of(const json_t *client, const char *key)
{
	return json_string_value(json_object_get(client, key));
}

static int64_t
number_of(const json_t *client, const char *key)
{
	return json_integer_value(json_object_get(client, key));
}

static char *
copy_of(const json_t *client, const char *key)
{
	const char *text = text_of(client, key);

	return text ? strdup(text) : NULL;
}

static bool
make_room(struct show_clients *clients)
{
	size_t room = clients->room * 2 + 64;
	struct show_clients_row *rows;

	if (clients->count < clients->room)
		return true;
	rows = reallocarray(clients->rows, room, sizeof(*rows));
	if (!rows)
		return false;
	clients->rows = rows;
	clients->room = room;
	return true;
}

bool
show_clients_add(struct show_clients *clients, const json_t *object)
{
	const json_t *client = json_object_get(object, "client");
	const char *id = text_of(client, "id");
	struct show_clients_row *row;
	uint64_t serial;

	if (!id || !serial_parse(id, &serial))
		return true;
	if (!make_room(clients))
		return false;
	row = &clients->rows[clients->count++];
	*row = (struct show_clients_row){
		.serial = serial,
		.service = copy_of(client, "service"),
		.peer = copy_of(client, "peer"),
		.name = copy_of(client, "name"),
		.age = number_of(client, "age_seconds"),
		.bytes_in = number_of(client, "bytes_in"),
		.bytes_out = number_of(client, "bytes_out"),
		.ticks = number_of(client, "ticks"),
		.skipped = number_of(client, "skipped"),
		.worker = number_of(client, "worker"),
	};
	return row->service && row->peer;
}

void
show_clients_free(struct show_clients *clients)
{
	for (size_t i = 0; i < clients->count; i++) {
		free(clients->rows[i].service);
		free(clients->rows[i].peer);
		free(clients->rows[i].name);
	}
	free(clients->rows);
	*clients = (struct show_clients){ 0 };
}

/* --- the table --- */

static int
compare(const void *left, const void *right)
{
	const struct show_clients_row *a = left, *b = right;
	int services = strcmp(a->service, b->service);

	if (services)
		return services;
	return (a->serial > b->serial) - (a->serial < b->serial);
}

static void
format_age(int64_t seconds, char text[AGE_TEXT])
{
	int days = (int)(seconds / 86400);
	int left = (int)(seconds % 86400);
	int at = 0;

	if (days > 0)
		at = snprintf(text, AGE_TEXT, "%dd ", days);
	snprintf(text + at, AGE_TEXT - (size_t)at, "%02d:%02d:%02d",
		 left / 3600, left / 60 % 60, left % 60);
}

struct widths {
	int id;
	int service;
	int peer;
	bool names; /* somebody has one */
};

static void
widen(int *width, const char *text)
{
	int length = (int)strlen(text);

	if (length > *width)
		*width = length;
}

static struct widths
measure(const struct show_clients *clients)
{
	struct widths widths = { 8, 8, 16, false };

	for (size_t i = 0; i < clients->count; i++) {
		char id[SERIAL_TEXT];

		serial_format(clients->rows[i].serial, id);
		widen(&widths.id, id);
		widen(&widths.service, clients->rows[i].service);
		widen(&widths.peer, clients->rows[i].peer);
		widths.names = widths.names || clients->rows[i].name;
	}
	return widths;
}

static void
print_row(const struct show_clients_row *row, const struct widths *widths,
	  FILE *out)
{
	char id[SERIAL_TEXT], age[AGE_TEXT];

	serial_format(row->serial, id);
	format_age(row->age, age);
	fprintf(out,
		"%-*s %-*s %-*s %12s %10" PRId64 " %12" PRId64 " %10" PRId64
		" %8" PRId64 " %6" PRId64 "%s%s\n",
		widths->id, id, widths->service, row->service, widths->peer,
		row->peer, age, row->bytes_in, row->bytes_out, row->ticks,
		row->skipped, row->worker, row->name ? "  " : "",
		row->name ? row->name : "");
}

void
show_clients_print(struct show_clients *clients, FILE *out)
{
	struct widths widths = measure(clients);
	const struct show_clients_row *before = NULL;

	if (clients->count > 0)
		qsort(clients->rows, clients->count, sizeof(*clients->rows),
		      compare);
	fprintf(out, "%-*s %-*s %-*s %12s %10s %12s %10s %8s %6s%s\n",
		widths.id, "ID", widths.service, "SERVICE", widths.peer, "PEER",
		"AGE", "BYTES IN", "BYTES OUT", "TICKS", "SKIPPED", "WORKER",
		widths.names ? "  NAME" : "");
	for (size_t i = 0; i < clients->count; i++) {
		const struct show_clients_row *row = &clients->rows[i];

		/* One that was handed over is told of by both workers. */
		if (!before || before->serial != row->serial)
			print_row(row, &widths, out);
		before = row;
	}
}

void
show_clients_kicked(const json_t *object, FILE *out)
{
	const json_t *client = json_object_get(object, "client");
	const char *id = text_of(client, "id");
	const char *service = text_of(client, "service");
	const char *peer = text_of(client, "peer");

	if (id && service && peer)
		fprintf(out, "ended %s: %s of %s\n", id, peer, service);
}
