/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/pausing.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "master/context.h"
#include "master/halt.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t LOOK = 10 * (uint64_t)CLOCK_MILLISECOND;
/* A client has its answer, and what makes it a connection is on the way. */
static const uint64_t TRIP = 250 * (uint64_t)CLOCK_MILLISECOND;
static const uint64_t TRIP_ON_LOOPBACK = 20 * (uint64_t)CLOCK_MILLISECOND;
/* Who waits still is cut off. */
static const uint64_t DEADLINE = 500 * (uint64_t)CLOCK_MILLISECOND;

/* --- listeners follow it --- */

/* One that a reload keeps is in both sets. */
static void
note(struct master *master, struct listener *listener, bool paused)
{
	struct listeners *next = &master->next_listeners;

	listener->paused = paused;
	listener->paused_at = clock_monotonic();
	for (int i = 0; master->next_config && i < next->count; i++) {
		if (next->items[i].fd != listener->fd)
			continue;
		next->items[i].paused = paused;
		next->items[i].paused_at = listener->paused_at;
	}
}

static int
set_one(struct master *master, struct listener *listener, bool paused,
	struct problem *problem)
{
	char address[ADDR_TEXT];
	int result = paused ? halt_begin(listener->fd, &listener->bound,
					 listener->transport)
			    : halt_lift(listener->fd, &listener->bound,
					listener->transport);

	if (result == 0) {
		note(master, listener, paused);
		return 0;
	}
	addr_format(&listener->bound, address);
	problem_errno(problem, errno, "cannot %s %s%s of service \"%s\"",
		      paused ? "pause" : "resume",
		      listener->transport == ADDR_UDP ? "udp:" : "", address,
		      listener->service_name);
	return -1;
}

/* 0, or -1 with PROBLEM: one that cannot be set stays as it was. */
static int
set_all(struct master *master, struct listeners *set, struct problem *problem)
{
	int result = 0;

	for (int i = 0; i < set->count; i++) {
		struct listener *one = &set->items[i];
		bool paused = paused_has(&master->paused, one->service_name);

		/* What two sets have is as the one in use wants it. */
		if ((set == &master->next_listeners && one->kept) ||
		    one->paused == paused)
			continue;
		if (set_one(master, one, paused, problem) < 0)
			result = -1;
	}
	return result;
}

/* Write to the scoreboard who is paused. */
static void
publish(struct master *master)
{
	struct scoreboard_master *board = master_board(master);
	bool all = master->listeners.count > 0;

	scoreboard_begin(board);
	for (int i = 0; i < SCOREBOARD_SERVICES; i++) {
		struct scoreboard_service *service = &board->services[i];

		service->paused = service->active &&
				  paused_has(&master->paused, service->name);
	}
	for (int i = 0; i < master->listeners.count; i++)
		all = all &&
		      paused_has(&master->paused,
				 master->listeners.items[i].service_name);
	if (master_serves(master)) {
		master->state = all ? MASTER_PAUSED : MASTER_RUNNING;
		board->state = (uint32_t)master->state;
	}
	scoreboard_end(board);
}

static int
enforce(struct master *master, struct problem *problem)
{
	int result = set_all(master, &master->listeners, problem);

	if (master->next_config) {
		pausing_mark(master, master->next_config);
		if (set_all(master, &master->next_listeners, problem) < 0)
			result = -1;
	}
	crew_hint(&master->pool.crew);
	publish(master);
	return result;
}

/* --- until clients are refused --- */

