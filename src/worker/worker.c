/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/worker.h"

#include "base/clock.h"
#include "base/fds.h"
#include "ipc/events.h"
#include "ipc/passing.h"
#include "ipc/serial.h"
#include "worker/instance.h"
#include "worker/ticker.h"

#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t BEAT = (uint64_t)CLOCK_SECOND;
static const uint64_t ENDING = 20 * (uint64_t)CLOCK_MILLISECOND;

/* For a worker that is told to stop by a signal of its own. */
enum {
	STOP_MILLISECONDS = 5000
};

/* The worker that MEMBER, a part of it, belongs to. */
#define WORKER_OF(pointer, member) \
	((struct worker *)((char *)(pointer)-offsetof(struct worker, member)))

/* Whether it has to stay until those whom it gave are counted elsewhere. */
static bool
is_counted_on(const struct worker *worker)
{
	return worker->state == WORKER_RETIRING &&
	       census_holds(&worker->census) &&
	       handover_settling(&worker->handover);
}

/* Let the others see, and look whether it was the last one. */
static void
count(struct worker *worker)
{
	/* Before those of others are read; see peers_active(). */
	__atomic_store_n(&worker->slot->connections, worker->conns.count,
			 __ATOMIC_SEQ_CST);
	if (worker->conns.count > 0 || worker->takeover.open > 0 ||
	    is_counted_on(worker))
		return;
	if (worker->state == WORKER_RETIRING)
		report_send(&worker->beats.report, REPORT_DRAINED);
	if (worker->state == WORKER_RETIRING ||
	    worker->state == WORKER_STOPPING)
		loop_stop(&worker->loop);
}

static void
conns_changed(struct conns *conns)
{
	struct worker *worker = WORKER_OF(conns, conns);

	count(worker);
	accept_relieved(&worker->acceptor);
}

/* What was taken over while this worker is itself to hand over goes on. */
static void
takeover_changed(struct takeover *takeover)
{
	struct worker *worker = WORKER_OF(takeover, takeover);

	handover_continue(&worker->handover);
	count(worker);
	accept_relieved(&worker->acceptor);
}

static void
enter(struct worker *worker, enum worker_state state)
{
	worker->state = state;
	__atomic_store_n(&worker->slot->state, (uint32_t)state,
			 __ATOMIC_RELAXED);
}

/* --- beats --- */

static void
report(struct worker *worker)
{
	beats_send(&worker->beats, worker->slot, worker->instances,
		   worker->instance_count, worker->conns.count);
}

static void
beat(struct timer *timer, bool stepped)
{
	struct worker *worker = WORKER_OF(timer, beat);

	(void)stepped;
	worker->conns.now = clock_monotonic();
	counter_set(&worker->slot->heartbeat, worker->conns.now);
	report(worker);
	for (int i = 0; i < worker->instance_count; i++) {
		conn_close_stalled(&worker->instances[i]);
		conn_close_idle(&worker->instances[i]);
	}
	accept_look(&worker->acceptor);
	datagrams_look(&worker->datagrams);
	gate_sum_up(&worker->conns);
}

/* --- stopping and retiring --- */

static void
end_all(struct worker *worker)
{
	for (int i = 0; i < worker->instance_count; i++)
		instance_end(&worker->instances[i]);
}

static void
close_all(struct worker *worker, bool settled_only)
{
	for (int i = 0; i < worker->instance_count; i++)
		instance_close(&worker->instances[i], settled_only);
}

static void
ending(struct timer *timer, bool stepped)
{
	(void)stepped;
	close_all(WORKER_OF(timer, ending), true);
}

static void
out_of_time(struct timer *timer, bool stepped)
{
	(void)stepped;
	close_all(WORKER_OF(timer, deadline), false);
}

