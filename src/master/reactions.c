/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/reactions.h"

#include "ipc/events.h"
#include "master/context.h"
#include "master/ending.h"
#include "master/notify.h"
#include "master/obituary.h"
#include "master/pulse.h"
#include "master/reload.h"
#include "master/start.h"
#include "master/upgrade.h"

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <sysexits.h>

/* It cannot start: say why, and leave as a stop does. */
static void
fail_start(struct master *master, const struct problem *problem)
{
	start_complain(&master->launcher, problem->text);
	master->status = problem->status;
	if (master->state != MASTER_STOPPING)
		master_stop(master);
}

/* --- the journal is ready, then the workers --- */

static void
journal_ready(void *context)
{
	struct master *master = context;
	struct problem problem;

	if (master->state != MASTER_STARTING)
		return;
	warden_configure(&master->warden, master->config);
	herald_configure(&master->herald, master->config);
	if (pool_begin(&master->pool, master->config, &master->listeners,
		       &problem) < 0)
		fail_start(master, &problem);
}

static void
journal_failed(void *context, const struct problem *problem)
{
	fail_start(context, problem);
}

static void
first_ready(struct master *master)
{
	struct listeners opened = master->listeners;

	pool_adopt(&master->pool, master->config, &master->listeners);
	/* Only to have them logged. */
	master->listeners.count = 0;
	listeners_commit(&master->listeners, &opened);
	reload_publish(master);
	master_enter(master, MASTER_RUNNING);
	reload_log(master, EVENT_STARTED);
	start_tell(&master->launcher, EX_OK);
	notify_ready("serving");
	hooks_configure(&master->hooks, master->config,
			master->pool.current.number);
	hooks_run(&master->hooks, HOOK_READY, NULL);
	reload_pending(master);
}

static void
pool_ready(void *context)
{
	struct master *master = context;

	if (master->state == MASTER_STARTING)
		first_ready(master);
	else if (master_serves(master))
		reload_ready(master);
}

static void
pool_failed(void *context, const struct problem *problem)
{
	struct master *master = context;

	if (master->state == MASTER_STARTING)
		fail_start(master, problem);
	else
		reload_failed(master, problem);
}

/* --- signals and the beat --- */

void
reactions_stop(void *context)
{
	master_stop(context);
}

static void
hangup(void *context)
{
	reload_request(context);
}

static void
upgrade(void *context)
{
	upgrade_request(context);
}

static void
reopen(void *context)
{
	struct master *master = context;

	scribe_reopen(&master->scribe);
}

/* Who has ended and is not reaped yet, or 0. */
static pid_t
next_dead(void)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;
	return info.si_pid;
}

static void
count_restarts(struct master *master)
{
	uint64_t *restarts = master_board(master)->restarts;

	restarts[SIDE_JOURNAL] += respawn_take(&master->scribe.respawn);
	restarts[SIDE_KEEPER] += respawn_take(&master->warden.respawn);
	restarts[SIDE_STATUS] += respawn_take(&master->herald.respawn);
}

void
reactions_reap(void *context)
{
	struct master *master = context;
	int status;
	pid_t pid;

	while ((pid = next_dead()) > 0) {
		/* As long as its number is that of nobody else. */
		hooks_sweep(&master->hooks, pid);
		if (waitpid(pid, &status, WNOHANG) != pid)
			break;
		if (!scribe_reap(&master->scribe, pid, status) &&
		    !warden_reap(&master->warden, pid, status) &&
		    !herald_reap(&master->herald, pid, status) &&
		    !upgrade_reap(master, pid, status) &&
		    !hooks_reap(&master->hooks, pid, status))
			pool_reap(&master->pool, pid, status);
	}
	count_restarts(master);
}

const struct signals_action reactions_signals[] = {
	{ SIGHUP, hangup },
	{ SIGTERM, reactions_stop },
	{ SIGINT, reactions_stop },
	{ SIGUSR1, reopen },
	{ SIGCHLD, reactions_reap },
	{ SIGUSR2, upgrade },
	{ SIGPIPE, NULL },
	{ SIGXFSZ, NULL },
	{ 0, NULL },
};

static void
pool_born(void *context, int slot)
{
	struct master *master = context;

	warden_introduce(&master->warden, slot);
}

static void
pool_crashed(void *context, const struct crew_member *gone, int status)
{
	struct master *master = context;
	struct hook_details details = { 0 };

	obituary_details(gone, status, &details);
	hooks_run(&master->hooks, HOOK_WORKER_CRASH, &details);
}

static void
pool_beat(void *context, const struct report_beat *beat)
{
	pulse_count(context, beat);
}

void
reactions_second(struct timer *timer, bool stepped)
{
	(void)stepped;
	pulse_second((struct master *)((char *)timer -
				       offsetof(struct master, second)));
}

/* --- all of them --- */

const struct pool_events reactions_pool = {
	.ready = pool_ready,
	.failed = pool_failed,
	.empty = ending_pool_empty,
	.crashed = pool_crashed,
	.born = pool_born,
	.beat = pool_beat,
};

const struct scribe_events reactions_scribe = {
	.ready = journal_ready,
	.failed = journal_failed,
	.ended = ending_journal_ended,
};
