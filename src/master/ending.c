/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/ending.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "master/context.h"
#include "master/notify.h"
#include "master/reload.h"
#include "master/upgrade.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

static uint64_t
stop_milliseconds(const struct master *master, double share)
{
	return (uint64_t)(master->config->stop_seconds * 1000 * share);
}

/* Nobody is left but the journal, which writes what the others left. */
static void
end_log(struct master *master)
{
	struct log_record record;

	if (log_begin(&record, EVENT_STOPPED)) {
		log_tag(&record, "accepted", "%" PRIu64,
			master_board(master)->gone.accepted);
		log_tag(&record, "ticks", "%" PRIu64,
			master_board(master)->gone.ticks);
		log_end(&record);
	}
	log_flush();
	log_close();
	scribe_stop(&master->scribe, stop_milliseconds(master, 0.1));
}

void
ending_pool_empty(void *context)
{
	struct master *master = context;

	herald_stop(&master->herald, stop_milliseconds(master, 0.1));
}

void
ending_status_ended(void *context)
{
	struct master *master = context;

	warden_stop(&master->warden, stop_milliseconds(master, 0.1));
}

void
ending_keeper_ended(void *context)
{
	struct master *master = context;

	master->deserted = true;
	if (!hooks_busy(&master->hooks))
		end_log(master);
}

void
ending_hooks_ended(void *context)
{
	struct master *master = context;

	if (master->deserted)
		end_log(master);
}

void
ending_journal_ended(void *context)
{
	struct master *master = context;

	loop_stop(&master->loop);
}

/* There will be no such thing any more. */
static void
disappoint(struct master *master, enum control_state state)
{
	control_begin(&master->control, state);
	control_tell(&master->control, state, "timed is stopping", NULL);
}

static void
disappoint_all(struct master *master)
{
	disappoint(master, CONTROL_WAITS_RELOAD);
	disappoint(master, CONTROL_WAITS_UPGRADE);
	disappoint(master, CONTROL_WAITS_PAUSE);
	round_break_off(&master->round, "timed is stopping");
}

void
master_stop(struct master *master)
{
	if (master->state == MASTER_STOPPING)
		return;
	if (master->state == MASTER_STARTING && master->launcher.status >= 0 &&
	    master->status == EX_OK) {
		start_complain(&master->launcher,
			       "was told to stop before it served");
		master->status = EXIT_FAILURE;
	}
	master_enter(master, MASTER_STOPPING);
	master->stop_began = clock_monotonic();
	notify_stopping();
	log_event(EVENT_STOPPING, "workers", "%d",
		  crew_count(&master->pool.crew));
	reload_cancel(master);
	upgrade_cancel(master);
	disappoint_all(master);
	listeners_close(&master->listeners);
	hooks_stop(&master->hooks, stop_milliseconds(master, 0.8));
	pool_stop(&master->pool, stop_milliseconds(master, 0.8));
}
