/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chat: a room, for nc, telnet and timec.
 *
 * Lines are the keeper's: it puts them in one order, stores them, and only then
 * are they in the ring that all workers read.  So everybody gets everybody
 * else's lines, in that order.  A client is a cursor in it; one that does not
 * read misses lines, is told how many, and goes on.
 */
#include "base/clock.h"
#include "keeper/keeper.h"
#include "service/chat_client.h"
#include "service/chat_login.h"
#include "service/chat_pass.h"
#include "service/chat_room.h"
#include "service/chat_send.h"
#include "service/registry.h"
#include "worker/conns.h"

#include <stdlib.h>
#include <string.h>

static const double SLOWEST = 0.001; /* lines a second */
static const uint64_t LATER = 100 * (uint64_t)CLOCK_MILLISECOND;

static struct chat_client *
client_of(const struct conn *conn)
{
	return conn->own.pointer;
}

static struct chat_client *
client_of_session(const struct keeping_session *session)
{
	return (struct chat_client *)((char *)(uintptr_t)session -
				      offsetof(struct chat_client, session));
}

static struct chat_client *
client_of_due(struct chat_due *due)
{
	return (struct chat_client *)((char *)due -
				      offsetof(struct chat_client, due));
}

/* --- what the worker says --- */

static void
chat_open(struct conn *conn)
{
	struct chat_client *client = chat_client_new(conn);

	if (!client) {
		conn_close(conn, CONN_NO_MEMORY);
		return;
	}
	chat_client_begin(client);
	keeping_enter(client->state->keeping, &client->session);
	chat_login_begin(client);
	chat_client_end(client);
}

static void
chat_input(struct conn *conn, const char *bytes, size_t length)
{
	struct chat_client *client = client_of(conn);

	chat_client_begin(client);
	chat_client_hear(client, bytes, length);
	chat_client_go_on(client);
	chat_client_end(client);
}

/* What it typed last is a line without its end. */
static void
chat_hangup(struct conn *conn)
{
	struct chat_client *client = client_of(conn);
	bool open = client->kept_length > 0 &&
		    client->kept_length < CHAT_KEPT &&
		    client->kept[client->kept_length - 1] != '\n';

	chat_client_begin(client);
	if (open)
		client->kept[client->kept_length++] = '\n';
	chat_client_go_on(client);
	chat_client_end(client);
}

static void
chat_drain(struct conn *conn)
{
	struct chat_client *client = client_of(conn);

	chat_client_begin(client);
	chat_client_go_on(client);
	chat_client_end(client);
}

static void
chat_close(struct conn *conn)
{
	struct chat_client *client = client_of(conn);

	/* It may have been one that could not be made. */
	if (!client)
		return;
	if (client->stage != CHAT_ENDING)
		keeping_leave(&client->session);
	chat_client_part(client);
}

/* --- what the keeper says --- */

static bool
is_offered(const struct chat_client *client)
{
	return client->conn->flags & CONN_OFFERED;
}

static void
retry(struct chat_client *client)
{
	chat_client_begin(client);
	chat_client_retry(client);
	if (!is_offered(client))
		chat_client_go_on(client);
	chat_client_end(client);
}

static void
answered(struct keeping_session *session, const struct keeping_answer *answer)
{
	struct chat_client *client = client_of_session(session);
	struct chat_state *state = client->state;
	struct chat_client *next;

	chat_client_begin(client);
	chat_client_retry(client);
	if (answer->outcome == KEEPER_OVER)
		chat_client_dismiss(client,
				    "! you are not logged in any more\n");
	else if (answer->type == KEEPER_SAY || answer->type == KEEPER_HISTORY ||
		 answer->type == KEEPER_WHO)
		chat_room_answered(client, answer);
	else
		chat_login_answered(client, answer);
	chat_client_go_on(client);
	chat_client_end(client);
	/* There is room for one more question. */
	next = TAILQ_FIRST(&state->waiting);
	if (next)
		retry(next);
}

static void
ended(struct keeping_session *session, const char *why)
{
	struct chat_client *client = client_of_session(session);

	chat_client_begin(client);
	chat_send(client, "! %s\n", why);
	chat_client_leave(client, CONN_DISMISSED);
	chat_client_end(client);
}

static bool
here(const struct keeping_session *session)
{
	return !is_offered(client_of_session(session));
}

static void
lines(void *context)
{
	chat_send_all(context);
}

static const struct keeping_events events = { answered, ended, here, lines };

/* --- what time says --- */

static void
reached(struct chat_due *due, enum chat_due_kind kind)
{
	struct chat_client *client = client_of_due(due);

	if (is_offered(client)) {
		/* It is, if it comes back. */
		chat_client_await(client, kind, clock_monotonic() + LATER);
		return;
	}
	chat_client_begin(client);
	if (kind == CHAT_DUE_IDLE)
		chat_client_dismiss(client, "! you were silent for too long\n");
	else
		chat_login_reached(client);
	chat_client_go_on(client);
	chat_client_end(client);
}

/* --- the service --- */

