/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/round.h"

#include "base/clock.h"
#include "ipc/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void begin(struct round *round);

/* An operator that left has left its place, too. */
static bool
is_there(const struct round *round)
{
	return round->peer->state == CONTROL_WAITS_CREW && round->peer->begun;
}

static bool
is_kick(const struct round *round)
{
	return round->peer->request.id == CONTROL_KICK;
}

static void
drop_baton(struct round *round)
{
	if (round->baton.fd < 0)
		return;
	loop_remove(round->loop, &round->baton);
	close(round->baton.fd);
	round->baton.fd = -1;
}

/* --- the end --- */

static void
next_operator(struct round *round)
{
	drop_baton(round);
	timer_cancel(&round->patience);
	round->peer = NULL;
	begin(round);
}

static void
fail(struct round *round, const char *why)
{
	if (is_there(round))
		control_refuse(round->peer, EX_TEMPFAIL, "%s", why);
	next_operator(round);
}

static void
succeed(struct round *round)
{
	if (is_there(round))
		control_done(round->peer, NULL);
	next_operator(round);
}

/* Everybody was asked. */
static void
conclude(struct round *round)
{
	if (round->failed)
		fail(round, "a worker was out of memory");
	else if (!is_kick(round) || !is_there(round))
		succeed(round);
	else {
		control_refuse(
			round->peer, EXIT_FAILURE, "no such connection: %s",
			control_value(&round->peer->request, "id")->text);
		next_operator(round);
	}
}

/* --- worker by worker --- */

static bool
is_before(const struct crew_member *a, const struct crew_member *b)
{
	if (a->state != b->state)
		return a->state == WORKER_RETIRING;
	return a->generation < b->generation;
}

/* The slot of whom to ask next, or -1. */
static int
choose(const struct round *round)
{
	const struct crew_member *members = round->crew->members;
	int chosen = -1;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		const struct crew_member *member = &members[i];

		if (!member->pid || member->killed ||
		    round->asked[i] == member->pid ||
		    (member->state != WORKER_RETIRING &&
		     member->state != WORKER_SERVING))
			continue;
		if (chosen < 0 || is_before(member, &members[chosen]))
			chosen = i;
	}
	return chosen;
}

/* False when that worker does not hear it. */
static bool
pass_on(struct round *round, int slot, const int baton[2])
{
	const int fds[2] = { baton[1], round->peer->source.fd };

	return crew_ask(round->crew, slot,
			is_kick(round) ? COMMAND_KICK : COMMAND_CLIENTS,
			round->peer->argument, fds);
}

/* Ask SLOT.  1: it has the baton; 0: it does not hear; -1: with errno. */
static int
ask(struct round *round, int slot)
{
	const struct crew_member *member = &round->crew->members[slot];
	int baton[2];
	bool passed;

	round->asked[slot] = member->pid;
	round->moving = round->moving || member->state == WORKER_RETIRING;
	if (pipe2(baton, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	passed = pass_on(round, slot, baton);
	close(baton[1]);
	round->baton.fd = baton[0];
	if (passed && loop_add(round->loop, &round->baton, EPOLLIN) == 0)
		return 1;
	close(baton[0]);
	round->baton.fd = -1;
	return passed ? -1 : 0;
}

static void
next_worker(struct round *round)
{
	int slot, asked = 0;

	while (asked == 0 && is_there(round)) {
		slot = choose(round);
		/* It may have moved from one who was still to be asked. */
		if (slot < 0 && is_kick(round) && round->moving &&
		    !round->again) {
			round->again = true;
			memset(round->asked, 0, sizeof(round->asked));
			slot = choose(round);
		}
		if (slot < 0)
			break;
		asked = ask(round, slot);
	}
	if (asked < 0)
		fail(round, strerror(errno));
	else if (asked == 0)
		conclude(round);
}

static void
baton_ready(struct loop_source *source, uint32_t events)
{
	struct round *round = (struct round *)source;
	char word = 0;
	ssize_t n = read(source->fd, &word, 1);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	drop_baton(round);
	round->failed += word == COMMAND_FAILED;
	if (word == COMMAND_FOUND && is_kick(round))
		succeed(round);
	else
		next_worker(round);
}

static void
out_of_patience(struct timer *timer, bool stepped)
{
	struct round *round =
		(struct round *)((char *)timer -
				 offsetof(struct round, patience));

	(void)stepped;
	if (round->peer)
		fail(round, "not all was said, or taken, in time");
}

/* --- the beginning --- */

/* Whoever waits longest, if nobody is being answered. */
static void
begin(struct round *round)
{
	if (round->peer)
		return;
	round->peer = control_next(round->control, CONTROL_WAITS_CREW);
	if (!round->peer)
		return;
	round->peer->begun = true;
	round->moving = false;
	round->again = false;
	round->failed = 0;
	memset(round->asked, 0, sizeof(round->asked));
	timer_after(&round->patience, ROUND_SECONDS * (uint64_t)CLOCK_SECOND);
	next_worker(round);
}

void
round_ask(struct round *round, struct control_peer *peer, uint64_t argument)
{
	peer->argument = argument;
	control_wait(peer, CONTROL_WAITS_CREW);
	begin(round);
}

void
round_break_off(struct round *round, const char *why)
{
	struct control_peer *peers = round->control->peers;

	drop_baton(round);
	timer_cancel(&round->patience);
	round->peer = NULL;
	for (int i = 0; i < CONTROL_PEERS; i++)
		if (peers[i].state == CONTROL_WAITS_CREW)
			control_refuse(&peers[i], EX_TEMPFAIL, "%s", why);
}

int
round_open(struct round *round, struct loop *loop, struct crew *crew,
	   struct control *control)
{
	*round = (struct round){ .loop = loop,
				 .crew = crew,
				 .control = control };
	round->baton = (struct loop_source){ baton_ready, -1 };
	return timer_open(&round->patience, loop, CLOCK_MONOTONIC,
			  out_of_patience);
}

void
round_close(struct round *round)
{
	drop_baton(round);
	timer_close(&round->patience);
}