static bool
on_loopback(const struct addr *address)
{
	if (address->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
	return ntohl(address->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static void
log_trouble(const struct listener *listener, int event, const char *tag,
	    const char *text)
{
	struct log_record record;
	char address[ADDR_TEXT];

	if (!log_begin(&record, event))
		return;
	addr_format(&listener->bound, address);
	log_tag(&record, "service", "%s", listener->service_name);
	log_tag(&record, "address", "%s", address);
	log_tag(&record, tag, "%s", text);
	log_end(&record);
}

static void
refuse_from_now_on(const struct listener *listener, int waiting)
{
	char clients[16];

	if (waiting > 0) {
		snprintf(clients, sizeof(clients), "%d", waiting);
		log_trouble(listener, EVENT_PAUSE_CUT, "clients", clients);
	}
	if (halt_end(listener->fd, &listener->bound, listener->transport) < 0)
		log_trouble(listener, EVENT_PAUSE_FAILED, "error",
			    strerror(errno));
}

/* New ones are kept away; those who came before are to be taken in first. */
static bool
settle(const struct listener *listener, uint64_t now)
{
	uint64_t age = now - listener->paused_at;
	uint64_t trip;
	int waiting;

	if (!listener->paused)
		return true;
	waiting = halt_waiting(listener->fd, &listener->bound,
			       listener->transport);
	if (waiting < 0)
		return true;
	trip = on_loopback(&listener->bound) ? TRIP_ON_LOOPBACK : TRIP;
	if (age < DEADLINE && (waiting > 0 || age < trip))
		return false;
	refuse_from_now_on(listener, waiting);
	return true;
}

static bool
settle_all(const struct master *master)
{
	uint64_t now = clock_monotonic();
	bool settled = true;

	for (int i = 0; i < master->listeners.count; i++)
		if (!settle(&master->listeners.items[i], now))
			settled = false;
	return settled;
}

/* --- what operators are told --- */

static uint64_t
connections_of(const struct master *master, int service)
{
	uint64_t sum = 0;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		struct tally tally;

		if (!master->pool.crew.members[i].pid)
			continue;
		scoreboard_copy(&tally,
				&scoreboard_slot(&master->scoreboard, i)
					 ->services[service],
				sizeof(tally));
		sum += tally_connections(&tally);
	}
	return sum;
}

/* Who is paused now, and how many clients stay with them. */
static json_t *
answer(struct master *master, bool changed)
{
	const struct scoreboard_master *board = master_board(master);
	json_t *names = json_array();
	uint64_t clients = 0;
	const char *name;

	for (int at = 0; (name = listeners_service(&master->listeners, &at));)
		if (paused_has(&master->paused, name))
			json_array_append_new(names, json_string(name));
	for (int i = 0; i < SCOREBOARD_SERVICES; i++)
		if (board->services[i].paused)
			clients += connections_of(master, i);
	return json_pack("{s:b, s:o, s:I}", "changed", changed, "paused", names,
			 "clients", (json_int_t)clients);
}

/* Whether what PEER waited for is so: somebody else may have resumed it. */
static bool
still_paused(const struct master *master, const struct control_peer *peer)
{
	const struct control_value *service =
		control_value(&peer->request, "service");

	/* An exec forgets what was asked for. */
	if (peer->request.id != CONTROL_PAUSE)
		return true;
	return service ? paused_has(&master->paused, service->text)
		       : master->paused.all;
}

static void
tell_those_who_wait(struct master *master)
{
	for (int i = 0; i < CONTROL_PEERS; i++) {
		struct control_peer *peer = &master->control.peers[i];

		if (peer->state != CONTROL_WAITS_PAUSE)
			continue;
		if (still_paused(master, peer))
			control_done(peer, answer(master, true));
		else
			control_refuse(peer, EXIT_FAILURE,
				       "resumed by another operator");
	}
}

static void
look(struct timer *timer, bool stepped)
{
	struct master *master =
		(struct master *)((char *)timer -
				  offsetof(struct master, pausing));

	(void)stepped;
	if (settle_all(master))
		tell_those_who_wait(master);
	else
		timer_after(timer, LOOK);
}

/* --- commands --- */

/* SERVICE, or with NULL all, is paused or resumed from now on. */
static void
took_effect(struct master *master, bool pause, const char *service,
	    const struct control_peer *peer)
{
	struct hook_details details = { 0 };
	struct log_record record;

	if (log_begin(&record, pause ? EVENT_PAUSED : EVENT_RESUMED)) {
		log_tag(&record, "service", "%s", service ? service : "*");
		log_tag(&record, "uid", "%u", (unsigned)peer->guest.uid);
		log_end(&record);
	}
	if (service)
		hook_detail(&details, "TIMED_SERVICE", "%s", service);
	hooks_run(&master->hooks, pause ? HOOK_PAUSE : HOOK_RESUME, &details);
}

static void
change(struct master *master, struct control_peer *peer, bool pause)
{
	const struct control_value *value =
		control_value(&peer->request, "service");
	const char *service = value ? value->text : NULL;
	struct paused *paused = &master->paused;
	struct paused before = *paused;
	struct problem problem, ignored;
	bool changed;

	changed = pause ? paused_put_on(paused, service)
			: paused_take_off(paused, &master->listeners, service);
	if (changed && enforce(master, &problem) < 0) {
		*paused = before;
		(void)enforce(master, &ignored);
		timer_after(&master->pausing, LOOK);
		control_refuse(peer, problem.status, "%s", problem.text);
		return;
	}
	if (changed)
		took_effect(master, pause, service, peer);
	if (pause && !settle_all(master))
		control_wait(peer, CONTROL_WAITS_PAUSE);
	else
		control_done(peer, answer(master, changed));
	timer_after(&master->pausing, LOOK);
}

void
pausing_pause(struct master *master, struct control_peer *peer)
{
	change(master, peer, true);
}

void
pausing_resume(struct master *master, struct control_peer *peer)
{
	change(master, peer, false);
}

/* --- for the rest of the master --- */

int
pausing_open(struct master *master, struct loop *loop)
{
	return timer_open(&master->pausing, loop, CLOCK_MONOTONIC, look);
}

void
pausing_close(struct master *master)
{
	timer_close(&master->pausing);
}

void
pausing_mark(const struct master *master, struct config *config)
{
	for (int i = 0; i < config->service_count; i++)
		config->services[i].paused =
			paused_has(&master->paused, config->services[i].name);
}

void
pausing_follow(struct master *master)
{
	struct problem problem;

	paused_prune(&master->paused, &master->listeners);
	if (enforce(master, &problem) < 0)
		log_event(EVENT_PAUSE_FAILED, "error", "%s", problem.text);
	timer_after(&master->pausing, LOOK);
}

void
pausing_text(const struct master *master, char *text, size_t size)
{
	const char *name;

	*text = '\0';
	if (master->state == MASTER_PAUSED) {
		strlcpy(text, ", paused", size);
		return;
	}
	for (int at = 0; (name = listeners_service(&master->listeners, &at));) {
		if (!paused_has(&master->paused, name))
			continue;
		strlcat(text, *text ? ", " : ", paused: ", size);
		strlcat(text, name, size);
	}
}
