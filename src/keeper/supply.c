/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store as the keeper has it: there, or not for now.
 */
#include "base/clock.h"
#include "ipc/events.h"
#include "keeper/context.h"

#include <bsd/string.h>
#include <stdio.h>

static const uint64_t COMPLAIN_AFTER = 60 * (uint64_t)CLOCK_SECOND;

/* Say it once a minute, however often it happens. */
static void
complain_of(struct keeper *keeper)
{
	uint64_t now = clock_monotonic();
	struct log_record record;

	if (keeper->complained && now - keeper->complained < COMPLAIN_AFTER)
		return;
	keeper->complained = now;
	if (!log_begin(&record, EVENT_STORE_FAILED))
		return;
	log_tag(&record, "file", "%s/timed.db", keeper->plan->state_dir);
	log_tag(&record, "reason", "%s", keeper->trouble);
	log_end(&record);
}

void
supply_worked(struct keeper *keeper)
{
	if (!keeper->complained)
		return;
	keeper->complained = 0;
	log_event(EVENT_STORE_RECOVERED, "file", "%s/timed.db",
		  keeper->plan->state_dir);
}

void
supply_failed(struct keeper *keeper)
{
	if (keeper->store) {
		store_rollback(keeper->store);
		strlcpy(keeper->trouble, store_problem(keeper->store),
			sizeof(keeper->trouble));
		if (!store_usable(keeper->store)) {
			store_close(keeper->store);
			keeper->store = NULL;
		}
	}
	complain_of(keeper);
}

/* --- what the store and the ring have to agree on --- */

static bool
publish_one(void *context, const struct store_message *message)
{
	lines_append(context, message);
	return true;
}

/*
 * A keeper that died may have stored what it did not publish any more.  A new
 * ring begins with nothing; a store that somebody put in the place of another
 * one goes on counting where that was.
 */
static enum store_result
match_ring(struct keeper *keeper)
{
	uint64_t last, published;

	if (store_last_seq(keeper->store, &last) != STORE_OK)
		return STORE_FAILED;
	if (ring_is_new(&keeper->ring))
		ring_start_at(&keeper->ring, last);
	published = ring_seq(&keeper->ring);
	if (last < published)
		return store_skip_to(keeper->store, published);
	if (last == published)
		return STORE_OK;
	if (store_messages(keeper->store, published, publish_one, keeper) !=
	    STORE_OK)
		return STORE_FAILED;
	ring_publish(&keeper->ring);
	channels_wake(&keeper->channels);
	return STORE_OK;
}

/* --- what the store and the roster have to agree on --- */

/* A session of the keeper before this one: wait for its worker. */
static struct roster_session *
take_in(struct keeper *keeper, const struct store_session *stored)
{
	struct roster_session *session =
		roster_add(&keeper->roster, stored->id, stored->key);

	if (session) {
		session->since = clock_monotonic();
		session->passed = true;
	}
	return session;
}

/* One of the store's is one of ours, or nobody's any more. */
static enum store_result
settle(struct keeper *keeper, const struct store_session *stored)
{
	struct roster_session *session =
		roster_find(&keeper->roster, stored->id);
	bool first;

	if (!session && !keeper->loaded)
		session = take_in(keeper, stored);
	if (!session || session->key != stored->key)
		return store_remove_session(keeper->store, stored->id);
	session->stored = session->user ||
			  roster_identify(&keeper->roster, session,
					  stored->user, stored->name, &first);
	return STORE_OK;
}

/* One of ours that the store does not have is over. */
static void
end_others(struct keeper *keeper)
{
	struct roster_session *session, *next;

	for (session = TAILQ_FIRST(&keeper->roster.all); session;
	     session = next) {
		next = TAILQ_NEXT(session, entry);
		if (!session->stored)
			requests_end_session(keeper, session,
					     "your session is not known");
	}
}

static enum store_result
match_sessions(struct keeper *keeper)
{
	struct store_session stored = { 0 };
	struct roster_session *session;
	enum store_result result;

	for (session = TAILQ_FIRST(&keeper->roster.all); session;
	     session = TAILQ_NEXT(session, entry)) {
		session->stored = false;
	}
	while ((result = store_next_session(keeper->store, stored.id,
					    &stored)) == STORE_OK)
		if (settle(keeper, &stored) == STORE_FAILED)
			return STORE_FAILED;
	if (result == STORE_FAILED)
		return STORE_FAILED;
	end_others(keeper);
	return STORE_OK;
}

static enum store_result
match(struct keeper *keeper)
{
	/* Those of an earlier run of timed are nobody's. */
	if (ring_is_new(&keeper->ring) &&
	    store_remove_sessions(keeper->store) != STORE_OK)
		return STORE_FAILED;
	if (match_ring(keeper) != STORE_OK ||
	    match_sessions(keeper) != STORE_OK)
		return STORE_FAILED;
	keeper->loaded = true;
	return STORE_OK;
}

void
supply_open(struct keeper *keeper)
{
	const struct keeper_plan *plan = keeper->plan;
	char file[sizeof(plan->state_dir) + 16];

	if (keeper->store)
		return;
	snprintf(file, sizeof(file), "%s/timed.db", plan->state_dir);
	keeper->store =
		store_open(file, plan->settings.durability == KEEPER_POWER,
			   keeper->trouble, sizeof(keeper->trouble));
	if (!keeper->store) {
		complain_of(keeper);
	} else if (match(keeper) != STORE_OK) {
		supply_failed(keeper);
		store_close(keeper->store);
		keeper->store = NULL;
	} else {
		supply_worked(keeper);
	}
}

bool
supply_there(struct keeper *keeper)
{
	if (keeper->store && !store_usable(keeper->store)) {
		strlcpy(keeper->trouble, "it was taken away",
			sizeof(keeper->trouble));
		store_close(keeper->store);
		keeper->store = NULL;
		complain_of(keeper);
	}
	return keeper->store != NULL;
}

void
supply_check(struct keeper *keeper)
{
	(void)supply_there(keeper);
	supply_open(keeper);
}

void
supply_close(struct keeper *keeper)
{
	store_close(keeper->store);
	keeper->store = NULL;
}