static void
stop(struct worker *worker, uint64_t milliseconds)
{
	if (worker->state == WORKER_STOPPING)
		return;
	accept_end(&worker->acceptor, false);
	datagrams_end(&worker->datagrams);
	takeover_close(&worker->takeover);
	handover_cancel(&worker->handover);
	roster_end(&worker->roster);
	for (int i = 0; i < worker->instance_count; i++)
		ticker_stop(&worker->instances[i]);
	enter(worker, WORKER_STOPPING);
	/* A client that reads slowly gets three quarters of the time. */
	timer_after(&worker->deadline,
		    milliseconds * 3 / 4 * (uint64_t)CLOCK_MILLISECOND);
	timer_every(&worker->ending, ENDING);
	end_all(worker);
	count(worker);
}

static void
hand_over(struct worker *worker, uint64_t generation, const int *fds, int count)
{
	if (worker->state == WORKER_SERVING) {
		accept_end(&worker->acceptor, true);
		datagrams_end(&worker->datagrams);
		enter(worker, WORKER_RETIRING);
		/* However often they change hands. */
		for (int i = 0; i < worker->instance_count; i++)
			conn_close_stalled(&worker->instances[i]);
	} else if (worker->state != WORKER_RETIRING) {
		passing_close(fds, count);
		return;
	}
	handover_begin(&worker->handover, generation, fds, count);
}

static void
take_over(struct worker *worker, uint64_t from, const int *fds, int count)
{
	bool serves = worker->state == WORKER_SERVING ||
		      worker->state == WORKER_RETIRING;

	if (serves && count == 1)
		takeover_begin(&worker->takeover, fds[0], from);
	else
		passing_close(fds, count);
}

/* Its generation is the current one. */
static void
serve(struct worker *worker)
{
	if (worker->state != WORKER_SERVING)
		return;
	if (accept_begin(&worker->acceptor) < 0 ||
	    datagrams_begin(&worker->datagrams) < 0) {
		/* Without listeners it is of no use; the next one may be. */
		worker->orphaned = true;
		loop_stop(&worker->loop);
	}
}

static void
obey(struct worker *worker, const struct command *command, const int *fds,
     int fd_count)
{
	if (command->generation != worker->plan->generation) {
		passing_close(fds, fd_count);
		return;
	}
	switch (command->type) {
	case COMMAND_ACCEPT:
		serve(worker);
		break;
	case COMMAND_STOP:
		stop(worker, command->argument);
		break;
	case COMMAND_HAND_OVER:
		hand_over(worker, command->argument, fds, fd_count);
		count(worker);
		break;
	case COMMAND_TAKE_OVER:
		take_over(worker, command->argument, fds, fd_count);
		break;
	case COMMAND_LISTENERS:
		accept_changed(&worker->acceptor);
		break;
	case COMMAND_CLIENTS:
	case COMMAND_KICK:
		roster_begin(&worker->roster, command->type == COMMAND_KICK,
			     command->argument, fds, fd_count);
		break;
	case COMMAND_KEEPER:
		if (worker->keeps && fd_count == 3)
			keeping_link(&worker->keeping, fds[0], fds[1], fds[2]);
		else
			passing_close(fds, fd_count);
		break;
	default:
		passing_close(fds, fd_count);
	}
}

static void
command_ready(struct loop_source *source, uint32_t events)
{
	struct worker *worker = WORKER_OF(source, command);
	struct command command;
	int fds[COMMAND_FDS];
	int got, fd_count;

	(void)events;
	while ((got = command_receive(source->fd, &command, fds, &fd_count)) ==
	       1)
		obey(worker, &command, fds, fd_count);
	if (got < 0) {
		worker->orphaned = true;
		loop_stop(&worker->loop);
	}
}

static void
report_end_ready(struct loop_source *source, uint32_t events)
{
	struct worker *worker = WORKER_OF(source, report_end);

	(void)events;
	worker->orphaned = true;
	loop_stop(&worker->loop);
}

static void
terminated(void *context)
{
	stop(context, STOP_MILLISECONDS);
}

