/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/warden.h"

#include "base/clock.h"
#include "base/fds.h"
#include "ipc/command.h"
#include "ipc/events.h"
#include "ipc/keeper_wire.h"
#include "ipc/passing.h"
#include "ipc/ring.h"
#include "master/obituary.h"

#include <bsd/string.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define WARDEN_OF(pointer, member) \
	((struct warden *)((char *)(pointer)-offsetof(struct warden, member)))

/* --- what is configured --- */

/* What a service wants of a keeper.  False: none needs one. */
static bool
settings_of(const struct config *config, struct keeper_settings *settings)
{
	for (int i = 0; i < config->service_count; i++) {
		const struct service_config *service = &config->services[i];

		if (!service->service->keep)
			continue;
		service->service->keep(service, settings);
		return true;
	}
	return false;
}

int
warden_check(const struct warden *warden, const struct config *config,
	     struct problem *problem)
{
	struct keeper_settings settings = { 0 };

	if (warden->ring_size == 0 || !settings_of(config, &settings) ||
	    settings.ring_size == warden->ring_size)
		return 0;
	problem_set(problem, EX_CONFIG,
		    "ring_size cannot change while timed runs");
	return -1;
}

/* --- introductions --- */

static bool
tell(struct warden *warden, enum keeper_order_type type, uint64_t argument,
     const char *text, const int *fds, int count)
{
	struct keeper_order order = { .type = type, .argument = argument };
	size_t length = strlen(text);

	if (warden->command < 0 || length >= sizeof(order.text))
		return false;
	memcpy(order.text, text, length);
	order.length = (uint32_t)length;
	return passing_send(warden->command, &order,
			    offsetof(struct keeper_order, text) + length, fds,
			    count) == 0;
}

/* A way between the keeper and the worker in SLOT; each gets an end. */
static bool
introduce(struct warden *warden, int slot)
{
	int ends[2], wake;
	bool told = false;

	if (keeper_wire_pair(ends) < 0)
		return false;
	wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (wake >= 0) {
		int his[] = { ends[0], wake };
		int its[] = { ends[1], wake, warden->ring_readable };

		/* If only one is told, he finds that nobody is there. */
		told = tell(warden, KEEPER_ORDER_JOIN, (uint64_t)slot, "", his,
			    2) &&
		       crew_introduce(warden->crew, slot, its);
		close(wake);
	}
	close(ends[0]);
	close(ends[1]);
	return told;
}

void
warden_introduce(struct warden *warden, int slot)
{
	const struct crew_member *member = &warden->crew->members[slot];

	if (!warden->pid || warden->leaving)
		return;
	warden->missing[slot] =
		member->pid && !member->killed && !introduce(warden, slot);
}

static void
introduce_all(struct warden *warden)
{
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		warden_introduce(warden, i);
}

void
warden_retry(struct warden *warden)
{
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (warden->missing[i])
			warden_introduce(warden, i);
}

/* --- birth --- */

/* In the child: never returns. */
static void
become_keeper(const struct warden *warden, int command)
{
	struct keeper_plan plan = warden->plan;
	int keep[] = { warden->log, warden->ring_writable, command };

	setproctitle("keeper");
	if (fds_keep_only(keep, 3) < 0 ||
	    sandbox_enter(SANDBOX_KEEPER, &warden->identity, NULL) < 0)
		_exit(EX_OSERR);
	plan.command = command;
	plan.log = warden->log;
	plan.ring = warden->ring_writable;
	_exit(keeper_run(&plan));
}

static int
make_ring(struct warden *warden)
{
	int size = warden->plan.settings.ring_size;

	if (warden->ring_writable >= 0)
		return 0;
	if (ring_create((uint64_t)size, &warden->ring_writable,
			&warden->ring_readable) < 0) {
		warden->ring_writable = -1;
		return -1;
	}
	warden->ring_size = size;
	return 0;
}

static int
spawn(struct warden *warden)
{
	int ends[2], error;

	if (make_ring(warden) < 0 || command_pair(ends) < 0)
		return -1;
	warden->pid = fork();
	if (warden->pid == 0)
		become_keeper(warden, ends[1]);
	error = errno;
	close(ends[1]);
	if (warden->pid < 0) {
		warden->pid = 0;
		close(ends[0]);
		errno = error;
		return -1;
	}
	warden->command = ends[0];
	warden->leaving = false;
	respawn_born(&warden->respawn);
	introduce_all(warden);
	return 0;
}

static void
start(struct warden *warden)
{
	if (spawn(warden) == 0)
		return;
	log_event(EVENT_KEEPER_CRASHED, "reason", "%s", strerror(errno));
	respawn_later(&warden->respawn);
}

static void
respawn_due(struct timer *timer, bool stepped)
{
	struct warden *warden = WARDEN_OF(timer, respawn.timer);

	(void)stepped;
	if (warden->wanted && !warden->pid && !warden->stopped)
		start(warden);
}

/* --- its end --- */

