/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/hooks.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "master/obituary.h"

#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between SIGTERM and SIGKILL, and between that and giving up. */
static const uint64_t GRACE = 2 * (uint64_t)CLOCK_SECOND;

static const char *
name_of(const struct hooks *hooks, const struct hooks_place *place)
{
	return programs_name((enum hook_kind)(place - hooks->places));
}

/* --- what the log says --- */

static void
log_start(const struct hooks *hooks, const struct hooks_place *place,
	  const char *program, unsigned count)
{
	struct log_record record;

	if (!log_begin(&record, EVENT_HOOK_STARTED))
		return;
	log_tag(&record, "hook", "%s", name_of(hooks, place));
	log_tag(&record, "pid", "%d", (int)place->hook.pid);
	log_tag(&record, "program", "%s", program);
	log_tag(&record, "events", "%u", count);
	log_end(&record);
}

/* It could not be run, for so many events. */
static void
log_omission(const struct hooks *hooks, const struct hooks_place *place,
	     const char *why, unsigned count)
{
	struct log_record record;

	if (!log_begin(&record, EVENT_HOOK_FAILED))
		return;
	log_tag(&record, "hook", "%s", name_of(hooks, place));
	log_tag(&record, "reason", "%s", why);
	log_tag(&record, "events", "%u", count);
	log_end(&record);
}

/* It is gone; REASON: why that is no success, or NULL. */
static void
log_end_of(const struct hooks *hooks, const struct hooks_place *place,
	   const char *reason)
{
	const struct hook *hook = &place->hook;
	struct log_record record;

	if (!log_begin(&record, reason ? EVENT_HOOK_FAILED : EVENT_HOOK_ENDED))
		return;
	log_tag(&record, "hook", "%s", name_of(hooks, place));
	log_tag(&record, "pid", "%d", (int)hook->output.pid);
	if (reason)
		log_tag(&record, "reason", "%s", reason);
	log_tag(&record, "ms", "%" PRIu64,
		(clock_monotonic() - hook->began) /
			(uint64_t)CLOCK_MILLISECOND);
	log_tag(&record, "lines", "%" PRIu64, hook->output.lines);
	if (hook->output.left_out)
		log_tag(&record, "left_out", "%" PRIu64, hook->output.left_out);
	log_end(&record);
}

/* --- deadlines --- */

/* Arm the timer for the one that is due first. */
static void
schedule(struct hooks *hooks)
{
	uint64_t now = clock_monotonic();
	uint64_t first = 0;

	for (int i = 0; i < HOOK_KINDS; i++) {
		uint64_t deadline = hooks->places[i].deadline;

		if (deadline && (!first || deadline < first))
			first = deadline;
	}
	if (first)
		timer_after(&hooks->due, first > now ? first - now : 1);
	else
		timer_cancel(&hooks->due);
}

/* No later than a stop allows. */
static void
set_deadline(const struct hooks *hooks, struct hooks_place *place,
	     uint64_t deadline)
{
	uint64_t last = hooks->last[place->stage];

	place->deadline = hooks->stopping && last < deadline ? last : deadline;
}

/* --- beginning and end of one --- */

static void
begin(struct hooks *hooks, struct hooks_place *place,
      const struct hook_details *details, unsigned count)
{
	const struct config *config = hooks->config;
	struct hook_details all = *details;
	struct hook_order order = {
		.program = &config->hooks[place - hooks->places],
		.name = name_of(hooks, place),
		.details = &all,
		.runtime_dir = config->runtime_dir,
		.generation = hooks->generation,
	};
	char why[PATH_MAX + 256];

	hook_detail(&all, "TIMED_COUNT", "%u", count);
	if (!hook_start(&place->hook, hooks->loop, &order, why, sizeof(why))) {
		log_omission(hooks, place, why, count);
		return;
	}
	log_start(hooks, place, order.program->arguments[0], count);
	place->stage = HOOKS_RUNS;
	set_deadline(hooks, place,
		     place->hook.began + (uint64_t)(config->hook_seconds *
						    (double)CLOCK_SECOND));
	schedule(hooks);
}

static void
begin_waiting(struct hooks *hooks, struct hooks_place *place)
{
	unsigned count = place->waiting;

	place->waiting = 0;
	if (count == 0)
		return;
	if (hooks->config->hooks[place - hooks->places].arguments[0])
		begin(hooks, place, &place->details, count);
	else
		log_omission(hooks, place, "no longer configured", count);
}

static void
finish(struct hooks *hooks, struct hooks_place *place, const char *reason)
{
	hook_output_finish(&place->hook.output);
	log_end_of(hooks, place, reason);
	place->hook.pid = 0;
	place->deadline = 0;
	begin_waiting(hooks, place);
	schedule(hooks);
	if (hooks->stopping && !hooks_busy(hooks))
		hooks->ended(hooks->context);
}

/* --- those that take too long --- */