static const struct signals_action actions[] = {
	{ SIGTERM, terminated }, { SIGINT, NULL },  { SIGHUP, NULL },
	{ SIGUSR1, NULL },	 { SIGUSR2, NULL }, { SIGPIPE, NULL },
	{ SIGCHLD, NULL },	 { SIGXFSZ, NULL }, { 0, NULL },
};

/* --- start, and its mirror --- */

static int
keep_descriptors(const struct worker_plan *plan)
{
	int count = 0;
	int *keep = calloc((size_t)plan->listener_count + 5, sizeof(*keep));
	int result;

	if (!keep)
		return -1;
	keep[count++] = plan->report;
	keep[count++] = plan->command;
	keep[count++] = plan->log;
	keep[count++] = plan->census;
	keep[count++] = plan->scoreboard->fd;
	for (int i = 0; i < plan->listener_count; i++)
		keep[count++] = plan->listeners[i].fd;
	result = fds_keep_only(keep, count);
	free(keep);
	return result;
}

static void
open_conns(struct worker *worker)
{
	const struct worker_plan *plan = worker->plan;

	peers_init(&worker->peers, &worker->scoreboard, plan->slot,
		   plan->generation);
	conns_init(&worker->conns, &worker->loop, &worker->peers,
		   serial_first(plan->generation, plan->slot), conns_changed);
	worker->conns.census = &worker->census;
	worker->conns.listeners = plan->listeners;
	/* The sandbox has no memory that the kernel may not page. */
	batch_open(&worker->conns.batch);
}

/* A worker without a service that needs it does not pay for it. */
static int
open_keeping(struct worker *worker)
{
	const struct worker_plan *plan = worker->plan;

	for (int i = 0; i < plan->service_count; i++)
		worker->keeps |= plan->services[i].service->keep != NULL;
	return worker->keeps ? keeping_open(&worker->keeping, &worker->loop)
			     : 0;
}

static int
start_instances(struct worker *worker)
{
	const struct worker_plan *plan = worker->plan;

	worker->instances = calloc((size_t)plan->service_count + 1,
				   sizeof(*worker->instances));
	if (!worker->instances)
		return -1;
	for (int i = 0; i < plan->service_count; i++) {
		if (instance_start(&worker->instances[i], &plan->services[i],
				   &worker->conns, &worker->keeping,
				   worker->slot) < 0)
			return -1;
		worker->instance_count++;
	}
	return 0;
}

static int
watch_master(struct worker *worker)
{
	worker->command.ready = command_ready;
	worker->command.fd = worker->plan->command;
	worker->report_end.ready = report_end_ready;
	worker->report_end.fd = worker->plan->report;
	if (loop_add(&worker->loop, &worker->command, EPOLLIN) < 0)
		return -1;
	/* No event is asked for: an error is always told. */
	return loop_add(&worker->loop, &worker->report_end, 0);
}

static int
open_timers(struct worker *worker)
{
	struct loop *loop = &worker->loop;

	if (timer_open(&worker->beat, loop, CLOCK_MONOTONIC, beat) < 0 ||
	    timer_open(&worker->ending, loop, CLOCK_MONOTONIC, ending) < 0 ||
	    timer_open(&worker->deadline, loop, CLOCK_MONOTONIC, out_of_time) <
		    0)
		return -1;
	timer_every(&worker->beat, BEAT);
	return 0;
}

