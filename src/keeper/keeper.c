/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/keeper.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "ipc/passing.h"
#include "keeper/context.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/*
 * How long a session waits for a worker.  One that was passed on, or was there
 * before this keeper, has one, who may be held up.  One whose worker died has
 * not, unless that died in the middle of a hand-off.
 */
static const uint64_t WAIT = 10 * (uint64_t)CLOCK_SECOND;
static const uint64_t WAIT_DEAD = 1 * (uint64_t)CLOCK_SECOND;

/* --- workers come and go --- */

static void
channel_closed(void *context, struct channel *channel)
{
	struct keeper *keeper = context;
	struct roster_session *session;
	uint64_t now = clock_monotonic();

	lines_forget(&keeper->lines, channel);
	accounts_forget(&keeper->accounts, channel);
	for (session = TAILQ_FIRST(&keeper->roster.all); session;
	     session = TAILQ_NEXT(session, entry)) {
		if (session->channel != channel)
			continue;
		session->channel = NULL;
		session->passed = false;
		session->since = now;
	}
}

/* Those that no worker came for are over. */
static void
expire(struct keeper *keeper)
{
	struct roster_session *session, *next;
	uint64_t now = clock_monotonic();

	for (session = TAILQ_FIRST(&keeper->roster.all); session;
	     session = next) {
		uint64_t limit = session->passed ? WAIT : WAIT_DEAD;

		next = TAILQ_NEXT(session, entry);
		if (!session->channel && session->user &&
		    now - session->since >= limit)
			lines_leave(&keeper->lines, session);
	}
}

/* --- what the master says --- */

static void
leave(struct keeper *keeper)
{
	lines_commit(&keeper->lines);
	loop_stop(&keeper->loop);
}

static void
obey(struct keeper *keeper, const struct keeper_order *order, const int *fds,
     int count)
{
	switch (order->type) {
	case KEEPER_ORDER_JOIN:
		if (count == KEEPER_ORDER_FDS) {
			channels_add(&keeper->channels, fds[0], fds[1],
				     order->argument);
			return;
		}
		break;
	case KEEPER_ORDER_ANSWER:
		if (count == 1) {
			operators_ask(&keeper->operators, order->text, fds[0]);
			return;
		}
		break;
	case KEEPER_ORDER_LEAVE:
		leave(keeper);
		break;
	default:
		break;
	}
	passing_close(fds, count);
}

static void
command_ready(struct loop_source *source, uint32_t events)
{
	struct keeper *keeper =
		(struct keeper *)((char *)source -
				  offsetof(struct keeper, command));
	struct keeper_order order;
	int fds[KEEPER_ORDER_FDS];
	int count = KEEPER_ORDER_FDS;
	ssize_t n =
		passing_receive(source->fd, &order, sizeof(order), fds, &count);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < (ssize_t)offsetof(struct keeper_order, text)) {
		/* The master is gone, and so are the workers. */
		passing_close(fds, count);
		leave(keeper);
		return;
	}
	order.text[n < (ssize_t)sizeof(order)
			   ? n - (ssize_t)offsetof(struct keeper_order, text)
			   : KEEPER_ORDER_TEXT - 1] = '\0';
	obey(keeper, &order, fds, count);
}

/* --- signals and the beat --- */

static void
reap(void *context)
{
	struct keeper *keeper = context;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		hasher_reap(&keeper->accounts.hasher, pid);
}

/* A signal to the whole group must not end it before the others: the master
 * says when. */
static const struct signals_action actions[] = {
	{ SIGCHLD, reap }, { SIGTERM, NULL }, { SIGINT, NULL },
	{ SIGHUP, NULL },  { SIGUSR1, NULL }, { SIGUSR2, NULL },
	{ SIGPIPE, NULL }, { SIGXFSZ, NULL }, { 0, NULL },
};

static void
every_second(struct timer *timer, bool stepped)
{
	struct keeper *keeper =
		(struct keeper *)((char *)timer -
				  offsetof(struct keeper, second));

	(void)stepped;
	supply_check(keeper);
	expire(keeper);
	operators_check(&keeper->operators);
	hasher_check(&keeper->accounts.hasher);
	log_flush();
}

/* --- start, and its mirror --- */

static int
open_loop(struct keeper *keeper)
{
	struct loop *loop = &keeper->loop;

	keeper->command.ready = command_ready;
	keeper->command.fd = keeper->plan->command;
	if (loop_open(loop) < 0 ||
	    signals_open(&keeper->signals, loop, actions, keeper) < 0 ||
	    timer_open(&keeper->second, loop, CLOCK_MONOTONIC, every_second) <
		    0 ||
	    loop_add(loop, &keeper->command, EPOLLIN) < 0)
		return -1;
	timer_every(&keeper->second, (uint64_t)CLOCK_SECOND);
	return 0;
}

/* 0, or -1 with errno.  What was opened is closed by the exit that follows. */
static int
start(struct keeper *keeper)
{
	const struct keeper_plan *plan = keeper->plan;

	/* Nobody else is to read the hashes. */
	umask(077);
	roster_init(&keeper->roster);
	format_init(&keeper->format, plan->settings.zone);
	if (ring_open_writer(&keeper->ring, plan->ring) < 0 ||
	    open_loop(keeper) < 0)
		return -1;
	channels_init(&keeper->channels, &keeper->loop, requests_take,
		      channel_closed, keeper);
	operators_open(&keeper->operators, keeper);
	/* Before there is a store, so that the hasher never had one. */
	if (accounts_open(&keeper->accounts, keeper) < 0)
		return -1;
	lines_open(&keeper->lines, keeper);
	supply_open(keeper);
	return 0;
}

static void
finish(struct keeper *keeper)
{
	supply_close(keeper);
	operators_close(&keeper->operators);
	channels_close(&keeper->channels);
	accounts_close(&keeper->accounts);
	timer_close(&keeper->second);
	loop_remove(&keeper->loop, &keeper->command);
	signals_close(&keeper->signals);
	loop_close(&keeper->loop);
	ring_close(&keeper->ring);
	roster_free(&keeper->roster);
}

int
keeper_run(const struct keeper_plan *plan)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	int status = EXIT_SUCCESS;

	if (!keeper)
		return EX_OSERR;
	keeper->plan = plan;
	log_open(plan->log, "keeper", event_kinds, EVENT_COUNT, plan->log_level,
		 plan->log_rate);
	if (start(keeper) < 0 || sandbox_lock(SANDBOX_KEEPER, NULL, NULL) < 0)
		return EX_OSERR;
	log_event(EVENT_KEEPER_STARTED, "seq", "%llu",
		  (unsigned long long)ring_seq(&keeper->ring));
	if (loop_run(&keeper->loop) < 0)
		status = EX_OSERR;
	finish(keeper);
	free(keeper);
	return status;
}
