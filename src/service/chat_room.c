/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_room.h"

#include "service/chat_client.h"
#include "service/chat_command.h"
#include "service/chat_send.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <string.h>

_Static_assert((int)CHAT_LINE <= (int)KEEPER_TEXT,
	       "the keeper takes every line");

void
chat_room_enter(struct chat_client *client)
{
	client->stage = CHAT_ROOM;
	client->asked = false;
	client->joining = false;
	chat_client_heard(client);
}

void
chat_room_welcome(struct chat_client *client,
		  const struct keeping_answer *answer)
{
	int lines = client->state->settings->history_on_join;

	feed_begin(&client->state->keeping->feed, &client->reader,
		   answer->cursor, client->session.id, client->session.user);
	client->login_by = 0;
	client->tries = 0;
	chat_send(client, "* welcome, %s; /help tells what there is\n",
		  client->session.name);
	chat_room_enter(client);
	if (lines > 0 && answer->seq > 0) {
		client->joining = true;
		chat_room_history(client, (uint32_t)lines, answer->seq);
	}
}

/* --- what it says --- */

bool
chat_room_say(struct chat_client *client, enum ring_kind kind,
	      const struct name *to, const struct chat_line *text)
{
	return keeping_say(&client->session, kind, to, text->text,
			   text->length);
}

bool
chat_room_take(struct chat_client *client, const struct chat_line *line)
{
	const char *wrong = chat_line_wrong(line->text, line->length);
	struct chat_line text = *line;

	if (wrong) {
		chat_send(client, "! a line %s\n", wrong);
		return true;
	}
	if (line->text[0] == '/') {
		if (line->length < 2 || line->text[1] != '/')
			return chat_command_run(client, line);
		/* Two of them are one that is said. */
		text.text++;
		text.length--;
	}
	return chat_room_say(client, RING_MESSAGE, NULL, &text);
}

/* --- what it is told of that --- */

static void
stored(struct chat_client *client, const struct keeping_answer *answer)
{
	counter_add(&client->conn->instance->tally->requests, 1);
	if (client->acks)
		chat_send(client, "+ %" PRIu64 "\n", answer->seq);
	if (answer->absent)
		chat_send(client,
			  "* %s is not here, and will find it in the "
			  "history\n",
			  client->name);
}

static void
said(struct chat_client *client, const struct keeping_answer *answer)
{
	/* Lines before it may still be under way. */
	bool private = client->stage == CHAT_MSG &&
		       answer->number == client->session.said;

	if (answer->outcome == KEEPER_OK)
		stored(client, answer);
	else if (answer->outcome == KEEPER_UNKNOWN)
		chat_send(client, "! nobody is called %s\n", client->name);
	else if (answer->outcome == KEEPER_REFUSED)
		chat_send(client, "! %.*s\n", (int)answer->length,
			  answer->text);
	else
		chat_send(client, "! this was not stored: %.*s\n",
			  (int)answer->length, answer->text);
	if (private)
		chat_room_enter(client);
}

/* --- what is shown in pages --- */

void
chat_room_history(struct chat_client *client, uint32_t count, uint64_t until)
{
	client->stage = CHAT_HISTORY;
	client->asked = false;
	client->shown = false;
	client->from = 0;
	client->until = until;
	client->left = count;
	chat_room_go_on(client);
}

void
chat_room_who(struct chat_client *client)
{
	client->stage = CHAT_WHO;
	client->asked = false;
	client->name[0] = '\0';
	chat_room_go_on(client);
}

void
chat_room_go_on(struct chat_client *client)
{
	if (client->gone || client->asked || conn_owes(client->conn) > 0)
		return;
	if (client->stage == CHAT_HISTORY)
		client->asked = keeping_history(&client->session, client->left,
						client->from, client->until);
	else if (client->stage == CHAT_WHO)
		client->asked = keeping_who(&client->session, client->name);
}

/* The next page begins where this one ended; false: there is none. */
static bool
turn_history(struct chat_client *client, const struct keeping_answer *answer)
{
	client->shown |= answer->length > 0;
	if (answer->count > 0 && answer->seq > client->from) {
		client->from = answer->seq;
		client->left = answer->count;
		return true;
	}
	if (!client->shown && !client->joining)
		chat_send(client, "* nothing was said yet\n");
	return false;
}

static bool
turn_who(struct chat_client *client, const struct keeping_answer *answer)
{
	if (answer->more[0] == '\0') {
		chat_send(client, "* in all: %" PRIu32 "\n", answer->count);
		return false;
	}
	strlcpy(client->name, answer->more, sizeof(client->name));
	return true;
}

static void
paged(struct chat_client *client, const struct keeping_answer *answer)
{
	bool more = false;

	client->asked = false;
	if (answer->outcome == KEEPER_OK) {
		chat_send_bytes(client, answer->text, answer->length);
		more = client->stage == CHAT_HISTORY
			       ? turn_history(client, answer)
			       : turn_who(client, answer);
	} else {
		chat_send(client, "! that cannot be shown just now: %.*s\n",
			  (int)answer->length, answer->text);
	}
	if (more)
		chat_room_go_on(client);
	else
		chat_room_enter(client);
}

void
chat_room_answered(struct chat_client *client,
		   const struct keeping_answer *answer)
{
	if (answer->type == KEEPER_SAY)
		said(client, answer);
	else
		paged(client, answer);
}
