/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_client.h"

#include "base/clock.h"
#include "service/chat_login.h"
#include "service/chat_room.h"
#include "service/chat_send.h"

#include <stdlib.h>
#include <string.h>

/* --- a client's life --- */

struct chat_client *
chat_client_new(struct conn *conn)
{
	struct chat_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->conn = conn;
	client->state = conn->instance->state;
	conn->own.pointer = client;
	return client;
}

void
chat_client_begin(struct chat_client *client)
{
	client->busy++;
}

void
chat_client_end(struct chat_client *client)
{
	if (--client->busy == 0 && client->gone)
		free(client);
}

void
chat_client_retry(struct chat_client *client)
{
	if (client->waiting)
		TAILQ_REMOVE(&client->state->waiting, client, entry);
	client->waiting = false;
}

/* There may be a password in what was kept. */
static void
discard(struct chat_client *client)
{
	if (client->kept)
		explicit_bzero(client->kept, CHAT_KEPT);
	free(client->kept);
	client->kept = NULL;
	client->kept_length = 0;
}

void
chat_client_part(struct chat_client *client)
{
	chat_client_begin(client);
	chat_due_clear(&client->state->dues, &client->due);
	chat_client_retry(client);
	chat_login_forget(client);
	discard(client);
	client->gone = true;
	client->conn->own.pointer = NULL;
	chat_client_end(client);
}

void
chat_client_await(struct chat_client *client, enum chat_due_kind kind,
		  uint64_t at)
{
	if (client->gone)
		return;
	if (kind == CHAT_DUE_NEVER)
		chat_due_clear(&client->state->dues, &client->due);
	else
		chat_due_set(&client->state->dues, &client->due, kind, at);
}

void
chat_client_heard(struct chat_client *client)
{
	double seconds = client->state->settings->idle_seconds;

	if (seconds > 0)
		chat_client_await(
			client, CHAT_DUE_IDLE,
			clock_monotonic() +
				(uint64_t)(seconds * (double)CLOCK_SECOND));
	else
		chat_client_await(client, CHAT_DUE_NEVER, 0);
}

void
chat_client_ask(struct chat_client *client, enum chat_stage stage)
{
	client->stage = stage;
	client->asked = true;
}

void
chat_client_leave(struct chat_client *client, enum conn_reason reason)
{
	if (client->gone || client->stage == CHAT_ENDING)
		return;
	client->stage = CHAT_ENDING;
	chat_client_await(client, CHAT_DUE_NEVER, 0);
	/* The others need not wait until the last byte is taken. */
	keeping_leave(&client->session);
	conn_end(client->conn, reason);
}

void
chat_client_dismiss(struct chat_client *client, const char *text)
{
	chat_send(client, "%s", text);
	chat_client_leave(client, CONN_DISMISSED);
}

void
chat_client_quit(struct chat_client *client)
{
	chat_send(client, "* goodbye\n");
	chat_client_leave(client, CONN_CLIENT_CLOSED);
}

/* --- what it sends --- */

/* Stages at which a client is listened to. */
static bool
is_heard_at(enum chat_stage stage)
{
	return stage == CHAT_NAME || stage == CHAT_PASSWORD ||
	       stage == CHAT_CHOOSE || stage == CHAT_ROOM ||
	       stage == CHAT_OLD || stage == CHAT_NEW;
}

static bool
owes_much(const struct conn *conn)
{
	return conn_owes(conn) > CHAT_OWED;
}

static bool
listens(const struct chat_client *client)
{
	return !client->gone && !client->waiting &&
	       is_heard_at(client->stage) && !owes_much(client->conn);
}

/* A generic cell rate algorithm: whether a line is one too many now. */
static bool
too_fast(const struct chat_client *client, uint64_t now)
{
	return client->next_line > now + client->state->settings->line_slack;
}

static void
count_line(struct chat_client *client, uint64_t now)
{
	if (client->next_line < now)
		client->next_line = now;
	client->next_line += client->state->settings->line_every;
}

/* The keeper takes no more questions now: until it has answered one. */
static void
queue_up(struct chat_client *client)
{
	if (client->gone)
		return;
	client->waiting = true;
	TAILQ_INSERT_TAIL(&client->state->waiting, client, entry);
}

static void
refuse(struct chat_client *client, const char *text)
{
	chat_send(client, "%s", text);
	chat_login_prompt(client);
}

/* False: it cannot be taken now, and comes again. */
static bool
take(struct chat_client *client, enum chat_line_got got,
     const struct chat_line *line)
{
	uint64_t now = clock_monotonic();
	bool taken = true;

	if (client->stage == CHAT_ROOM && got == CHAT_LINE_WHOLE &&
	    chat_line_blank(line->text, line->length))
		return true;
	if (too_fast(client, now)) {
		refuse(client, "! slow down\n");
		return true;
	}
	if (got == CHAT_LINE_LONG)
		refuse(client, "! a line has at most 1,024 bytes\n");
	else if (client->stage == CHAT_ROOM)
		taken = chat_room_take(client, line);
	else
		taken = chat_login_take(client, line);
	if (taken)
		count_line(client, now);
	else
		queue_up(client);
	return taken;
}

/* Keep what was not looked at: LENGTH of BYTES, which may be kept already. */
static void
keep(struct chat_client *client, const char *bytes, size_t length)
{
	if (client->gone)
		return;
	if (length == 0) {
		discard(client);
		return;
	}
	if (!client->kept)
		client->kept = malloc(CHAT_KEPT);
	if (!client->kept || length > CHAT_KEPT) {
		conn_close(client->conn, CONN_NO_MEMORY);
		return;
	}
	memmove(client->kept, bytes, length);
	client->kept_length = (uint16_t)length;
}

/* Take the lines that are in LENGTH of BYTES, as far as it is listened to. */
static void
take_lines(struct chat_client *client, const char *bytes, size_t length)
{
	size_t at = 0;

	while (listens(client)) {
		struct chat_line line;
		size_t used;
		enum chat_line_got got = chat_line_cut(
			&client->place, bytes + at, length - at, &line, &used);

		if (got != CHAT_LINE_NONE && !take(client, got, &line)) {
			at = (size_t)(line.text - bytes);
			break;
		}
		at += used;
		if (got == CHAT_LINE_NONE)
			break;
	}
	keep(client, bytes + at, length - at);
}

void
chat_client_hear(struct chat_client *client, const char *bytes, size_t length)
{
	char all[CHAT_KEPT];
	size_t before = client->kept_length;

	if (length > sizeof(all) - before) {
		conn_close(client->conn, CONN_ERROR);
		return;
	}
	if (before > 0)
		memcpy(all, client->kept, before);
	memcpy(all + before, bytes, length);
	length = chat_line_strip(&client->place, all + before, length);
	if (client->stage == CHAT_ROOM)
		chat_client_heard(client);
	take_lines(client, all, before + length);
	explicit_bzero(all, before + length);
}

static void
end_if_through(struct chat_client *client)
{
	if (client->conn->flags & CONN_FINISHED && listens(client) &&
	    TAILQ_EMPTY(&client->session.requests))
		chat_client_quit(client);
}

void
chat_client_go_on(struct chat_client *client)
{
	chat_room_go_on(client);
	if (listens(client) && client->kept)
		take_lines(client, client->kept, client->kept_length);
	if (client->gone)
		return;
	if (client->stage == CHAT_ROOM)
		chat_send_feed(client);
	end_if_through(client);
	if (!client->gone)
		conn_hold(client->conn,
			  client->kept_length > 0 && !listens(client));
}
