/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/pool.h"

#include "base/clock.h"
#include "ipc/command.h"
#include "ipc/events.h"
#include "master/obituary.h"
#include "master/spawn.h"

#include <bsd/string.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static const uint64_t SECOND = (uint64_t)CLOCK_SECOND;
static const uint64_t DELAY_FIRST = 100 * (uint64_t)CLOCK_MILLISECOND;
static const uint64_t DELAY_MOST = 30 * (uint64_t)CLOCK_SECOND;
static const uint64_t START_TIME = 20 * (uint64_t)CLOCK_SECOND;

/* Records taken from one worker before the others get their turn. */
enum {
	REPORTS_PER_EVENT = 64
};

static void check_recycling(struct pool *pool, struct pool_worker *worker);
static void schedule(struct pool *pool);

/* --- one worker --- */

static int
slot_of(const struct pool *pool, const struct pool_worker *worker)
{
	return (int)(worker - pool->workers);
}

static void
enter(struct pool *pool, struct pool_worker *worker, enum worker_state state)
{
	struct scoreboard_master *master = scoreboard_master(pool->scoreboard);

	worker->state = state;
	scoreboard_begin(master);
	master->places[slot_of(pool, worker)].state = (uint32_t)state;
	scoreboard_end(master);
}

static void
kill_worker(struct pool_worker *worker)
{
	worker->killed = true;
	kill(worker->pid, SIGKILL);
}

/* One that does not take an order will not take the next. */
static void
order(struct pool_worker *worker, enum command_type type, uint64_t argument)
{
	if (command_send(worker->command, type, worker->generation, argument) ==
	    0)
		return;
	obituary_note(EVENT_WORKER_KILLED, worker, "reason",
		      "it takes no orders");
	kill_worker(worker);
}

static void
retire(struct pool *pool, struct pool_worker *worker)
{
	if (worker->state == WORKER_SERVING) {
		enter(pool, worker, WORKER_RETIRING);
		order(worker, COMMAND_RETIRE, 0);
	} else if (worker->state == WORKER_STARTING) {
		kill_worker(worker);
	}
}

static struct pool_generation *
generation_of(struct pool *pool, unsigned number)
{
	if (number && pool->current.number == number)
		return &pool->current;
	if (number && pool->next.number == number)
		return &pool->next;
	return NULL;
}

static void
became_ready(struct pool *pool, struct pool_worker *worker)
{
	struct pool_generation *generation =
		generation_of(pool, worker->generation);
	struct pool_place *place;

	if (worker->state != WORKER_STARTING)
		return;
	enter(pool, worker, WORKER_SERVING);
	obituary_note(EVENT_WORKER_READY, worker, NULL, NULL);
	if (!generation)
		return;
	place = &generation->places[worker->number];
	if (place->heir == slot_of(pool, worker)) {
		int old = place->slot;

		place->slot = place->heir;
		place->heir = -1;
		if (old >= 0)
			retire(pool, &pool->workers[old]);
	}
	generation->ready++;
	if (generation == &pool->next &&
	    generation->ready == generation->config->workers)
		pool->events->ready(pool->context);
}

static void
had_beat(struct pool *pool, struct pool_worker *worker,
	 const struct report_beat *beat)
{
	struct pool_generation *generation =
		generation_of(pool, worker->generation);

	worker->last_beat = clock_monotonic();
	worker->accepted += beat->delta.accepted;
	if (!worker->beaten && generation)
		generation->places[worker->number].delay = 0;
	worker->beaten = true;
	pool->events->beat(pool->context, beat);
	check_recycling(pool, worker);
}

static void
take_report(struct pool *pool, struct pool_worker *worker,
	    const union report *report)
{
	switch (report->header.type) {
	case REPORT_READY:
		became_ready(pool, worker);
		break;
	case REPORT_BEAT:
		had_beat(pool, worker, &report->beat);
		break;
	case REPORT_FAILED:
		strlcpy(worker->failure, report->failed.text,
			sizeof(worker->failure));
		strlcat(worker->failure, ": ", sizeof(worker->failure));
		strlcat(worker->failure, strerror(report->failed.error),
			sizeof(worker->failure));
		break;
	default:
		break;
	}
}

static void
close_pipe(struct pool *pool, struct pool_worker *worker)
{
	if (!worker->piped)
		return;
	loop_remove(pool->loop, &worker->report);
	close(worker->report.fd);
	worker->piped = false;
}

