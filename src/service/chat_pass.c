/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_pass.h"

#include "ipc/handoff.h"
#include "service/chat_client.h"

#include <stdlib.h>
#include <string.h>

/* How it is written. */
enum {
	FORM = 1
};

/* Followed by what was kept, the secret and what keeping says. */
struct chat_saved {
	uint32_t form;
	uint16_t kept_length;
	uint16_t secret_length;
	uint32_t keeping_length;
	uint32_t left;
	uint64_t due; /* CLOCK_MONOTONIC, nanoseconds */
	uint64_t login_by;
	uint64_t next_line;
	uint64_t from;
	uint64_t until;
	struct feed_reader reader;
	struct chat_line_place place;
	uint8_t due_kind;
	uint8_t stage;
	uint8_t tries;
	uint8_t asked;
	uint8_t joining;
	uint8_t shown;
	uint8_t acks;
	char name[NAME_SIZE];
};

_Static_assert(sizeof(struct chat_saved) + CHAT_KEPT + NAME_PASSWORD_MOST +
			       KEEPING_STATE <=
		       HANDOFF_STATE,
	       "all of a client can be handed over");

size_t
chat_pass_save(const struct conn *conn, char *room)
{
	const struct chat_client *client = conn->own.pointer;
	char *to = room + sizeof(struct chat_saved);
	struct chat_saved saved = {
		.form = FORM,
		.kept_length = client->kept_length,
		.secret_length = client->secret_length,
		.left = client->left,
		.due = client->due.at,
		.login_by = client->login_by,
		.next_line = client->next_line,
		.from = client->from,
		.until = client->until,
		.reader = client->reader,
		.place = client->place,
		.due_kind = (uint8_t)client->due.kind,
		.stage = client->stage,
		.tries = client->tries,
		.asked = client->asked,
		.joining = client->joining,
		.shown = client->shown,
		.acks = client->acks,
	};

	memcpy(saved.name, client->name, sizeof(saved.name));
	if (client->kept_length > 0)
		to = mempcpy(to, client->kept, client->kept_length);
	if (client->secret_length > 0)
		to = mempcpy(to, client->secret, client->secret_length);
	if (client->stage != CHAT_ENDING)
		saved.keeping_length =
			(uint32_t)keeping_save(&client->session, to);
	memcpy(room, &saved, sizeof(saved));
	return (size_t)(to - room) + saved.keeping_length;
}

void
chat_pass_forget(struct conn *conn)
{
	struct chat_client *client = conn->own.pointer;

	if (client->stage != CHAT_ENDING)
		keeping_forget(&client->session);
	chat_client_part(client);
}

/* Whether SAVED, of LENGTH bytes, can be what a worker wrote. */
static bool
makes_sense(const struct chat_saved *saved, size_t length)
{
	return saved->form == FORM && saved->stage < CHAT_STAGES &&
	       saved->due_kind < CHAT_DUE_KINDS &&
	       saved->kept_length <= CHAT_KEPT &&
	       saved->secret_length <= NAME_PASSWORD_MOST &&
	       memchr(saved->name, '\0', sizeof(saved->name)) &&
	       length == sizeof(*saved) + saved->kept_length +
				 saved->secret_length + saved->keeping_length;
}

/* *COPY gets LENGTH bytes of ROOM.  False: no memory. */
static bool
copy(char **copy, const char *bytes, size_t length, size_t room)
{
	if (length == 0)
		return true;
	*copy = malloc(room);
	if (!*copy)
		return false;
	memcpy(*copy, bytes, length);
	return true;
}

static bool
fill(struct chat_client *client, const struct chat_saved *saved,
     const char *bytes)
{
	client->left = saved->left;
	client->login_by = saved->login_by;
	client->next_line = saved->next_line;
	client->from = saved->from;
	client->until = saved->until;
	client->reader = saved->reader;
	client->place = saved->place;
	client->stage = saved->stage;
	client->tries = saved->tries;
	client->asked = saved->asked;
	client->joining = saved->joining;
	client->shown = saved->shown;
	client->acks = saved->acks;
	memcpy(client->name, saved->name, sizeof(client->name));
	if (!copy(&client->kept, bytes, saved->kept_length, CHAT_KEPT))
		return false;
	client->kept_length = saved->kept_length;
	bytes += saved->kept_length;
	if (!copy(&client->secret, bytes, saved->secret_length,
		  saved->secret_length))
		return false;
	client->secret_length = saved->secret_length;
	return true;
}

/*
 * What it waits for; how long somebody may be idle is what it is here, and may
 * not have been anything where it came from.
 */
static void
restore_due(struct chat_client *client, const struct chat_saved *saved)
{
	bool idle = client->state->settings->idle_seconds > 0;

	if (saved->due_kind == CHAT_DUE_PAUSE ||
	    saved->due_kind == CHAT_DUE_LOGIN ||
	    (saved->due_kind == CHAT_DUE_IDLE && idle))
		chat_client_await(client, saved->due_kind, saved->due);
	else if (saved->stage >= CHAT_ROOM && saved->stage <= CHAT_MSG)
		chat_client_heard(client);
}

bool
chat_pass_restore(struct conn *conn, const char *state, size_t length)
{
	const char *bytes = state + sizeof(struct chat_saved);
	struct chat_client *client;
	struct chat_saved saved;

	conn->own.pointer = NULL;
	if (length < sizeof(saved))
		return false;
	memcpy(&saved, state, sizeof(saved));
	if (!makes_sense(&saved, length))
		return false;
	client = chat_client_new(conn);
	if (!client)
		return false;
	if (!fill(client, &saved, bytes) ||
	    (saved.stage != CHAT_ENDING &&
	     !keeping_restore(client->state->keeping, &client->session,
			      bytes + saved.kept_length + saved.secret_length,
			      saved.keeping_length))) {
		chat_client_part(client);
		return false;
	}
	restore_due(client, &saved);
	return true;
}

void
chat_pass_resume(struct conn *conn)
{
	struct chat_client *client = conn->own.pointer;

	if (client->stage == CHAT_ENDING)
		return;
	chat_client_begin(client);
	keeping_resume(&client->session);
	chat_client_go_on(client);
	chat_client_end(client);
}
