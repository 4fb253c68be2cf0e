/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/herald.h"

#include "base/clock.h"
#include "ipc/command.h"
#include "ipc/events.h"
#include "master/obituary.h"
#include "status/history.h"
#include "status/status.h"

#include <bsd/string.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* How long one that is to be replaced may take. */
enum {
	REPLACE_SECONDS = 2
};

#define HERALD_OF(pointer, member) \
	((struct herald *)((char *)(pointer)-offsetof(struct herald, member)))

/* --- birth --- */

/* In the child: never returns. */
static void
become_status(const struct herald *herald, int command)
{
	struct status_plan plan = {
		.scoreboard = herald->scoreboard,
		.command = command,
		.log = herald->log,
		.history = herald->history,
		.listener_count = herald->pages.count,
		.connections = herald->terms.connections,
		.log_level = herald->log_level,
		.log_rate = herald->log_rate,
		.identity = herald->terms.identity,
		.root = *herald->terms.root ? herald->terms.root : NULL,
	};

	for (int i = 0; i < herald->pages.count; i++)
		plan.listeners[i] = herald->pages.items[i].fd;
	setproctitle("status");
	_exit(status_run(&plan));
}

static int
spawn(struct herald *herald)
{
	int ends[2], error;

	if (herald->history < 0)
		herald->history = history_create();
	if (herald->history < 0 || command_pair(ends) < 0)
		return -1;
	herald->pid = fork();
	if (herald->pid == 0)
		become_status(herald, ends[1]);
	error = errno;
	close(ends[1]);
	if (herald->pid < 0) {
		herald->pid = 0;
		close(ends[0]);
		errno = error;
		return -1;
	}
	herald->command = ends[0];
	herald->leaving = false;
	herald->foreign = false;
	respawn_born(&herald->respawn);
	return 0;
}

static void
start(struct herald *herald)
{
	if (spawn(herald) == 0)
		return;
	log_event(EVENT_STATUS_CRASHED, "reason", "%s", strerror(errno));
	respawn_later(&herald->respawn);
}

static bool
wanted(const struct herald *herald)
{
	return herald->pages.count > 0 && !herald->stopped;
}

static void
respawn_due(struct timer *timer, bool stepped)
{
	struct herald *herald = HERALD_OF(timer, respawn.timer);

	(void)stepped;
	if (wanted(herald) && !herald->pid)
		start(herald);
}

/* --- its end --- */

/* The end of the socket says it. */
static void
let_go(struct herald *herald, uint64_t milliseconds)
{
	timer_after(&herald->stopping,
		    milliseconds * (uint64_t)CLOCK_MILLISECOND);
	if (herald->leaving)
		return;
	herald->leaving = true;
	close(herald->command);
	herald->command = -1;
}

static void
stop_by_force(struct timer *timer, bool stepped)
{
	struct herald *herald = HERALD_OF(timer, stopping);

	(void)stepped;
	if (herald->pid)
		kill(herald->pid, SIGKILL);
}

bool
herald_reap(struct herald *herald, pid_t pid, int status)
{
	bool asked = herald->leaving;

	if (pid == 0 || pid != herald->pid)
		return false;
	herald->pid = 0;
	herald->leaving = false;
	if (!asked) {
		close(herald->command);
		herald->command = -1;
		obituary_side(EVENT_STATUS_CRASHED, pid, status);
	}
	timer_cancel(&herald->stopping);
	if (herald->stopped) {
		herald->ended(herald->context);
	} else if (wanted(herald)) {
		if (asked)
			respawn_forget(&herald->respawn);
		if (asked || respawn_at_once(&herald->respawn))
			start(herald);
		else
			respawn_later(&herald->respawn);
	}
	return true;
}

/* --- what the master says --- */

int
herald_prepare(struct herald *herald, const struct config *config,
	       struct problem *problem)
{
	return pages_open(&herald->next, config, &herald->pages, problem);
}

void
herald_abort(struct herald *herald)
{
	pages_abort(&herald->next);
}

