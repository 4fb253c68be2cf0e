/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/refer.h"

#include "ipc/serial.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	LINES = 10 /* that are shown unless a number is asked for */
};

/* --- the journal --- */

static void
refer(struct master *master, struct control_peer *peer,
      enum journal_order order, struct journal_request *request)
{
	request->uid = peer->guest.uid;
	request->pid = peer->guest.pid;
	if (scribe_refer(&master->scribe, order, request, peer->source.fd) == 0)
		close(control_give(peer));
	else
		control_refuse(peer, EX_TEMPFAIL,
			       "the journal does not take requests now: %s",
			       strerror(errno));
}

static void
show_log(struct master *master, struct control_peer *peer)
{
	const struct control_request *asked = &peer->request;
	const struct control_value *lines = control_value(asked, "lines");
	const struct control_value *follow = control_value(asked, "follow");
	const struct control_value *file = control_value(asked, "file");
	const struct control_value *at = control_value(asked, "at");
	struct journal_request request = {
		.lines = lines ? (uint32_t)lines->number : LINES,
		.follow = follow && follow->number,
		.resume = file && at,
		.at = at ? at->number : 0,
	};

	if (!file != !at ||
	    (file && strlcpy(request.file, file->text, sizeof(request.file)) >=
			     sizeof(request.file)))
		control_refuse(peer, EX_USAGE,
			       "\"file\" and \"at\" are those of a line");
	else
		refer(master, peer, JOURNAL_SHOW, &request);
}

void
refer_to_journal(struct master *master, struct control_peer *peer)
{
	struct journal_request none = { 0 };

	if (peer->request.id == CONTROL_LOG_CLEAR)
		refer(master, peer, JOURNAL_CLEAR, &none);
	else
		show_log(master, peer);
}

/* --- the workers --- */

static void
list_clients(struct master *master, struct control_peer *peer)
{
	const struct control_value *name =
		control_value(&peer->request, "service");
	const struct service_config *service =
		name ? config_service(master->config, name->text) : NULL;

	round_ask(&master->round, peer,
		  service ? (uint64_t)service->board + 1 : 0);
}

static void
kick(struct master *master, struct control_peer *peer)
{
	const struct control_value *id = control_value(&peer->request, "id");
	uint64_t serial;

	if (serial_parse(id->text, &serial))
		round_ask(&master->round, peer, serial);
	else
		control_refuse(peer, EX_USAGE,
			       "no ID as `clients` shows them: %.64s",
			       id->text);
}

void
refer_to_crew(struct master *master, struct control_peer *peer)
{
	if (peer->request.id == CONTROL_KICK)
		kick(master, peer);
	else
		list_clients(master, peer);
}

/* --- the keeper --- */

/* The command and its values, as keeper/operator.h has it. */
static void
write_question(const struct control_request *request, char *text, size_t size)
{
	const struct control_command *command = &control_commands[request->id];

	strlcpy(text, command->name, size);
	for (int i = 0; command->arguments[i].key; i++) {
		const struct control_value *value = &request->values[i];
		size_t used = strlen(text);

		if (!value->given)
			continue;
		if (command->arguments[i].kind == CONTROL_STRING)
			snprintf(text + used, size - used, " %s", value->text);
		else
			snprintf(text + used, size - used, " %" PRId64,
				 value->number);
	}
}

void
refer_to_keeper(struct master *master, struct control_peer *peer)
{
	struct warden *warden = &master->warden;
	char question[CONTROL_TEXT + 32];

	write_question(&peer->request, question, sizeof(question));
	if (!warden->wanted)
		control_refuse(peer, EXIT_FAILURE,
			       "no service that is configured has users");
	else if (warden_ask(warden, question, peer->source.fd))
		close(control_give(peer));
	else
		control_refuse(peer, EX_TEMPFAIL,
			       "the keeper does not take requests now; "
			       "ask again");
}
