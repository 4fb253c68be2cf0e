/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/crew.h"

#include "base/clock.h"
#include "ipc/command.h"
#include "ipc/events.h"
#include "ipc/handoff.h"
#include "ipc/passing.h"
#include "master/obituary.h"
#include "master/spawn.h"

#include <bsd/string.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum {
	/* Records taken from one worker before the others get their turn. */
	REPORTS_PER_EVENT = 64,
	/* Between two checks: a pipe holds fewer beats, however late we are. */
	REPORTS_PER_SECOND = 200,
};

/* A beat that comes earlier is no sign of life: the first is due in a second. */
static const uint64_t ALIVE = 500 * (uint64_t)CLOCK_MILLISECOND;

static int
slot_of(const struct crew_member *member)
{
	return (int)(member - member->crew->members);
}

static void
enter(struct crew_member *member, enum worker_state state)
{
	struct scoreboard_master *master =
		scoreboard_master(member->crew->scoreboard);

	member->state = state;
	scoreboard_begin(master);
	master->places[slot_of(member)].state = (uint32_t)state;
	scoreboard_end(master);
}

/* --- reports --- */

static void
became_ready(struct crew_member *member)
{
	struct crew *crew = member->crew;

	if (member->state != WORKER_STARTING)
		return;
	enter(member, WORKER_SERVING);
	obituary_note(EVENT_WORKER_READY, member, NULL, NULL);
	crew->events->ready(crew->context, slot_of(member));
}

static void
had_beat(struct crew_member *member, const struct report_beat *beat)
{
	struct crew *crew = member->crew;

	member->last_beat = clock_monotonic();
	member->accepted += beat->delta.accepted;
	member->beaten |= member->last_beat - member->born >= ALIVE;
	crew->events->beat(crew->context, slot_of(member), beat);
}

static void
could_not_start(struct crew_member *member, const struct report_failed *why)
{
	strlcpy(member->failure, why->text, sizeof(member->failure));
	strlcat(member->failure, ": ", sizeof(member->failure));
	strlcat(member->failure, strerror(why->error), sizeof(member->failure));
}

static void
take_report(struct crew_member *member, const union report *report)
{
	switch (report->header.type) {
	case REPORT_READY:
		became_ready(member);
		break;
	case REPORT_BEAT:
		had_beat(member, &report->beat);
		break;
	case REPORT_FAILED:
		could_not_start(member, &report->failed);
		break;
	default:
		break;
	}
}

static void
close_pipe(struct crew_member *member)
{
	if (!member->piped)
		return;
	loop_remove(member->crew->loop, &member->report);
	close(member->report.fd);
	member->piped = false;
}

/* Take up to MOST of what is there.  False when the pipe is through. */
static bool
take_reports(struct crew_member *member, int most)
{
	union report report;

	for (int i = 0; i < most; i++) {
		switch (report_next(&member->reader, &report)) {
		case REPORT_GOT:
			if (++member->reports > REPORTS_PER_SECOND) {
				crew_kill(member->crew, slot_of(member),
					  "it reports too often");
				return true;
			}
			take_report(member, &report);
			break;
		case REPORT_REFUSED:
			/* An honest worker never says such a thing. */
			obituary_note(EVENT_REPORT_REFUSED, member, NULL, NULL);
			crew_kill(member->crew, slot_of(member),
				  "it reports nonsense");
			return true;
		case REPORT_EMPTY:
			return true;
		case REPORT_END:
			return false;
		}
	}
	return true;
}

static void
report_ready(struct loop_source *source, uint32_t events)
{
	struct crew_member *member = (struct crew_member *)source;

	(void)events;
	/* Its end comes with a SIGCHLD, or else with the watchdog. */
	if (!take_reports(member, REPORTS_PER_EVENT))
		close_pipe(member);
}

/* --- birth --- */

void
crew_init(struct crew *crew, struct loop *loop, struct scoreboard *scoreboard,
	  int log, int census, const struct crew_events *events, void *context)
{
	*crew = (struct crew){ .loop = loop,
			       .scoreboard = scoreboard,
			       .events = events,
			       .context = context,
			       .log = log,
			       .census = census,
			       .last_check = clock_monotonic() };
}

static int
free_slot(const struct crew *crew)
{
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (crew->members[i].pid == 0)
			return i;
	errno = EUSERS;
	return -1;
}