static const struct chat_settings defaults = {
	.timezone = "local",
	.durability = KEEPER_PROCESS,
	.registration = true,
	.history_on_join = 20,
	.ring_size = RING_DEFAULT,
	.lines_per_second = 10,
	.lines_burst = 20,
	.login_seconds = 60,
	.login_pause = 1,
	.stall_seconds = 300,
};

static const char *const durabilities[] = {
	[KEEPER_PROCESS] = "process",
	[KEEPER_POWER] = "power",
	NULL,
};

#define PLACE(member)                           \
	offsetof(struct chat_settings, member), \
		sizeof(((struct chat_settings *)0)->member)

static const struct setting settings[] = {
	{ "timezone", SETTING_STRING, PLACE(timezone), 1, 0, NULL },
	{ "durability", SETTING_CHOICE, PLACE(durability), 0, 0, durabilities },
	{ "registration", SETTING_BOOL, PLACE(registration), 0, 0, NULL },
	{ "history_keep", SETTING_INT, PLACE(history_keep), 0, INT32_MAX,
	  NULL },
	{ "history_on_join", SETTING_INT, PLACE(history_on_join), 0,
	  KEEPER_LINES, NULL },
	{ "ring_size", SETTING_INT, PLACE(ring_size), RING_LEAST, RING_MOST,
	  NULL },
	{ "lines_per_second", SETTING_FLOAT, PLACE(lines_per_second), 0,
	  1000000, NULL },
	{ "lines_burst", SETTING_INT, PLACE(lines_burst), 1, 1000000, NULL },
	{ "login_seconds", SETTING_FLOAT, PLACE(login_seconds), 0, 86400,
	  NULL },
	{ "login_pause", SETTING_FLOAT, PLACE(login_pause), 0, 3600, NULL },
	{ "idle_seconds", SETTING_FLOAT, PLACE(idle_seconds), 0, 31536000,
	  NULL },
	{ "stall_seconds", SETTING_FLOAT, PLACE(stall_seconds), 0, 86400,
	  NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

static void
chat_configure(struct service_config *config, config_setting_t *group,
	       struct complaints *complaints)
{
	struct chat_settings *chat = config->settings;

	chat->zone = settings_zone(group, chat->timezone, complaints);
	if (chat->ring_size & (chat->ring_size - 1))
		complain(complaints, settings_place(group, "ring_size"),
			 "ring_size: must be a power of two");
	if (chat->lines_per_second > 0 && chat->lines_per_second < SLOWEST)
		complain(complaints, settings_place(group, "lines_per_second"),
			 "lines_per_second: must be 0 or at least %g", SLOWEST);
	else if (chat->lines_per_second > 0)
		chat->line_every =
			(uint64_t)(CLOCK_SECOND / chat->lines_per_second);
	chat->line_slack = chat->line_every * (uint64_t)(chat->lines_burst - 1);
	config->stall = (uint64_t)(chat->stall_seconds * CLOCK_SECOND);
}

static void
chat_keep(const struct service_config *config, struct keeper_settings *keeper)
{
	const struct chat_settings *chat = config->settings;

	*keeper = (struct keeper_settings){
		.durability = chat->durability,
		.registration = chat->registration,
		.history_keep = chat->history_keep,
		.ring_size = chat->ring_size,
		.zone = chat->zone,
	};
}

static void
chat_release(struct service_config *config)
{
	struct chat_settings *chat = config->settings;

	zone_free(chat->zone);
	chat->zone = NULL;
}

static int
chat_start(struct instance *instance)
{
	struct chat_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -1;
	if (chat_due_open(&state->dues, instance->conns->loop, reached) < 0) {
		free(state);
		return -1;
	}
	TAILQ_INIT(&state->waiting);
	state->instance = instance;
	state->settings = instance->config->settings;
	state->keeping = instance->keeping;
	instance->state = state;
	keeping_use(state->keeping, &events, instance);
	return 0;
}

static void
chat_stop(struct instance *instance)
{
	struct chat_state *state = instance->state;

	for (uint32_t i = 0; i < instance->member_count; i++)
		chat_client_part(client_of(instance->members[i]));
	chat_due_close(&state->dues);
	free(state);
	instance->state = NULL;
}

static const char *
chat_name(const struct conn *conn)
{
	const struct chat_client *client = client_of(conn);

	return client && client->session.id ? client->session.name : NULL;
}

const struct service chat_service = {
	.type = "chat",
	.transports = ADDR_TCP,
	.send_buffer = 65536,
	.receive_buffer = 32768,
	.text = true,
	.settings_size = sizeof(struct chat_settings),
	.settings = settings,
	.defaults = &defaults,
	.configure = chat_configure,
	.keep = chat_keep,
	.release = chat_release,
	.start = chat_start,
	.stop = chat_stop,
	.open = chat_open,
	.input = chat_input,
	.hangup = chat_hangup,
	.drain = chat_drain,
	.close = chat_close,
	.name = chat_name,
	.save = chat_pass_save,
	.forget = chat_pass_forget,
	.restore = chat_pass_restore,
	.resume = chat_pass_resume,
};
