/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/pool.h"

#include "base/clock.h"
#include "master/obituary.h"

#include <errno.h>
#include <stddef.h>
#include <sysexits.h>

static const uint64_t SECOND = (uint64_t)CLOCK_SECOND;
static const uint64_t DELAY_FIRST = 100 * (uint64_t)CLOCK_MILLISECOND;
static const uint64_t DELAY_MOST = 30 * (uint64_t)CLOCK_SECOND;
static const uint64_t START_TIME = 20 * (uint64_t)CLOCK_SECOND;

#define POOL_OF(pointer, member) \
	((struct pool *)((char *)(pointer)-offsetof(struct pool, member)))

static void
empty_generation(struct pool_generation *generation)
{
	*generation = (struct pool_generation){ 0 };
	for (int i = 0; i < CONFIG_WORKERS; i++) {
		generation->places[i].slot = -1;
		generation->places[i].heir = -1;
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

static int
spawn(struct pool *pool, const struct pool_generation *generation,
      unsigned number)
{
	return crew_spawn(&pool->crew, generation->number, number,
			  generation->config, generation->listeners);
}

/* --- handing over --- */

/* Who serves in the current generation; how many. */
static int
successors(const struct pool *pool, int slots[CONFIG_WORKERS])
{
	const struct crew_member *members = pool->crew.members;
	int count = 0;

	for (int i = 0; i < SCOREBOARD_SLOTS && count < CONFIG_WORKERS; i++)
		if (members[i].pid && members[i].state == WORKER_SERVING &&
		    !members[i].killed &&
		    members[i].generation == pool->current.number)
			slots[count++] = i;
	return count;
}

static void
retire(struct pool *pool, int slot, const int *heirs, int count)
{
	crew_retire(&pool->crew, slot, heirs, count,
		    (uint64_t)(pool->current.config->handoff_seconds *
			       (double)SECOND));
}

/* The new one may take over from those who are still at it. */
static void
offer_heir(struct pool *pool, int heir)
{
	const struct crew_member *members = pool->crew.members;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (members[i].pid && members[i].state == WORKER_RETIRING)
			retire(pool, i, &heir, 1);
}

/* There was no descriptor for the handoff sockets of some: try again. */
static void
help_stranded(struct pool *pool)
{
	const struct crew_member *members = pool->crew.members;
	int heirs[CONFIG_WORKERS];
	int count = successors(pool, heirs);

	for (int i = 0; count > 0 && i < SCOREBOARD_SLOTS; i++)
		if (members[i].pid && members[i].state == WORKER_RETIRING &&
		    members[i].heirs == 0)
			retire(pool, i, heirs, count);
}

/* Whether somebody of the current generation is alive and well. */
static bool
somebody_serves(const struct pool *pool)
{
	uint64_t now = clock_monotonic();
	int slots[CONFIG_WORKERS];
	int count = successors(pool, slots);

	for (int i = 0; i < count; i++)
		if (now - pool->crew.members[slots[i]].last_beat < 3 * SECOND)
			return true;
	return false;
}

/* --- keeping the current generation at its strength --- */

static void
delay_longer(struct pool_place *place)
{
	place->delay = place->delay ? place->delay * 2 : DELAY_FIRST;
	if (place->delay > DELAY_MOST)
		place->delay = DELAY_MOST;
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
respawn(struct pool *pool, unsigned number)
{
	struct pool_place *place = &pool->current.places[number];

	place->due = 0;
	place->slot = spawn(pool, &pool->current, number);
	if (place->slot >= 0)
		return;
	obituary_spawn_failed(number, errno);
	delay_longer(place);
}

static void
respawn_due(struct timer *timer, bool stepped)
{
	struct pool *pool = POOL_OF(timer, respawn);
	uint64_t now = clock_monotonic();

	(void)stepped;
	for (unsigned i = 0; i < CONFIG_WORKERS; i++) {
		uint64_t due = pool->current.places[i].due;

		if (due && due <= now)
			respawn(pool, i);
	}
	schedule(pool);
}

/* The one in this place is gone. */
static void
vacate(struct pool *pool, int slot, const struct crew_member *gone)
{
	struct pool_place *place = &pool->current.places[gone->number];

	if (place->heir == slot) {
		place->heir = -1;
		return;
	}
	if (place->slot != slot)
		return;
	place->slot = place->heir;
	place->heir = -1;
	if (pool->stopped || place->slot >= 0)
		return;
	if (gone->beaten) {
		respawn(pool, gone->number);
	} else {
		delay_longer(place);
		obituary_respawn(gone, place->delay);
	}
	schedule(pool);
}

static void
check_recycling(struct pool *pool, int slot)
{
	const struct crew_member *member = &pool->crew.members[slot];
	struct pool_place *place = &pool->current.places[member->number];
	uint64_t after;

	if (pool->stopped || pool->next.number ||
	    member->generation != pool->current.number ||
	    member->state != WORKER_SERVING || place->slot != slot ||
	    place->heir >= 0)
		return;
	after = (uint64_t)pool->current.config->recycle_after;
	if (after && member->accepted >= after)
		place->heir = spawn(pool, &pool->current, member->number);
}

/* --- what workers say --- */

static void
member_ready(void *context, int slot)
{
	struct pool *pool = context;
	const struct crew_member *member = &pool->crew.members[slot];
	struct pool_generation *generation =
		generation_of(pool, member->generation);
	struct pool_place *place;

	if (!generation)
		return;
	place = &generation->places[member->number];
	if (generation == &pool->current) {
		crew_accept(&pool->crew, slot);
		offer_heir(pool, slot);
	}
	if (place->heir == slot) {
		int old = place->slot;

		place->slot = slot;
		place->heir = -1;
		if (old >= 0)
			retire(pool, old, &slot, 1);
	}
	generation->ready++;
	if (generation == &pool->next &&
	    generation->ready == generation->config->workers)
		pool->events->ready(pool->context);
}

static void
member_beat(void *context, int slot, const struct report_beat *beat)
{
	struct pool *pool = context;
	const struct crew_member *member = &pool->crew.members[slot];
	struct pool_generation *generation =
		generation_of(pool, member->generation);

	if (generation && member->beaten)
		generation->places[member->number].delay = 0;
	pool->events->beat(pool->context, beat);
	check_recycling(pool, slot);
}

static void
member_born(void *context, int slot)
{
	struct pool *pool = context;

	pool->events->born(pool->context, slot);
}

static const struct crew_events crew_events = { member_ready, member_born,
						member_beat };

/* --- generations --- */

static void
give_up(struct pool *pool, const struct problem *problem)
{
	pool_abandon(pool);
	pool->events->failed(pool->context, problem);
}

static void
died_starting(struct pool *pool, const struct crew_member *gone, int status)
{
	struct problem problem;
	char how[64];

	obituary_how(status, how, sizeof(how));
	problem_set(&problem, EX_CANTCREAT, "worker %u did not start: %s",
		    gone->number, gone->failure[0] ? gone->failure : how);
	give_up(pool, &problem);
}

static void
not_ready_in_time(struct timer *timer, bool stepped)
{
	struct pool *pool = POOL_OF(timer, patience);
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

/* All will be replaced: those who replace a single one are not needed. */
static void
dismiss_heirs(struct pool *pool)
{
	for (int i = 0; i < CONFIG_WORKERS; i++) {
		int *heir = &pool->current.places[i].heir;

		if (*heir < 0)
			continue;
		pool->crew.members[*heir].unwanted = true;
		crew_kill(&pool->crew, *heir, NULL);
		*heir = -1;
	}
}

int
pool_begin(struct pool *pool, const struct config *config,
	   const struct listeners *listeners, struct problem *problem)
{
	struct pool_generation *next = &pool->next;

	dismiss_heirs(pool);
	empty_generation(next);
	next->number = ++pool->last_number;
	next->config = config;
	next->listeners = listeners;
	for (int i = 0; i < config->workers; i++) {
		next->places[i].slot = spawn(pool, next, (unsigned)i);
		if (next->places[i].slot >= 0)
			continue;
		if (errno == EUSERS)
			problem_set(problem, EX_CANTCREAT,
				    "workers of earlier generations hold all "
				    "%d slots",
				    SCOREBOARD_SLOTS);
		else
			problem_errno(problem, errno, "cannot make worker %d",
				      i);
		pool_abandon(pool);
		return -1;
	}
	timer_after(&pool->patience, START_TIME);
	return 0;
}

void
pool_carry_on(struct pool *pool, unsigned number, const struct config *config)
{
	pool->last_number = number;
	pool->current.number = number;
	pool->current.config = config;
}

/* Its workers are reaped later, as those of no generation. */
void
pool_abandon(struct pool *pool)
{
	struct crew *crew = &pool->crew;
	unsigned number = pool->next.number;

	if (!number)
		return;
	timer_cancel(&pool->patience);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		if (!crew->members[i].pid ||
		    crew->members[i].generation != number)
			continue;
		crew->members[i].unwanted = true;
		crew_kill(crew, i, NULL);
	}
	empty_generation(&pool->next);
}

void
pool_adopt(struct pool *pool, const struct config *config,
	   const struct listeners *listeners)
{
	struct crew *crew = &pool->crew;
	int heirs[CONFIG_WORKERS];
	int heir_count;

	timer_cancel(&pool->patience);
	pool->current = pool->next;
	pool->current.config = config;
	pool->current.listeners = listeners;
	empty_generation(&pool->next);
	/* The new ones first, so that somebody accepts all the time. */
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (crew->members[i].pid &&
		    crew->members[i].generation == pool->current.number)
			crew_accept(crew, i);
	heir_count = successors(pool, heirs);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (crew->members[i].pid &&
		    crew->members[i].generation != pool->current.number)
			retire(pool, i, heirs, heir_count);
	schedule(pool);
}

/* --- the end --- */

static void
stop_by_force(struct timer *timer, bool stepped)
{
	struct pool *pool = POOL_OF(timer, stopping);

	(void)stepped;
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (pool->crew.members[i].pid)
			crew_kill(&pool->crew, i, "it did not stop in time");
}

void
pool_stop(struct pool *pool, uint64_t milliseconds)
{
	struct crew *crew = &pool->crew;

	pool_abandon(pool);
	pool->stopped = true;
	timer_cancel(&pool->respawn);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (crew->members[i].pid && !crew->members[i].killed)
			crew_stop(crew, i, milliseconds);
	timer_after(&pool->stopping,
		    milliseconds * (uint64_t)CLOCK_MILLISECOND);
	if (crew_count(crew) == 0)
		pool->events->empty(pool->context);
}

bool
pool_reap(struct pool *pool, pid_t pid, int status)
{
	struct crew_member gone;
	int slot = crew_reap(&pool->crew, pid, status, &gone);

	if (slot < 0)
		return false;
	if (gone.crashed)
		pool->events->crashed(pool->context, &gone, status);
	if (gone.generation == pool->next.number)
		died_starting(pool, &gone, status);
	else if (gone.generation == pool->current.number)
		vacate(pool, slot, &gone);
	if (pool->stopped && crew_count(&pool->crew) == 0)
		pool->events->empty(pool->context);
	return true;
}

void
pool_check(struct pool *pool)
{
	if (!pool->current.config)
		return;
	if (!pool->stopped)
		help_stranded(pool);
	crew_check(&pool->crew,
		   (uint64_t)(pool->current.config->watchdog_seconds *
			      (double)SECOND),
		   !somebody_serves(pool));
}

int
pool_open(struct pool *pool, struct loop *loop, struct scoreboard *scoreboard,
	  int log, int census, const struct pool_events *events, void *context)
{
	*pool = (struct pool){ .events = events, .context = context };
	crew_init(&pool->crew, loop, scoreboard, log, census, &crew_events,
		  pool);
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
