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
	LINES = 10,    /* that are shown unless a number is asked for */
	MESSAGES = 20, /* the same */
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

void
refer_log(struct master *master, struct control_peer *peer)
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
refer_log_clear(struct master *master, struct control_peer *peer)
{
	struct journal_request request = { 0 };

	refer(master, peer, JOURNAL_CLEAR, &request);
}

/* --- the workers --- */

/* The service NAME of CONFIG, or NULL with those that there are in KNOWN. */
static const struct service_config *
find_service(const struct config *config, const char *name, char *known,
	     size_t size)
{
	known[0] = '\0';
	for (int i = 0; i < config->service_count; i++) {
		const struct service_config *service = &config->services[i];

		if (strcmp(service->name, name) == 0)
			return service;
		strlcat(known, i ? ", " : "", size);
		strlcat(known, service->name, size);
	}
	return NULL;
}

void
refer_clients(struct master *master, struct control_peer *peer)
{
	const struct control_value *name =
		control_value(&peer->request, "service");
	const struct service_config *service;
	char known[384];

	if (!name) {
		round_ask(&master->round, peer, 0);
		return;
	}
	service =
		find_service(master->config, name->text, known, sizeof(known));
	if (service)
		round_ask(&master->round, peer, (uint64_t)service->board + 1);
	else
		control_refuse(peer, EXIT_FAILURE,
			       "no service is called \"%.64s\"; there are: %s",
			       name->text, known);
}

void
refer_kick(struct master *master, struct control_peer *peer)
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

/* --- the keeper --- */

static void
refer_question(struct master *master, struct control_peer *peer,
	       const char *question)
{
	struct warden *warden = &master->warden;

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

void
refer_users(struct master *master, struct control_peer *peer)
{
	refer_question(master, peer, "users");
}

void
refer_users_del(struct master *master, struct control_peer *peer)
{
	const struct control_value *name =
		control_value(&peer->request, "name");
	char question[CONTROL_TEXT + 16];

	snprintf(question, sizeof(question), "users del %s", name->text);
	refer_question(master, peer, question);
}

void
refer_users_clear(struct master *master, struct control_peer *peer)
{
	refer_question(master, peer, "users clear");
}

void
refer_history(struct master *master, struct control_peer *peer)
{
	const struct control_value *messages =
		control_value(&peer->request, "messages");
	char question[32];

	snprintf(question, sizeof(question), "history %" PRId64,
		 messages ? messages->number : MESSAGES);
	refer_question(master, peer, question);
}

void
refer_history_clear(struct master *master, struct control_peer *peer)
{
	refer_question(master, peer, "history clear");
}