static void
urge(struct hooks *hooks, struct hooks_place *place, uint64_t now)
{
	switch (place->stage) {
	case HOOKS_RUNS:
		hook_signal(&place->hook, SIGTERM);
		place->stage = HOOKS_TERMINATED;
		break;
	case HOOKS_TERMINATED:
		hook_signal(&place->hook, SIGKILL);
		place->stage = HOOKS_KILLED;
		break;
	case HOOKS_KILLED:
		/* It hangs in the kernel, and is reaped as nobody. */
		finish(hooks, place, "it cannot be killed");
		return;
	}
	set_deadline(hooks, place, now + GRACE);
}

static void
look_for_late(struct timer *timer, bool stepped)
{
	struct hooks *hooks =
		(struct hooks *)((char *)timer - offsetof(struct hooks, due));
	uint64_t now = clock_monotonic();

	(void)stepped;
	for (int i = 0; i < HOOK_KINDS; i++)
		if (hooks->places[i].deadline &&
		    hooks->places[i].deadline <= now)
			urge(hooks, &hooks->places[i], now);
	schedule(hooks);
}

void
hooks_sweep(struct hooks *hooks, pid_t pid)
{
	for (int i = 0; i < HOOK_KINDS; i++)
		if (hooks->places[i].hook.pid == pid)
			hook_signal(&hooks->places[i].hook, SIGKILL);
}

bool
hooks_reap(struct hooks *hooks, pid_t pid, int status)
{
	struct hooks_place *place = hooks->places;
	struct hooks_place *end = place + HOOK_KINDS;
	char how[64], reason[128];

	while (place < end && place->hook.pid != pid)
		place++;
	if (place == end)
		return false;
	obituary_how(status, how, sizeof(how));
	snprintf(reason, sizeof(reason), "%s%s",
		 place->stage == HOOKS_RUNS ? "" : "out of time, ", how);
	if (place->stage == HOOKS_RUNS && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)
		finish(hooks, place, NULL);
	else
		finish(hooks, place, reason);
	return true;
}

void
hooks_second(struct hooks *hooks)
{
	for (int i = 0; i < HOOK_KINDS; i++)
		if (hooks->places[i].hook.pid)
			hook_output_refill(&hooks->places[i].hook.output);
}

/* --- events --- */

void
hooks_run(struct hooks *hooks, enum hook_kind kind,
	  const struct hook_details *details)
{
	static const struct hook_details none = { 0 };
	struct hooks_place *place = &hooks->places[kind];

	if (hooks->stopping || !hooks->config ||
	    !hooks->config->hooks[kind].arguments[0])
		return;
	if (!details)
		details = &none;
	if (place->hook.pid) {
		place->waiting++;
		place->details = *details;
		return;
	}
	begin(hooks, place, details, 1);
}

bool
hooks_busy(const struct hooks *hooks)
{
	for (int i = 0; i < HOOK_KINDS; i++)
		if (hooks->places[i].hook.pid)
			return true;
	return false;
}

void
hooks_stop(struct hooks *hooks, uint64_t milliseconds)
{
	uint64_t now = clock_monotonic();
	uint64_t share = milliseconds * (uint64_t)CLOCK_MILLISECOND / 16;

	hooks_run(hooks, HOOK_STOP, NULL);
	hooks->stopping = true;
	hooks->last[HOOKS_RUNS] = now + 12 * share;
	hooks->last[HOOKS_TERMINATED] = now + 16 * share;
	hooks->last[HOOKS_KILLED] = now + 17 * share;
	for (int i = 0; i < HOOK_KINDS; i++) {
		struct hooks_place *place = &hooks->places[i];

		if (place->waiting)
			log_omission(hooks, place, "timed stops",
				     place->waiting);
		place->waiting = 0;
		if (place->deadline)
			set_deadline(hooks, place, place->deadline);
	}
	schedule(hooks);
}

/* --- life --- */

int
hooks_open(struct hooks *hooks, struct loop *loop, void (*ended)(void *context),
	   void *context)
{
	*hooks = (struct hooks){ .loop = loop,
				 .ended = ended,
				 .context = context };
	for (int i = 0; i < HOOK_KINDS; i++)
		hooks->places[i].hook.output.source.fd = -1;
	return timer_open(&hooks->due, loop, CLOCK_MONOTONIC, look_for_late);
}

void
hooks_close(struct hooks *hooks)
{
	timer_close(&hooks->due);
}

void
hooks_configure(struct hooks *hooks, const struct config *config,
		unsigned generation)
{
	hooks->config = config;
	hooks->generation = generation;
}

void
hooks_adopt(struct hooks *hooks, enum hook_kind kind)
{
	struct hooks_place *place = &hooks->places[kind];
	struct hook_output *output = &place->hook.output;
	int fd = output->source.fd;

	output->name = programs_name(kind);
	output->pid = place->hook.pid;
	if (fd >= 0 && hook_output_open(output, hooks->loop, fd) < 0)
		close(fd);
	schedule(hooks);
}