static void
let_go(struct warden *warden)
{
	if (!warden->pid || warden->leaving)
		return;
	warden->leaving = true;
	/* One that takes no orders is held up, and would not hear this one. */
	if (!tell(warden, KEEPER_ORDER_LEAVE, 0, "", NULL, 0))
		kill(warden->pid, SIGKILL);
}

static void
stop_by_force(struct timer *timer, bool stepped)
{
	struct warden *warden = WARDEN_OF(timer, stopping);

	(void)stepped;
	if (warden->pid)
		kill(warden->pid, SIGKILL);
}

bool
warden_reap(struct warden *warden, pid_t pid, int status)
{
	bool asked = warden->leaving;

	if (pid == 0 || pid != warden->pid)
		return false;
	warden->pid = 0;
	warden->leaving = false;
	close(warden->command);
	warden->command = -1;
	timer_cancel(&warden->stopping);
	if (!asked)
		obituary_side(EVENT_KEEPER_CRASHED, pid, status);
	if (warden->stopped) {
		warden->ended(warden->context);
	} else if (warden->wanted) {
		if (asked)
			respawn_forget(&warden->respawn);
		if (asked || respawn_at_once(&warden->respawn))
			start(warden);
		else
			respawn_later(&warden->respawn);
	}
	return true;
}

/* --- what the master says --- */

/* How long one that is to be replaced may take. */
enum {
	REPLACE_SECONDS = 10
};

void
warden_configure(struct warden *warden, const struct config *config)
{
	warden->wanted = settings_of(config, &warden->plan.settings);
	warden->identity = config->identity;
	warden->plan.log_level = config_log_level(config);
	warden->plan.log_rate = (unsigned)config->log.rate;
	strlcpy(warden->plan.state_dir, config->state_dir,
		sizeof(warden->plan.state_dir));
	if (warden->pid) {
		let_go(warden);
		timer_after(&warden->stopping,
			    REPLACE_SECONDS * (uint64_t)CLOCK_SECOND);
	} else if (warden->wanted) {
		respawn_forget(&warden->respawn);
		start(warden);
	}
}

void
warden_stop(struct warden *warden, uint64_t milliseconds)
{
	warden->stopped = true;
	respawn_forget(&warden->respawn);
	if (!warden->pid) {
		warden->ended(warden->context);
		return;
	}
	let_go(warden);
	timer_after(&warden->stopping,
		    milliseconds * (uint64_t)CLOCK_MILLISECOND);
}

bool
warden_ask(struct warden *warden, const char *text, int fd)
{
	return !warden->leaving &&
	       tell(warden, KEEPER_ORDER_ANSWER, 0, text, &fd, 1);
}

/* --- life --- */

int
warden_open(struct warden *warden, struct loop *loop, struct crew *crew,
	    int log, void (*ended)(void *context), void *context)
{
	*warden = (struct warden){ .loop = loop,
				   .crew = crew,
				   .log = log,
				   .ended = ended,
				   .context = context,
				   .ring_writable = -1,
				   .ring_readable = -1,
				   .command = -1 };
	if (respawn_open(&warden->respawn, loop, respawn_due) < 0)
		return -1;
	if (timer_open(&warden->stopping, loop, CLOCK_MONOTONIC,
		       stop_by_force) == 0)
		return 0;
	respawn_close(&warden->respawn);
	return -1;
}

json_t *
warden_save(const struct warden *warden)
{
	return json_pack("{s:i, s:b, s:i, s:i, s:i, s:i}", "pid",
			 (int)warden->pid, "leaving", warden->leaving,
			 "command", warden->command, "ring_writable",
			 warden->ring_writable, "ring_readable",
			 warden->ring_readable, "ring_size", warden->ring_size);
}

int
warden_restore(struct warden *warden, json_t *text)
{
	int pid, leaving = 0;

	/* The image before this one had no keeper. */
	if (!text)
		return 0;
	if (json_unpack(text, "{s:i, s?b, s:i, s:i, s:i, s:i}", "pid", &pid,
			"leaving", &leaving, "command", &warden->command,
			"ring_writable", &warden->ring_writable,
			"ring_readable", &warden->ring_readable, "ring_size",
			&warden->ring_size) < 0) {
		errno = EPROTO;
		return -1;
	}
	warden->pid = pid;
	warden->leaving = leaving;
	/* It was told to; how long ago is not known any more. */
	if (leaving)
		timer_after(&warden->stopping,
			    REPLACE_SECONDS * (uint64_t)CLOCK_SECOND);
	respawn_born(&warden->respawn);
	return 0;
}

void
warden_each_fd(const struct warden *warden, void (*keep)(int fd, bool on),
	       bool on)
{
	keep(warden->command, on);
	keep(warden->ring_writable, on);
	keep(warden->ring_readable, on);
}

void
warden_close(struct warden *warden)
{
	timer_close(&warden->stopping);
	respawn_close(&warden->respawn);
	if (warden->ring_writable < 0)
		return;
	close(warden->ring_readable);
	close(warden->ring_writable);
}
