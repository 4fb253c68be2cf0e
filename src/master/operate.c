/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/operate.h"

#include "ipc/status_json.h"
#include "master/pausing.h"
#include "master/refer.h"
#include "master/reload.h"
#include "master/upgrade.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <sysexits.h>

/* --- what the scoreboard has --- */

static void
show(struct master *master, struct control_peer *peer, const char *member,
     json_t *(*make)(const struct snapshot *snapshot))
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot));
	struct snapshot_source source = { master->scoreboard.map,
					  SCOREBOARD_SIZE };

	if (snapshot && snapshot_take(&source, snapshot))
		control_done(peer, json_pack("{s:o}", member, make(snapshot)));
	else
		control_refuse(peer, EXIT_FAILURE, "out of memory");
	free(snapshot);
}

static void
show_status(struct master *master, struct control_peer *peer)
{
	show(master, peer, "status", status_object);
}

static void
show_services(struct master *master, struct control_peer *peer)
{
	show(master, peer, "services", status_services);
}

/* --- the life of timed --- */

static void
reload(struct master *master, struct control_peer *peer)
{
	control_wait(peer, CONTROL_WAITS_RELOAD);
	reload_request(master);
}

/* A reload with another number; the next one without goes by the file. */
static void
workers(struct master *master, struct control_peer *peer)
{
	const struct control_value *number =
		control_value(&peer->request, "number");

	if (!number) {
		show(master, peer, "workers", status_workers);
		return;
	}
	control_wait(peer, CONTROL_WAITS_RELOAD);
	reload_resize(master, (int)number->number);
}

static void
upgrade(struct master *master, struct control_peer *peer)
{
	control_wait(peer, CONTROL_WAITS_UPGRADE);
	upgrade_request(master);
	if (upgrade_under_way(master))
		control_begin(&master->control, CONTROL_WAITS_UPGRADE);
}

static void
stop(struct master *master, struct control_peer *peer)
{
	control_wait(peer, CONTROL_WAITS_STOP);
	master_stop(master);
}

/* --- the tables --- */

typedef void operation(struct master *master, struct control_peer *peer);

/* Who answers a command, unless one below does. */
static operation *const answerers[] = {
	[CONTROL_BY_JOURNAL] = refer_to_journal,
	[CONTROL_BY_CREW] = refer_to_crew,
	[CONTROL_BY_KEEPER] = refer_to_keeper,
};

static operation *const operations[CONTROL_COUNT] = {
	[CONTROL_STATUS] = show_status,	   [CONTROL_SERVICES] = show_services,
	[CONTROL_WORKERS] = workers,	   [CONTROL_PAUSE] = pausing_pause,
	[CONTROL_RESUME] = pausing_resume, [CONTROL_RELOAD] = reload,
	[CONTROL_UPGRADE] = upgrade,	   [CONTROL_STOP] = stop,
};

/* Also when timed does not serve yet, or is stopping. */
static bool
is_always_done(const struct control_command *command)
{
	return command->answerer == CONTROL_BY_SCOREBOARD ||
	       command->answerer == CONTROL_BY_JOURNAL ||
	       command == &control_commands[CONTROL_STOP];
}

/* Whether the service that PEER names, if it does, is there; or it is told. */
static bool
knows_service(struct master *master, struct control_peer *peer)
{
	const struct control_value *name =
		control_value(&peer->request, "service");
	const struct config *config = master->config;
	char names[384] = "";

	if (!name || config_service(config, name->text))
		return true;
	for (int i = 0; i < config->service_count; i++) {
		strlcat(names, i ? ", " : "", sizeof(names));
		strlcat(names, config->services[i].name, sizeof(names));
	}
	control_refuse(peer, EXIT_FAILURE,
		       "no service is called \"%.64s\"; there are: %s",
		       name->text, names);
	return false;
}

void
operate(void *context, struct control_peer *peer)
{
	struct master *master = context;
	const struct control_command *command =
		&control_commands[peer->request.id];
	operation *run = operations[peer->request.id];

	if (!run)
		run = answerers[command->answerer];
	if (!run)
		control_refuse(peer, EX_USAGE, "timedctl does that by itself");
	else if (!is_always_done(command) && !master_serves(master))
		control_refuse(peer, EX_TEMPFAIL, "timed %s",
			       master->state == MASTER_STOPPING
				       ? "is stopping"
				       : "does not serve yet");
	else if (knows_service(master, peer))
		run(master, peer);
}