/* What failed, or NULL.  A worker that cannot start exits: nothing is undone. */
static const char *
start(struct worker *worker)
{
	const struct worker_plan *plan = worker->plan;

	if (keep_descriptors(plan) < 0)
		return "closing descriptors";
	worker->scoreboard = *plan->scoreboard;
	if (scoreboard_own(&worker->scoreboard, plan->slot) < 0)
		return "mapping the scoreboard";
	worker->slot = worker->scoreboard.mine;
	if (census_open(&worker->census, plan->census, plan->slot) < 0)
		return "mapping the census";
	close(plan->census);
	fds_raise_limit();
	if (loop_open(&worker->loop) < 0)
		return "opening the event loop";
	open_conns(worker);
	if (sandbox_enter(SANDBOX_WORKER, &plan->identity, plan->root) < 0)
		return "dropping privileges";
	if (signals_open(&worker->signals, &worker->loop, actions, worker) < 0)
		return "taking signals";
	if (open_keeping(worker) < 0)
		return "preparing the way to the keeper";
	if (start_instances(worker) < 0)
		return "starting services";
	if (accept_open(&worker->acceptor, &worker->conns, &worker->peers,
			plan->listeners, plan->listener_count,
			worker->instances) < 0 ||
	    datagrams_open(&worker->datagrams, &worker->loop, plan->listeners,
			   plan->listener_count, worker->instances) < 0)
		return "watching listeners";
	if (handover_open(&worker->handover, &worker->conns, worker->instances,
			  worker->instance_count) < 0)
		return "preparing the hand-off";
	takeover_open(&worker->takeover, &worker->conns, worker->slot,
		      worker->instances, worker->instance_count,
		      plan->listeners, plan->listener_count, takeover_changed);
	if (roster_open(&worker->roster, &worker->conns, worker->instances,
			worker->instance_count, &worker->handover,
			plan->number) < 0)
		return "preparing for operators";
	if (watch_master(worker) < 0 || open_timers(worker) < 0)
		return "watching the master";
	accept_limit(&worker->acceptor);
	/* Last: what it opens for life, it has. */
	if (sandbox_lock(SANDBOX_WORKER, NULL, NULL) < 0)
		return "filtering system calls";
	return NULL;
}

/* The mirror of start(). */
static void
finish(struct worker *worker)
{
	timer_close(&worker->deadline);
	timer_close(&worker->ending);
	timer_close(&worker->beat);
	loop_remove(&worker->loop, &worker->report_end);
	loop_remove(&worker->loop, &worker->command);
	roster_close(&worker->roster);
	takeover_close(&worker->takeover);
	handover_close(&worker->handover);
	datagrams_close(&worker->datagrams);
	accept_end(&worker->acceptor, false);
	accept_close(&worker->acceptor);
	while (worker->instance_count > 0)
		instance_stop(&worker->instances[--worker->instance_count],
			      worker->state != WORKER_STOPPING);
	free(worker->instances);
	if (worker->keeps)
		keeping_close(&worker->keeping);
	batch_close(&worker->conns.batch);
	conns_free(&worker->conns);
	signals_close(&worker->signals);
	loop_close(&worker->loop);
	census_close(&worker->census);
	scoreboard_close(&worker->scoreboard);
}

int
worker_run(const struct worker_plan *plan)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	char role[16];
	const char *failed;

	if (!worker)
		return EXIT_FAILURE;
	snprintf(role, sizeof(role), "worker %u", plan->number);
	setproctitle("%s", role);
	worker->plan = plan;
	worker->beats.report =
		(struct report_writer){ .fd = plan->report,
					.slot = (uint32_t)plan->slot,
					.generation = plan->generation };
	log_open(plan->log, role, event_kinds, EVENT_COUNT, plan->log_level,
		 plan->log_rate);
	failed = start(worker);
	if (failed) {
		report_failed(&worker->beats.report, errno, failed);
		return EXIT_FAILURE;
	}
	counter_set(&worker->slot->heartbeat, clock_monotonic());
	enter(worker, WORKER_SERVING);
	report_send(&worker->beats.report, REPORT_READY);
	if (loop_run(&worker->loop) < 0 || worker->orphaned)
		return EXIT_FAILURE;
	/* The last beat holds what happened since the one before. */
	report(worker);
	finish(worker);
	free(worker);
	return EXIT_SUCCESS;
}