/* Take what is there.  False when the pipe is through. */
static bool
take_reports(struct pool *pool, struct pool_worker *worker, int most)
{
	unsigned generation = worker->generation;
	union report report;

	for (int i = 0; i < most; i++) {
		switch (report_next(&worker->reader, &report)) {
		case REPORT_GOT:
			take_report(pool, worker, &report);
			/* What it led to may have ended the worker. */
			if (worker->generation != generation)
				return true;
			break;
		case REPORT_REFUSED:
			obituary_note(EVENT_REPORT_REFUSED, worker, NULL, NULL);
			break;
		case REPORT_EMPTY:
			return true;
		case REPORT_END:
			return false;
		}
	}
	return true;
}

static void
report_ready(struct loop_source *source, uint32_t events)
{
	struct pool_worker *worker = (struct pool_worker *)source;

	(void)events;
	/* Its end comes with a SIGCHLD, or else with the watchdog. */
	if (!take_reports(worker->pool, worker, REPORTS_PER_EVENT))
		close_pipe(worker->pool, worker);
}

/* --- spawning --- */

static int
free_slot(const struct pool *pool)
{
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (pool->workers[i].pid == 0)
			return i;
	errno = EUSERS;
	return -1;
}

static void
publish(struct pool *pool, int slot)
{
	struct scoreboard_master *master = scoreboard_master(pool->scoreboard);
	const struct pool_worker *worker = &pool->workers[slot];

	scoreboard_begin(master);
	master->places[slot] = (struct scoreboard_place){
		.pid = worker->pid,
		.number = worker->number,
		.generation = worker->generation,
		.state = WORKER_STARTING,
		.started = clock_realtime() / CLOCK_SECOND,
	};
	scoreboard_end(master);
}

/* The slot of the new worker, or -1 with errno. */
static int
spawn(struct pool *pool, const struct pool_generation *generation,
      unsigned number)
{
	int slot = free_slot(pool);
	struct spawn_order wanted = {
		.scoreboard = pool->scoreboard,
		.config = generation->config,
		.listeners = generation->listeners,
		.log = pool->log,
		.slot = slot,
		.number = number,
		.generation = generation->number,
	};
	struct spawned spawned;
	struct pool_worker *worker;

	if (slot < 0 || spawn_worker(&wanted, &spawned) < 0)
		return -1;
	worker = &pool->workers[slot];
	*worker = (struct pool_worker){
		.report = { report_ready, spawned.report },
		.reader = { .fd = spawned.report,
			    .slot = (uint32_t)slot,
			    .generation = generation->number },
		.pool = pool,
		.pid = spawned.pid,
		.command = spawned.command,
		.number = number,
		.generation = generation->number,
		.state = WORKER_STARTING,
		.last_beat = clock_monotonic(),
		.piped = true,
	};
	/* Without its reports it would be killed by the watchdog anyway. */
	if (loop_add(pool->loop, &worker->report, EPOLLIN) < 0)
		kill_worker(worker);
	publish(pool, slot);
	return slot;
}

static void
delay_longer(struct pool_place *place)
{
	place->delay = place->delay ? place->delay * 2 : DELAY_FIRST;
	if (place->delay > DELAY_MOST)
		place->delay = DELAY_MOST;
}

static void
respawn(struct pool *pool, unsigned number)
{
	struct pool_place *place = &pool->current.places[number];

	place->due = 0;
	place->slot = spawn(pool, &pool->current, number);
	if (place->slot >= 0)
		return;
	obituary_spawn_failed(number, errno);
	delay_longer(place);
	place->due = clock_monotonic() + place->delay;
}

/* Arm the timer for the place that is due first. */
static void
schedule(struct pool *pool)
{
	uint64_t now = clock_monotonic();
	uint64_t first = 0;

	for (int i = 0; i < CONFIG_WORKERS; i++) {
		uint64_t due = pool->current.places[i].due;

		if (due && (!first || due < first))
			first = due;
	}
	if (first && !pool->stopped)
		timer_after(&pool->respawn, first > now ? first - now : 1);
	else
		timer_cancel(&pool->respawn);
}

