/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/chat_login.h"

#include "base/clock.h"
#include "base/name.h"
#include "service/chat_client.h"
#include "service/chat_room.h"
#include "service/chat_send.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

/* What each stage asks. */
static const char *const prompts[CHAT_STAGES] = {
	[CHAT_NAME] = "name: ",
	[CHAT_PASSWORD] = "password: ",
	[CHAT_CHOOSE] = "new name, choose a password: ",
	[CHAT_OLD] = "old password: ",
	[CHAT_NEW] = "new password: ",
};

void
chat_login_prompt(struct chat_client *client)
{
	const char *prompt = prompts[client->stage];

	if (prompt)
		chat_send_bytes(client, prompt, strlen(prompt));
}

static void
ask(struct chat_client *client, enum chat_stage stage)
{
	client->stage = stage;
	chat_login_prompt(client);
}

/* BY: 0: there is no limit. */
static void
limit(struct chat_client *client, uint64_t by)
{
	chat_client_await(client, by > 0 ? CHAT_DUE_LOGIN : CHAT_DUE_NEVER, by);
}

static uint64_t
limit_from_now(const struct chat_client *client)
{
	double seconds = client->state->settings->login_seconds;

	if (seconds <= 0)
		return 0;
	return clock_monotonic() + (uint64_t)(seconds * (double)CLOCK_SECOND);
}

void
chat_login_begin(struct chat_client *client)
{
	client->login_by = limit_from_now(client);
	limit(client, client->login_by);
	ask(client, CHAT_NAME);
}

void
chat_login_change(struct chat_client *client)
{
	limit(client, limit_from_now(client));
	ask(client, CHAT_OLD);
}

void
chat_login_forget(struct chat_client *client)
{
	if (client->secret)
		explicit_bzero(client->secret, client->secret_length);
	free(client->secret);
	client->secret = NULL;
	client->secret_length = 0;
}

/* --- what it says --- */

static bool
take_name(struct chat_client *client, const struct chat_line *line)
{
	struct name name;
	const char *wrong;

	if (chat_line_blank(line->text, line->length)) {
		chat_login_prompt(client);
		return true;
	}
	wrong = name_parse(line->text, line->length, &name);
	if (wrong) {
		chat_send(client, "! a name %s\n", wrong);
		chat_login_prompt(client);
		return true;
	}
	if (!keeping_lookup(&client->session, &name))
		return false;
	strlcpy(client->name, name.text, sizeof(client->name));
	chat_client_ask(client, CHAT_LOOKUP);
	return true;
}

/* TEXT is a name, or it were not kept. */
static struct name
name_of(const char *text)
{
	struct name name = { 0 };

	(void)name_parse(text, strlen(text), &name);
	return name;
}

/* Whether LINE can be a password; if not it is told why, and asked again. */
static bool
acceptable(struct chat_client *client, const struct name *name,
	   const struct chat_line *line)
{
	const char *wrong = name_check_password(name, line->text, line->length);

	if (!wrong)
		return true;
	chat_send(client, "! a password %s\n", wrong);
	chat_login_prompt(client);
	return false;
}

static bool
take_password(struct chat_client *client, const struct chat_line *line)
{
	struct name name = name_of(client->name);
	/* None is longer; cut, it is just as wrong. */
	size_t length = line->length > NAME_PASSWORD_MOST ? NAME_PASSWORD_MOST
							  : line->length;

	if (!keeping_login(&client->session, &name, line->text, length))
		return false;
	chat_client_ask(client, CHAT_ENTERING);
	return true;
}

static bool
take_choice(struct chat_client *client, const struct chat_line *line)
{
	struct name name = name_of(client->name);

	if (!acceptable(client, &name, line))
		return true;
	if (!keeping_register(&client->session, &name, line->text,
			      line->length))
		return false;
	chat_client_ask(client, CHAT_ENTERING);
	return true;
}

/* The dialogue about another password is over. */
static void
end_change(struct chat_client *client)
{
	chat_login_forget(client);
	chat_room_enter(client);
}

/* An empty line, too, ends it. */
static bool
leave_change(struct chat_client *client)
{
	chat_send(client, "! your password is as it was\n");
	end_change(client);
	return true;
}

static bool
take_old(struct chat_client *client, const struct chat_line *line)
{
	if (line->length == 0 || line->length > NAME_PASSWORD_MOST)
		return leave_change(client);
	client->secret = malloc(line->length);
	if (!client->secret) {
		conn_close(client->conn, CONN_NO_MEMORY);
		return true;
	}
	memcpy(client->secret, line->text, line->length);
	client->secret_length = (uint16_t)line->length;
	ask(client, CHAT_NEW);
	return true;
}