/* Whether they are others than before. */
static bool
set_terms(struct herald *herald, const struct config *config)
{
	struct herald_terms terms;
	bool changed;

	/* Gaps are compared, too. */
	memset(&terms, 0, sizeof(terms));
	terms.identity.change = config->identity.change;
	terms.identity.uid = config->identity.uid;
	terms.identity.gid = config->identity.gid;
	terms.identity.core_dumps = config->identity.core_dumps;
	strlcpy(terms.root, config->chroot, sizeof(terms.root));
	terms.connections = config->status.connections;
	changed = memcmp(&terms, &herald->terms, sizeof(terms)) != 0;
	memcpy(&herald->terms, &terms, sizeof(terms));
	return changed;
}

void
herald_configure(struct herald *herald, const struct config *config)
{
	bool changed = set_terms(herald, config);

	changed = pages_commit(&herald->pages, &herald->next) || changed;
	pages_publish(&herald->pages, scoreboard_master(herald->scoreboard));
	herald->log_level = config_log_level(config);
	herald->log_rate = (unsigned)config->log.rate;
	if (herald->pid) {
		if (changed || herald->foreign)
			let_go(herald, REPLACE_SECONDS * 1000);
	} else {
		respawn_forget(&herald->respawn);
		if (wanted(herald))
			start(herald);
	}
}

void
herald_stop(struct herald *herald, uint64_t milliseconds)
{
	herald->stopped = true;
	respawn_forget(&herald->respawn);
	pages_abort(&herald->next);
	pages_close(&herald->pages);
	if (herald->pid)
		let_go(herald, milliseconds);
	else
		herald->ended(herald->context);
}

/* --- life --- */

int
herald_open(struct herald *herald, struct loop *loop,
	    const struct scoreboard *scoreboard, int log,
	    void (*ended)(void *context), void *context)
{
	/* What was prepared is there already, at the start. */
	herald->loop = loop;
	herald->scoreboard = scoreboard;
	herald->log = log;
	herald->ended = ended;
	herald->context = context;
	herald->history = -1;
	herald->command = -1;
	if (respawn_open(&herald->respawn, loop, respawn_due) < 0)
		return -1;
	if (timer_open(&herald->stopping, loop, CLOCK_MONOTONIC,
		       stop_by_force) == 0)
		return 0;
	respawn_close(&herald->respawn);
	return -1;
}

json_t *
herald_save(const struct herald *herald)
{
	return json_pack("{s:i, s:b, s:i, s:i, s:o}", "pid", (int)herald->pid,
			 "leaving", herald->leaving, "command", herald->command,
			 "history", herald->history, "pages",
			 pages_save(&herald->pages));
}

int
herald_restore(struct herald *herald, const json_t *text)
{
	const json_t *pages = json_object_get(text, "pages");
	int pid = 0, leaving = 0;

	/* The image before this one knew of no status page. */
	if (!text)
		return 0;
	if (json_unpack((json_t *)text, "{s:i, s:b, s:i, s:i}", "pid", &pid,
			"leaving", &leaving, "command", &herald->command,
			"history", &herald->history) < 0 ||
	    pages_restore(&herald->pages, pages) < 0) {
		errno = EPROTO;
		return -1;
	}
	herald->pid = pid;
	herald->leaving = leaving;
	herald->foreign = true;
	if (leaving)
		timer_after(&herald->stopping,
			    REPLACE_SECONDS * (uint64_t)CLOCK_SECOND);
	return 0;
}

void
herald_each_fd(const struct herald *herald, void (*keep)(int fd, bool on),
	       bool on)
{
	keep(herald->command, on);
	keep(herald->history, on);
	for (int i = 0; i < herald->pages.count; i++)
		keep(herald->pages.items[i].fd, on);
}

void
herald_close(struct herald *herald)
{
	timer_close(&herald->stopping);
	respawn_close(&herald->respawn);
	if (herald->history >= 0)
		close(herald->history);
}