static void
respawn_due(struct timer *timer, bool stepped)
{
	struct pool *pool =
		(struct pool *)((char *)timer - offsetof(struct pool, respawn));
	uint64_t now = clock_monotonic();

	(void)stepped;
	if (pool->stopped)
		return;
	for (unsigned i = 0; i < CONFIG_WORKERS; i++) {
		uint64_t due = pool->current.places[i].due;

		if (due && due <= now)
			respawn(pool, i);
	}
	schedule(pool);
}

/* --- recycling --- */

static void
check_recycling(struct pool *pool, struct pool_worker *worker)
{
	struct pool_place *place = &pool->current.places[worker->number];
	int after;

	if (pool->stopped || worker->generation != pool->current.number ||
	    worker->state != WORKER_SERVING ||
	    place->slot != slot_of(pool, worker) || place->heir >= 0)
		return;
	after = pool->current.config->recycle_after;
	if (after && worker->accepted >= (uint64_t)after)
		place->heir = spawn(pool, &pool->current, worker->number);
}

/* --- deaths --- */

static void
empty_generation(struct pool_generation *generation)
{
	*generation = (struct pool_generation){ 0 };
	for (int i = 0; i < CONFIG_WORKERS; i++) {
		generation->places[i].slot = -1;
		generation->places[i].heir = -1;
	}
}

static void
give_up(struct pool *pool, const struct problem *problem)
{
	pool_abandon(pool);
	pool->events->failed(pool->context, problem);
}

/* Its place in the current generation is vacant now. */
static void
vacate(struct pool *pool, int slot, const struct pool_worker *worker)
{
	struct pool_place *place = &pool->current.places[worker->number];

	if (place->heir == slot) {
		place->heir = -1;
		return;
	}
	if (place->slot != slot)
		return;
	place->slot = -1;
	if (pool->stopped)
		return;
	if (place->heir >= 0) {
		/* Its replacement is on its way. */
		place->slot = place->heir;
		place->heir = -1;
		return;
	}
	if (worker->beaten) {
		respawn(pool, worker->number);
	} else {
		delay_longer(place);
		place->due = clock_monotonic() + place->delay;
		obituary_respawn(worker, place->delay);
	}
	schedule(pool);
}

static void
died_starting(struct pool *pool, const struct pool_worker *worker, int status)
{
	struct problem problem;
	char how[64];

	obituary_how(status, how, sizeof(how));
	problem_set(&problem, EX_CANTCREAT, "worker %u did not start: %s",
		    worker->number, worker->failure[0] ? worker->failure : how);
	give_up(pool, &problem);
}

bool
pool_reap(struct pool *pool, pid_t pid, int status)
{
	struct pool_worker gone;
	int slot = 0;

	while (slot < SCOREBOARD_SLOTS && pool->workers[slot].pid != pid)
		slot++;
	if (slot == SCOREBOARD_SLOTS)
		return false;
	/* What it said before it died comes first; a pipe holds so much. */
	if (pool->workers[slot].piped)
		take_reports(pool, &pool->workers[slot], 1 << 16);
	close_pipe(pool, &pool->workers[slot]);
	close(pool->workers[slot].command);
	gone = pool->workers[slot];
	pool->workers[slot] = (struct pool_worker){ 0 };
	if (obituary_write(&gone, status, pool->stopped))
		scoreboard_master(pool->scoreboard)->crashes++;
	scoreboard_fold(pool->scoreboard, slot);
	if (gone.generation == pool->next.number)
		died_starting(pool, &gone, status);
	else if (gone.generation == pool->current.number)
		vacate(pool, slot, &gone);
	if (pool->stopped && pool_count(pool) == 0)
		pool->events->empty(pool->context);
	return true;
}

void
pool_check(struct pool *pool)
{
	uint64_t now = clock_monotonic();
	uint64_t late = now - pool->last_check;
	uint64_t limit;

	/* After a pause of our own their beats wait to be read: be fair. */
	late = pool->last_check && late > 2 * SECOND ? late : 0;
	pool->last_check = now;
	if (!pool->current.config)
		return;
	limit = (uint64_t)(pool->current.config->watchdog_seconds *
			   (double)SECOND);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		struct pool_worker *worker = &pool->workers[i];

		if (worker->pid == 0 || worker->killed)
			continue;
		worker->last_beat += late;
		if (now <= worker->last_beat || now - worker->last_beat < limit)
			continue;
		obituary_note(EVENT_WORKER_HUNG, worker, NULL, NULL);
		kill_worker(worker);
	}
}