static bool
take_new(struct chat_client *client, const struct chat_line *line)
{
	struct name name = name_of(client->session.name);

	if (line->length == 0)
		return leave_change(client);
	if (!acceptable(client, &name, line))
		return true;
	if (!keeping_password(&client->session, client->secret,
			      client->secret_length, line->text, line->length))
		return false;
	chat_login_forget(client);
	limit(client, 0);
	chat_client_ask(client, CHAT_CHANGING);
	return true;
}

bool
chat_login_take(struct chat_client *client, const struct chat_line *line)
{
	switch (client->stage) {
	case CHAT_NAME:
		return take_name(client, line);
	case CHAT_PASSWORD:
		return take_password(client, line);
	case CHAT_CHOOSE:
		return take_choice(client, line);
	case CHAT_OLD:
		return take_old(client, line);
	default:
		return take_new(client, line);
	}
}

/* --- what the keeper says to it --- */

static void
pause_for(struct chat_client *client, double seconds)
{
	uint64_t end =
		clock_monotonic() + (uint64_t)(seconds * (double)CLOCK_SECOND);

	if (client->login_by > 0 && end > client->login_by)
		end = client->login_by;
	client->stage = CHAT_PAUSE;
	chat_client_await(client, CHAT_DUE_PAUSE, end);
}

/* A try is over. */
static void
fail(struct chat_client *client)
{
	double seconds = client->state->settings->login_pause;

	if (++client->tries < CHAT_TRIES)
		pause_for(client, seconds * (1 << (client->tries - 1)));
	else
		chat_client_dismiss(client, "! that was the last try\n");
}

/* What becomes of it when it is not let in. */
static void
turned_away(struct chat_client *client, const struct keeping_answer *answer)
{
	double pause = client->state->settings->login_pause;
	int length = (int)answer->length;

	switch (answer->outcome) {
	case KEEPER_BUSY:
		chat_send(client, "! too many log in at once, try again\n");
		pause_for(client, pause);
		return;
	case KEEPER_TROUBLE:
		chat_send(client, "! nobody can log in just now: %.*s\n",
			  length, answer->text);
		pause_for(client, pause);
		return;
	case KEEPER_TAKEN:
		chat_send(client, "! somebody else is called %s now\n",
			  client->name);
		break;
	case KEEPER_REFUSED:
		chat_send(client, "! %.*s\n", length, answer->text);
		break;
	case KEEPER_UNKNOWN:
	case KEEPER_CLOSED:
		chat_send(client, "! nobody here is called %s\n", client->name);
		break;
	default:
		chat_send(client, "! that is not the password of %s\n",
			  client->name);
	}
	fail(client);
}

static void
looked_up(struct chat_client *client, const struct keeping_answer *answer)
{
	if (answer->outcome == KEEPER_OK)
		ask(client, CHAT_PASSWORD);
	else if (answer->outcome == KEEPER_UNKNOWN &&
		 client->state->settings->registration)
		ask(client, CHAT_CHOOSE);
	else
		turned_away(client, answer);
}

static void
changed(struct chat_client *client, const struct keeping_answer *answer)
{
	switch (answer->outcome) {
	case KEEPER_OK:
		chat_send(client, "* your password is changed\n");
		break;
	case KEEPER_WRONG:
		chat_send(client, "! that is not your password; it is as it "
				  "was\n");
		break;
	case KEEPER_BUSY:
		chat_send(client, "! too many log in at once; your password "
				  "is as it was\n");
		break;
	default:
		chat_send(client, "! your password is as it was: %.*s\n",
			  (int)answer->length, answer->text);
	}
	end_change(client);
}

void
chat_login_answered(struct chat_client *client,
		    const struct keeping_answer *answer)
{
	client->asked = false;
	if (client->stage == CHAT_LOOKUP)
		looked_up(client, answer);
	else if (client->stage == CHAT_CHANGING)
		changed(client, answer);
	else if (client->stage == CHAT_ENTERING && answer->outcome == KEEPER_OK)
		chat_room_welcome(client, answer);
	else if (client->stage == CHAT_ENTERING)
		turned_away(client, answer);
}

/* --- time --- */

void
chat_login_reached(struct chat_client *client)
{
	if (client->stage == CHAT_OLD || client->stage == CHAT_NEW) {
		chat_send(client, "\n! your password is as it was\n");
		end_change(client);
		return;
	}
	if (client->login_by > 0 && clock_monotonic() >= client->login_by) {
		/* A prompt that nobody answered has no end yet. */
		chat_send(client, "%s", prompts[client->stage] ? "\n" : "");
		chat_client_dismiss(client, "! it took too long to log in\n");
		return;
	}
	limit(client, client->login_by);
	if (client->stage == CHAT_PAUSE)
		ask(client, CHAT_NAME);
}
