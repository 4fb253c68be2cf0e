/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/show_users.h"

#include "tools/terminal_text.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct show_users_row {
	char *name;
	int64_t created;   /* CLOCK_REALTIME, seconds */
	int64_t last_seen; /* the same; 0: never */
	int64_t sessions;
};

/* --- gathering --- */

static bool
make_room(struct show_users *users)
{
	size_t room = users->room * 2 + 64;
	struct show_users_row *rows;

	if (users->count < users->room)
		return true;
	rows = reallocarray(users->rows, room, sizeof(*rows));
	if (!rows)
		return false;
	users->rows = rows;
	users->room = room;
	return true;
}

bool
show_users_add(struct show_users *users, const json_t *object)
{
	json_int_t created, last_seen, sessions;
	const char *name;
	char *copy;

	if (json_unpack((json_t *)object, "{s:{s:s, s:I, s:I, s:I}}", "user",
			"name", &name, "created", &created, "last_seen",
			&last_seen, "sessions", &sessions) < 0)
		return true;
	copy = make_room(users) ? strdup(name) : NULL;
	if (!copy)
		return false;
	users->rows[users->count++] =
		(struct show_users_row){ copy, created, last_seen, sessions };
	return true;
}

void
show_users_free(struct show_users *users)
{
	for (size_t i = 0; i < users->count; i++)
		free(users->rows[i].name);
	free(users->rows);
	*users = (struct show_users){ 0 };
}

/* --- the table --- */

void
show_users_time(int64_t second, char text[SHOW_USERS_TIME])
{
	time_t when = (time_t)second;
	struct tm tm;

	if (!localtime_r(&when, &tm) ||
	    strftime(text, SHOW_USERS_TIME, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		strlcpy(text, "?", SHOW_USERS_TIME);
}

static int
width_of_names(const struct show_users *users)
{
	int width = 16;

	for (size_t i = 0; i < users->count; i++) {
		int own = terminal_text_width(users->rows[i].name);

		if (own > width)
			width = own;
	}
	return width;
}

static void
print_row(const struct show_users_row *row, int width, FILE *out)
{
	char created[SHOW_USERS_TIME], seen[SHOW_USERS_TIME] = "never";

	show_users_time(row->created, created);
	if (row->last_seen)
		show_users_time(row->last_seen, seen);
	terminal_text_put(row->name, out);
	fprintf(out, "%*s %-19s %-19s %8" PRId64 "\n",
		width - terminal_text_width(row->name), "", created, seen,
		row->sessions);
}

void
show_users_print(const struct show_users *users, FILE *out)
{
	int width = width_of_names(users);

	fprintf(out, "%-*s %-19s %-19s %8s\n", width, "NAME", "CREATED",
		"LAST SEEN", "SESSIONS");
	for (size_t i = 0; i < users->count; i++)
		print_row(&users->rows[i], width, out);
}

void
show_users_removed(const json_t *answer, FILE *out)
{
	json_int_t removed =
		json_integer_value(json_object_get(answer, "removed"));

	fprintf(out, "%" JSON_INTEGER_FORMAT " %s gone\n", removed,
		removed == 1 ? "user is" : "users are");
}
