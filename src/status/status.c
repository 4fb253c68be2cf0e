/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/status.h"

#ifdef HAVE_MICROHTTPD
#include "base/clock.h"
#include "base/fds.h"
#include "base/signals.h"
#include "ipc/events.h"
#include "status/server.h"

#include <jansson.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	NICE = 10,
	OWN_DESCRIPTORS = 64,	   /* beside those of connections */
	OWN_MEMORY = 64 << 20,	   /* the same, bytes */
	GUEST_MEMORY = 256 * 1024, /* more than one can ever have */
};

/*
 * What is told of a second is told a moment after it began: workers have sent
 * their lines by then, who have to be in time, and how late these were can be
 * told, too.
 */
static const int64_t AFTER = 50 * CLOCK_MILLISECOND;

struct status {
	struct loop loop;
	struct signals signals;
	struct loop_source command;
	struct timer tick;   /* once every second of the clock */
	struct timer second; /* whatever the clock does */
	struct scoreboard scoreboard;
	struct history_meter meter;
	struct figures figures;
	struct server server;
};

#define STATUS_OF(pointer, member) \
	((struct status *)((char *)(pointer)-offsetof(struct status, member)))

/* --- ticks --- */

static void
await_tick(struct status *status)
{
	int64_t now;

	do
		now = clock_realtime();
	while (!timer_at(&status->tick,
			 clock_boundary(now - AFTER, CLOCK_SECOND) +
				 CLOCK_SECOND + AFTER));
}

static void
tick_due(struct timer *timer, bool stepped)
{
	struct status *status = STATUS_OF(timer, tick);
	struct figures *figures = &status->figures;

	if (!stepped && figures_look(figures)) {
		history_add(figures->history, &status->meter,
			    &figures->snapshot, figures->now / CLOCK_SECOND);
		server_tick(&status->server);
	}
	await_tick(status);
}

static void
second_due(struct timer *timer, bool stepped)
{
	(void)stepped;
	server_check(&STATUS_OF(timer, second)->server);
	log_flush();
}

/* --- life --- */

/* The master never says anything else, and its end is the same. */
static void
command_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	loop_stop(&STATUS_OF(source, command)->loop);
}

/* A signal to the whole group is for the master, who says what follows. */
static const struct signals_action actions[] = {
	{ SIGTERM, NULL }, { SIGINT, NULL },  { SIGHUP, NULL },
	{ SIGUSR1, NULL }, { SIGUSR2, NULL }, { SIGPIPE, NULL },
	{ SIGXFSZ, NULL }, { 0, NULL },
};

static int
keep_descriptors(const struct status_plan *plan)
{
	int keep[STATUS_LISTENERS + 4];
	int count = 0;

	keep[count++] = plan->command;
	keep[count++] = plan->log;
	keep[count++] = plan->history;
	keep[count++] = plan->scoreboard->fd;
	for (int i = 0; i < plan->listener_count; i++)
		keep[count++] = plan->listeners[i];
	return fds_keep_only(keep, count);
}

/* What it is to read, mapped; then the descriptors can go. */
static int
open_figures(struct status *status, const struct status_plan *plan)
{
	struct figures *figures = &status->figures;

	status->scoreboard = *plan->scoreboard;
	if (scoreboard_watch(&status->scoreboard) < 0)
		return -1;
	figures->source.map = status->scoreboard.map;
	figures->source.size = SCOREBOARD_SIZE;
	figures->history = history_open(plan->history);
	if (!figures->history)
		return -1;
	close(plan->history);
	if (figures_look(figures))
		history_begin(&status->meter, &figures->snapshot);
	return 0;
}

/* It may be asked more than is good for it, and then others go first. */
static int
limit(const struct status_plan *plan)
{
	unsigned long guests = (unsigned long)plan->connections;

	(void)setpriority(PRIO_PROCESS, 0, NICE);
	if (sandbox_limit(RLIMIT_NOFILE, guests + OWN_DESCRIPTORS) < 0)
		return -1;
	return sandbox_limit(RLIMIT_DATA, guests * GUEST_MEMORY + OWN_MEMORY);
}

static int
open_loop(struct status *status, const struct status_plan *plan)
{
	struct loop *loop = &status->loop;

	status->command.fd = plan->command;
	status->command.ready = command_ready;
	if (loop_open(loop) < 0 ||
	    signals_open(&status->signals, loop, actions, status) < 0 ||
	    loop_add(loop, &status->command, EPOLLIN) < 0 ||
	    timer_open(&status->tick, loop, CLOCK_REALTIME, tick_due) < 0 ||
	    timer_open(&status->second, loop, CLOCK_MONOTONIC, second_due) < 0)
		return -1;
	timer_every(&status->second, (uint64_t)CLOCK_SECOND);
	await_tick(status);
	return 0;
}

static int
start(struct status *status, const struct status_plan *plan)
{
	if (keep_descriptors(plan) < 0 || open_figures(status, plan) < 0 ||
	    sandbox_enter(SANDBOX_STATUS, &plan->identity, plan->root) < 0 ||
	    limit(plan) < 0 || open_loop(status, plan) < 0)
		return -1;
	json_object_seed(0);
	if (server_open(&status->server, &status->loop, &status->figures,
			plan->listeners, plan->listener_count,
			(unsigned)plan->connections) < 0)
		return -1;
	return sandbox_lock(SANDBOX_STATUS, NULL, NULL);
}

static void
finish(struct status *status)
{
	server_close(&status->server);
	timer_close(&status->second);
	timer_close(&status->tick);
	loop_remove(&status->loop, &status->command);
	signals_close(&status->signals);
	loop_close(&status->loop);
	history_close(status->figures.history);
	scoreboard_close(&status->scoreboard);
}

bool
status_possible(void)
{
	return true;
}

int
status_run(const struct status_plan *plan)
{
	struct status *status = calloc(1, sizeof(*status));
	int result = EXIT_SUCCESS;

	if (!status)
		return EX_OSERR;
	log_open(plan->log, "status", event_kinds, EVENT_COUNT, plan->log_level,
		 plan->log_rate);
	if (start(status, plan) < 0) {
		free(status);
		return EX_OSERR;
	}
	if (loop_run(&status->loop) < 0)
		result = EX_OSERR;
	finish(status);
	free(status);
	return result;
}

#else

#include <sysexits.h>

bool
status_possible(void)
{
	return false;
}

int
status_run(const struct status_plan *plan)
{
	(void)plan;
	return EX_UNAVAILABLE;
}

#endif