static void
publish(const struct crew_member *member)
{
	struct scoreboard_master *master =
		scoreboard_master(member->crew->scoreboard);

	scoreboard_begin(master);
	master->places[slot_of(member)] = (struct scoreboard_place){
		.pid = member->pid,
		.number = member->number,
		.generation = member->generation,
		.state = WORKER_STARTING,
		.started = clock_realtime() / CLOCK_SECOND,
	};
	scoreboard_end(master);
}

static void
take_in(struct crew *crew, const struct spawn_order *order,
	const struct spawned *spawned)
{
	struct crew_member *member = &crew->members[order->slot];

	*member = (struct crew_member){
		.report = { report_ready, spawned->report },
		.reader = { .fd = spawned->report,
			    .slot = (uint32_t)order->slot,
			    .generation = order->generation },
		.crew = crew,
		.pid = spawned->pid,
		.command = spawned->command,
		.number = order->number,
		.generation = order->generation,
		.state = WORKER_STARTING,
		.born = clock_monotonic(),
		.last_beat = clock_monotonic(),
		.piped = true,
	};
	publish(member);
	if (loop_add(crew->loop, &member->report, EPOLLIN) < 0)
		crew_kill(crew, order->slot, "its reports cannot be heard");
}

int
crew_spawn(struct crew *crew, unsigned generation, unsigned number,
	   const struct config *config, const struct listeners *listeners)
{
	struct spawn_order order = {
		.scoreboard = crew->scoreboard,
		.config = config,
		.listeners = listeners,
		.log = crew->log,
		.census = crew->census,
		.slot = free_slot(crew),
		.number = number,
		.generation = generation,
	};
	struct spawned spawned;

	if (order.slot < 0 || spawn_worker(&order, &spawned) < 0)
		return -1;
	take_in(crew, &order, &spawned);
	crew->events->born(crew->context, order.slot);
	return order.slot;
}

int
crew_adopt(struct crew *crew, int slot, const struct crew_member *member)
{
	struct crew_member *place;

	if (slot < 0 || slot >= SCOREBOARD_SLOTS || crew->members[slot].pid) {
		errno = EINVAL;
		return -1;
	}
	place = &crew->members[slot];
	*place = *member;
	place->crew = crew;
	place->report.ready = report_ready;
	place->piped = place->report.fd >= 0;
	place->reader.fd = place->report.fd;
	place->reader.slot = (uint32_t)slot;
	place->reader.generation = place->generation;
	return place->piped ? loop_add(crew->loop, &place->report, EPOLLIN) : 0;
}

void
crew_listen(struct crew *crew)
{
	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (crew->members[i].pid && crew->members[i].piped &&
		    !take_reports(&crew->members[i], 1 << 16))
			close_pipe(&crew->members[i]);
}

/* --- orders --- */

/*
 * One whose socket is full will not take the next order either; one whose
 * socket is closed is leaving already.  False when it has not got it.
 */
static bool
give(struct crew_member *member, enum command_type type, uint64_t argument,
     const int *fds, int count)
{
	struct command command = { .type = type,
				   .generation = member->generation,
				   .argument = argument };

	if (command_send(member->command, &command, fds, count) == 0)
		return true;
	if (errno == EAGAIN)
		crew_kill(member->crew, slot_of(member), "it takes no orders");
	return false;
}

bool
crew_introduce(struct crew *crew, int slot, const int fds[3])
{
	return give(&crew->members[slot], COMMAND_KEEPER, 0, fds, 3);
}

void
crew_accept(struct crew *crew, int slot)
{
	struct crew_member *member = &crew->members[slot];

	if (member->state == WORKER_SERVING)
		(void)give(member, COMMAND_ACCEPT, 0, NULL, 0);
}

void
crew_hint(struct crew *crew)
{
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		struct crew_member *member = &crew->members[i];

		if (member->pid && member->state == WORKER_SERVING &&
		    command_idle(member->command))
			(void)give(member, COMMAND_LISTENERS, 0, NULL, 0);
	}
}

/* A handoff socket from MEMBER to HEIR: one end is given, one comes back. */
static int
join(const struct crew_member *member, struct crew_member *heir)
{
	int ends[2];
	bool given;

	if (heir->state != WORKER_SERVING || handoff_pair(ends) < 0)
		return -1;
	given = give(heir, COMMAND_TAKE_OVER, (uint64_t)member->pid, &ends[1],
		     1);
	close(ends[1]);
	if (given)
		return ends[0];
	close(ends[0]);
	return -1;
}

