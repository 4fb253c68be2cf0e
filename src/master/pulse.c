/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/pulse.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "master/mend.h"
#include "master/notify.h"
#include "master/pausing.h"

#include <inttypes.h>
#include <stdio.h>

void
pulse_count(struct master *master, const struct report_beat *beat)
{
	master->pulse.counting.ticks += beat->delta.ticks;
	master->pulse.counting.requests += beat->delta.requests;
}

static uint64_t
clients(struct master *master)
{
	uint64_t connections = 0;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (master->pool.crew.members[i].pid)
			connections += __atomic_load_n(
				&scoreboard_slot(&master->scoreboard, i)
					 ->connections,
				__ATOMIC_RELAXED);
	return connections;
}

static void
tell_status(struct master *master)
{
	const struct pulse_rates *rates = &master->pulse.counting;
	char text[256], paused[64];

	pausing_text(master, paused, sizeof(paused));
	snprintf(text, sizeof(text),
		 "%d workers, %" PRIu64 " clients, %" PRIu64
		 " ticks a second, %" PRIu64 " requests a second%s",
		 crew_count(&master->pool.crew), clients(master), rates->ticks,
		 rates->requests, paused);
	notify_status(text);
}

/* What is missing of the master's own records. */
static void
publish_log_gaps(struct master *master)
{
	struct scoreboard_master *board = master_board(master);
	struct pulse *pulse = &master->pulse;

	board->log_lost += log_lost() - pulse->log_lost;
	board->log_limited += log_limited() - pulse->log_limited;
	pulse->log_lost = log_lost();
	pulse->log_limited = log_limited();
}

void
pulse_second(struct master *master)
{
	__atomic_store_n(&master_board(master)->heartbeat, clock_monotonic(),
			 __ATOMIC_RELAXED);
	mend_listeners(&master->listeners);
	pool_check(&master->pool);
	warden_retry(&master->warden);
	hooks_second(&master->hooks);
	control_check(&master->control);
	log_flush();
	publish_log_gaps(master);
	notify_watchdog();
	/* What reloads, starts and stops has a status of its own. */
	if (master_serves(master) && !master->next_config)
		tell_status(master);
	master->pulse.counting = (struct pulse_rates){ 0 };
}

void
pulse_clock_set(struct timer *timer, bool stepped)
{
	if (stepped)
		log_event(EVENT_CLOCK_STEPPED, "realtime", "%" PRId64,
			  clock_realtime() / CLOCK_SECOND);
	/* Nothing is due then. */
	while (!timer_at(timer, clock_realtime() + 86400 * CLOCK_SECOND))
		;
}