/* --- generations --- */

static void
not_ready_in_time(struct timer *timer, bool stepped)
{
	struct pool *pool = (struct pool *)((char *)timer -
					    offsetof(struct pool, patience));
	struct problem problem;

	(void)stepped;
	if (!pool->next.number)
		return;
	problem_set(&problem, EX_CANTCREAT,
		    "%d of %d workers were not ready within %d seconds",
		    pool->next.config->workers - pool->next.ready,
		    pool->next.config->workers, (int)(START_TIME / SECOND));
	give_up(pool, &problem);
}

static void
stop_by_force(struct timer *timer, bool stepped)
{
	struct pool *pool = (struct pool *)((char *)timer -
					    offsetof(struct pool, stopping));

	(void)stepped;
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		if (pool->workers[i].pid == 0)
			continue;
		obituary_note(EVENT_WORKER_KILLED, &pool->workers[i], "reason",
			      "it did not stop in time");
		kill_worker(&pool->workers[i]);
	}
}

int
pool_open(struct pool *pool, struct loop *loop, struct scoreboard *scoreboard,
	  int log, const struct pool_events *events, void *context)
{
	*pool = (struct pool){ .loop = loop,
			       .scoreboard = scoreboard,
			       .events = events,
			       .context = context,
			       .log = log };
	empty_generation(&pool->current);
	empty_generation(&pool->next);
	if (timer_open(&pool->respawn, loop, CLOCK_MONOTONIC, respawn_due) < 0)
		return -1;
	if (timer_open(&pool->patience, loop, CLOCK_MONOTONIC,
		       not_ready_in_time) < 0) {
		timer_close(&pool->respawn);
		return -1;
	}
	if (timer_open(&pool->stopping, loop, CLOCK_MONOTONIC, stop_by_force) <
	    0) {
		timer_close(&pool->patience);
		timer_close(&pool->respawn);
		return -1;
	}
	return 0;
}

void
pool_close(struct pool *pool)
{
	timer_close(&pool->stopping);
	timer_close(&pool->patience);
	timer_close(&pool->respawn);
}

int
pool_begin(struct pool *pool, const struct config *config,
	   const struct listeners *listeners, struct problem *problem)
{
	struct pool_generation *next = &pool->next;

	empty_generation(next);
	next->number = ++pool->last_number;
	next->config = config;
	next->listeners = listeners;
	for (int i = 0; i < config->workers; i++) {
		next->places[i].slot = spawn(pool, next, (unsigned)i);
		if (next->places[i].slot >= 0)
			continue;
		problem_errno(problem, errno, "cannot make worker %d", i);
		pool_abandon(pool);
		return -1;
	}
	timer_after(&pool->patience, START_TIME);
	return 0;
}

/* Its workers are reaped later, as those of no generation. */
void
pool_abandon(struct pool *pool)
{
	unsigned number = pool->next.number;

	if (!number)
		return;
	timer_cancel(&pool->patience);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (pool->workers[i].pid &&
		    pool->workers[i].generation == number)
			kill_worker(&pool->workers[i]);
	empty_generation(&pool->next);
}

void
pool_adopt(struct pool *pool, const struct config *config,
	   const struct listeners *listeners)
{
	unsigned number = pool->next.number;

	timer_cancel(&pool->patience);
	pool->current = pool->next;
	pool->current.config = config;
	pool->current.listeners = listeners;
	empty_generation(&pool->next);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (pool->workers[i].pid &&
		    pool->workers[i].generation != number)
			retire(pool, &pool->workers[i]);
	schedule(pool);
}

void
pool_stop(struct pool *pool, uint64_t milliseconds)
{
	pool_abandon(pool);
	pool->stopped = true;
	timer_cancel(&pool->respawn);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		if (pool->workers[i].pid == 0 || pool->workers[i].killed)
			continue;
		enter(pool, &pool->workers[i], WORKER_STOPPING);
		order(&pool->workers[i], COMMAND_STOP, milliseconds);
	}
	timer_after(&pool->stopping,
		    milliseconds * (uint64_t)CLOCK_MILLISECOND);
	if (pool_count(pool) == 0)
		pool->events->empty(pool->context);
}

int
pool_count(const struct pool *pool)
{
	int count = 0;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		count += pool->workers[i].pid != 0;
	return count;
}