static void
hand_over(struct crew_member *member, const int *heirs, int count)
{
	struct crew *crew = member->crew;
	int fds[COMMAND_FDS];
	int joined = 0;

	for (int i = 0; i < count && joined < COMMAND_FDS; i++) {
		fds[joined] = join(member, &crew->members[heirs[i]]);
		joined += fds[joined] >= 0;
	}
	/*
	 * Without any it accepts nobody, and serves whom it has meanwhile.  Too
	 * many descriptors may be under way: then it is tried again.
	 */
	if (give(member, COMMAND_HAND_OVER,
		 count ? crew->members[heirs[0]].generation : 0, fds, joined))
		member->heirs += joined;
	passing_close(fds, joined);
}

void
crew_retire(struct crew *crew, int slot, const int *heirs, int count,
	    uint64_t limit)
{
	struct crew_member *member = &crew->members[slot];

	if (member->state == WORKER_STARTING) {
		member->unwanted = true;
		crew_kill(crew, slot, NULL);
		return;
	}
	if (member->state == WORKER_SERVING) {
		obituary_note(EVENT_WORKER_RETIRED, member, NULL, NULL);
		enter(member, WORKER_RETIRING);
	}
	if (member->state != WORKER_RETIRING || member->killed)
		return;
	member->deadline = clock_monotonic() + limit;
	hand_over(member, heirs, count);
}

void
crew_stop(struct crew *crew, int slot, uint64_t milliseconds)
{
	struct crew_member *member = &crew->members[slot];

	member->unwanted = true;
	enter(member, WORKER_STOPPING);
	(void)give(member, COMMAND_STOP, milliseconds, NULL, 0);
}

bool
crew_ask(struct crew *crew, int slot, enum command_type type, uint64_t argument,
	 const int fds[2])
{
	return give(&crew->members[slot], type, argument, fds, 2);
}

void
crew_kill(struct crew *crew, int slot, const char *reason)
{
	struct crew_member *member = &crew->members[slot];

	if (member->killed)
		return;
	member->killed = true;
	if (reason)
		obituary_note(EVENT_WORKER_KILLED, member, "reason", reason);
	if (!member->reaped)
		kill(member->pid, SIGKILL);
}

static bool
overdue(const struct crew_member *member, uint64_t now, uint64_t limit)
{
	return now > member->last_beat && now - member->last_beat >= limit;
}

void
crew_check(struct crew *crew, uint64_t limit, bool patient)
{
	uint64_t second = (uint64_t)CLOCK_SECOND;
	uint64_t now = clock_monotonic();
	uint64_t late = now - crew->last_check;

	/* After a pause of our own, their beats wait to be read: be fair. */
	late = late > second + second / 4 ? late : 0;
	crew->last_check = now;
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		struct crew_member *member = &crew->members[i];

		if (member->pid == 0 || member->killed)
			continue;
		member->reports = 0;
		member->last_beat += late;
		member->deadline += patient ? second : late;
		if (member->state == WORKER_RETIRING && now >= member->deadline)
			crew_kill(crew, i, "it did not hand over in time");
		if (!overdue(member, now, limit))
			continue;
		/* Its beat may be waiting to be read. */
		if (member->piped)
			take_reports(member, REPORTS_PER_EVENT);
		if (member->pid == 0 || !overdue(member, now, limit))
			continue;
		obituary_note(EVENT_WORKER_HUNG, member, NULL, NULL);
		crew_kill(crew, i, NULL);
	}
}

/* --- death --- */

int
crew_reap(struct crew *crew, pid_t pid, int status, struct crew_member *gone)
{
	int slot = 0;

	while (slot < SCOREBOARD_SLOTS && crew->members[slot].pid != pid)
		slot++;
	if (slot == SCOREBOARD_SLOTS)
		return -1;
	crew->members[slot].reaped = true;
	/* What it said before it died comes first; a pipe holds so much. */
	if (crew->members[slot].piped)
		take_reports(&crew->members[slot], 1 << 16);
	close_pipe(&crew->members[slot]);
	close(crew->members[slot].command);
	*gone = crew->members[slot];
	crew->members[slot] = (struct crew_member){ 0 };
	gone->lost = scoreboard_fold(crew->scoreboard, slot);
	gone->crashed = obituary_write(gone, status);
	if (gone->crashed)
		scoreboard_master(crew->scoreboard)->crashes++;
	return slot;
}

int
crew_count(const struct crew *crew)
{
	int count = 0;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		count += crew->members[i].pid != 0;
	return count;
}
