/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/operate.h"

#include "ipc/status_json.h"
#include "master/pausing.h"
#include "master/refer.h"
#include "master/reload.h"
#include "master/upgrade.h"

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

/* --- the table --- */

struct operation {
	void (*run)(struct master *master, struct control_peer *peer);
	bool always; /* also when timed does not serve yet, or stops */
};

static const struct operation operations[CONTROL_COUNT] = {
	[CONTROL_STATUS] = { show_status, true },
	[CONTROL_SERVICES] = { show_services, true },
	[CONTROL_WORKERS] = { workers, false },
	[CONTROL_RELOAD] = { reload, false },
	[CONTROL_UPGRADE] = { upgrade, false },
	[CONTROL_STOP] = { stop, true },
	[CONTROL_PAUSE] = { pausing_pause, false },
	[CONTROL_RESUME] = { pausing_resume, false },
	[CONTROL_LOG] = { refer_log, true },
	[CONTROL_LOG_CLEAR] = { refer_log_clear, true },
	[CONTROL_CLIENTS] = { refer_clients, false },
	[CONTROL_KICK] = { refer_kick, false },
	[CONTROL_USERS] = { refer_users, false },
	[CONTROL_USERS_DEL] = { refer_users_del, false },
	[CONTROL_USERS_CLEAR] = { refer_users_clear, false },
	[CONTROL_HISTORY] = { refer_history, false },
	[CONTROL_HISTORY_CLEAR] = { refer_history_clear, false },
};

void
operate(void *context, struct control_peer *peer)
{
	struct master *master = context;
	const struct operation *operation = &operations[peer->request.id];

	if (!operation->run)
		control_refuse(peer, EX_USAGE, "timedctl does that by itself");
	else if (operation->always || master_serves(master))
		operation->run(master, peer);
	else
		control_refuse(peer, EX_TEMPFAIL, "timed %s",
			       master->state == MASTER_STOPPING
				       ? "is stopping"
				       : "does not serve yet");
}
