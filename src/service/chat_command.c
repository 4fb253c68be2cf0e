/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_command.h"

#include "service/chat_client.h"
#include "service/chat_login.h"
#include "service/chat_room.h"
#include "service/chat_send.h"

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

enum {
	SHOWN = 32,	  /* bytes of a command that there is not */
	HISTORY_ASKS = 20 /* messages, when no number is given */
};

struct chat_command {
	const char *name;
	const char *arguments;
	const char *help;
	/* REST: what follows the name.  As chat_command_run(). */
	bool (*run)(struct chat_client *client, struct chat_line *rest);
};

static bool run_ack(struct chat_client *client, struct chat_line *rest);
static bool run_help(struct chat_client *client, struct chat_line *rest);
static bool run_history(struct chat_client *client, struct chat_line *rest);
static bool run_me(struct chat_client *client, struct chat_line *rest);
static bool run_msg(struct chat_client *client, struct chat_line *rest);
static bool run_passwd(struct chat_client *client, struct chat_line *rest);
static bool run_quit(struct chat_client *client, struct chat_line *rest);
static bool run_who(struct chat_client *client, struct chat_line *rest);

static const struct chat_command commands[] = {
	{ "ack", "on|off", "+ and a number for each line that is stored",
	  run_ack },
	{ "help", "", "this", run_help },
	{ "history", "[N]", "the last N messages", run_history },
	{ "me", "TEXT", "say that you do something", run_me },
	{ "msg", "NAME TEXT", "say something to NAME alone", run_msg },
	{ "passwd", "", "change your password", run_passwd },
	{ "quit", "", "leave", run_quit },
	{ "who", "", "who is here", run_who },
	{ NULL, NULL, NULL, NULL },
};

static bool
is(const struct chat_line *word, const char *text)
{
	return word->length == strlen(text) &&
	       memcmp(word->text, text, word->length) == 0;
}

static bool
run_ack(struct chat_client *client, struct chat_line *rest)
{
	bool on = is(rest, "on");

	if (!on && !is(rest, "off")) {
		chat_send(client, "! /ack on|off\n");
		return true;
	}
	client->acks = on;
	chat_send(client, on ? "* each line is acknowledged\n"
			     : "* lines are not acknowledged\n");
	return true;
}

static bool
run_help(struct chat_client *client, struct chat_line *rest)
{
	char text[1024] = "";
	char line[128];

	(void)rest;
	for (const struct chat_command *c = commands; c->name; c++) {
		snprintf(line, sizeof(line), "* /%s%s%s: %s\n", c->name,
			 *c->arguments ? " " : "", c->arguments, c->help);
		strlcat(text, line, sizeof(text));
	}
	strlcat(text, "* a line that begins with // is said, with one /\n",
		sizeof(text));
	chat_send_bytes(client, text, strlen(text));
	return true;
}

/* 1 to KEEPER_LINES; 0: it is none. */
static uint32_t
number_of(const struct chat_line *word)
{
	uint32_t number = 0;

	for (size_t i = 0; i < word->length; i++) {
		if (word->text[i] < '0' || word->text[i] > '9')
			return 0;
		number = number * 10 + (uint32_t)(word->text[i] - '0');
		if (number > KEEPER_LINES)
			return 0;
	}
	return number;
}

static bool
run_history(struct chat_client *client, struct chat_line *rest)
{
	uint32_t count = rest->length > 0 ? number_of(rest) : HISTORY_ASKS;

	if (count == 0) {
		chat_send(client, "! /history takes a number from 1 to %d\n",
			  KEEPER_LINES);
		return true;
	}
	/* What it has said before that is in it. */
	if (!TAILQ_EMPTY(&client->session.requests))
		return false;
	chat_room_history(client, count, 0);
	return true;
}

static bool
run_me(struct chat_client *client, struct chat_line *rest)
{
	if (rest->length > 0)
		return chat_room_say(client, RING_ACTION, NULL, rest);
	chat_send(client, "! /me TEXT\n");
	return true;
}

static bool
run_msg(struct chat_client *client, struct chat_line *rest)
{
	struct chat_line word = chat_line_word(rest);
	struct name to;
	const char *wrong;

	if (rest->length == 0) {
		chat_send(client, "! /msg NAME TEXT\n");
		return true;
	}
	wrong = name_parse(word.text, word.length, &to);
	if (wrong) {
		chat_send(client, "! a name %s\n", wrong);
		return true;
	}
	if (!chat_room_say(client, RING_MESSAGE, &to, rest))
		return false;
	strlcpy(client->name, to.text, sizeof(client->name));
	chat_client_ask(client, CHAT_MSG);
	return true;
}

static bool
run_passwd(struct chat_client *client, struct chat_line *rest)
{
	(void)rest;
	chat_login_change(client);
	return true;
}

static bool
run_quit(struct chat_client *client, struct chat_line *rest)
{
	(void)rest;
	chat_client_quit(client);
	return true;
}

static bool
run_who(struct chat_client *client, struct chat_line *rest)
{
	(void)rest;
	chat_room_who(client);
	return true;
}

/* How much of WORD is shown: whole characters. */
static int
shown(const struct chat_line *word)
{
	size_t length = word->length;

	if (length > SHOWN) {
		length = SHOWN;
		while (length > 0 && (word->text[length] & 0xc0) == 0x80)
			length--;
	}
	return (int)length;
}

bool
chat_command_run(struct chat_client *client, const struct chat_line *line)
{
	struct chat_line rest = { line->text + 1, line->length - 1 };
	struct chat_line name = chat_line_word(&rest);

	while (rest.length > 0 && rest.text[rest.length - 1] == ' ')
		rest.length--;
	for (const struct chat_command *c = commands; c->name; c++)
		if (is(&name, c->name))
			return c->run(client, &rest);
	chat_send(client, "! there is no /%.*s; /help tells what there is\n",
		  shown(&name), name.text);
	return true;
}
