/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_chat.h"

#include "base/clock.h"
#include "base/signals.h"
#include "base/timer.h"
#include "tools/bench_chat_user.h"
#include "tools/bench_crew.h"
#include "tools/bench_progress.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	EXIT_FAULTS = 1,
	/* Entering at once: a server hashes one password after the other. */
	ENTERING = 16,
	ADDRESSES = 16,
};

static const uint64_t TICK = 5 * (uint64_t)CLOCK_MILLISECOND;
/* To be let in. */
static const uint64_t PATIENCE =
	(uint64_t)BENCH_PATIENCE_MS * (uint64_t)CLOCK_MILLISECOND;

struct chat_run {
	const struct bench_options *options;
	struct loop loop;
	struct timer tick;
	struct signals signals;
	struct chat_users shared;
	struct chat_user *users;
	struct addr address;
	int first; /* connected: of the first user */
	struct bench_progress progress;
	uint32_t begun;	  /* users that began to enter */
	uint32_t entered; /* of those, who are in */
	uint64_t moved;	  /* when something last happened, monotonic */
	uint64_t from;	  /* of the window; 0: not all are in */
	uint64_t until;	  /* the same */
	uint64_t said;	  /* lines, for the rate */
	uint32_t next;	  /* talker whose turn it is */
	bool draining;
	int status; /* of the program; -1: not known yet */
	struct chat_report report;
};

static void
finish(struct chat_run *run, int status)
{
	if (run->status < 0)
		run->status = status;
	loop_stop(&run->loop);
}

/* ---- Entering ----------------------------------------------------------- */

static void
begin_some(struct chat_run *run)
{
	uint32_t count = run->options->connections;

	while (run->begun < count && run->begun - run->entered < ENTERING) {
		struct chat_user *user = &run->users[run->begun];
		int fd = run->begun == 0
				 ? run->first
				 : chat_user_connect(&run->address, run->begun);

		run->begun++;
		if (fd >= 0 && chat_user_begin(user, &run->shared, fd) == 0)
			continue;
		bench_complain("user %s: %s", user->name, strerror(errno));
		finish(run, EX_UNAVAILABLE);
		return;
	}
}

/* ---- Talking ------------------------------------------------------------ */

static void
talk(struct chat_run *run, struct chat_user *user)
{
	if (chat_user_say(user, run->options->burst))
		return;
	bench_complain("%s", strerror(ENOMEM));
	finish(run, EX_OSERR);
}

/* All that the rate asks for until NOW. */
static void
talk_at_rate(struct chat_run *run, uint64_t now)
{
	double due = (double)(now - run->from) / (double)CLOCK_SECOND *
		     run->options->rate;

	while ((double)run->said < due && run->status < 0) {
		talk(run, &run->users[run->next]);
		run->said += run->options->burst;
		run->next = (run->next + 1) % run->options->talkers;
	}
}

static void
begin_talk(struct chat_run *run)
{
	const struct bench_options *options = run->options;

	bench_progress_hide(&run->progress);
	bench_server_look(&run->report.server, options, false);
	run->from = clock_monotonic();
	run->until = run->from + (uint64_t)options->window;
	if (options->rate > 0)
		return;
	for (uint32_t i = 0; i < options->talkers; i++)
		talk(run, &run->users[i]);
}

static void
entered(void *context, struct chat_user *user)
{
	struct chat_run *run = context;

	(void)user;
	run->moved = clock_monotonic();
	if (++run->entered == run->options->connections)
		begin_talk(run);
	else
		begin_some(run);
}

static void
end_talk(struct chat_run *run)
{
	run->report.seconds =
		(double)(clock_monotonic() - run->from) / CLOCK_SECOND;
	bench_server_look(&run->report.server, run->options, true);
	finish(run, 0);
}

/* Whether of each line it is known what became of it. */
static bool
is_settled(const struct chat_run *run)
{
	const struct chat_report *report = &run->report;

	return report->order.complete + report->slow >=
	       report->order.line_count;
}

static void
complete(void *context, uint32_t number)
{
	struct chat_run *run = context;
	struct order *order = &run->report.order;
	struct chat_user *author = &run->users[order->lines[number].author];
	uint64_t now = clock_monotonic();

	run->moved = now;
	author->unseen--;
	if (now >= run->until)
		run->draining = true;
	if (run->draining && is_settled(run))
		end_talk(run);
	else if (!run->draining && run->options->rate == 0 &&
		 author->unseen == 0)
		talk(run, author);
}

static void
told(void *context, enum bench_room_event event, uint64_t count)
{
	struct chat_run *run = context;

	if (event == BENCH_ROOM_SLOW)
		run->report.slow += count;
	else
		run->report.missed += count;
}

static void
gone(void *context, struct chat_user *user, const char *why, int error)
{
	struct chat_run *run = context;

	run->report.lost++;
	bench_complain("user %s: %s", user->name, why ? why : strerror(error));
	/* Who is not in yet never will be; the others go on. */
	if (run->from == 0)
		finish(run, EX_UNAVAILABLE);
}

/* ---- Time --------------------------------------------------------------- */

static void
show_progress(struct chat_run *run, uint64_t now)
{
	if (run->from == 0)
		bench_progress_show(&run->progress, "entering", run->entered,
				    run->options->connections, "");
	else
		bench_progress_show(&run->progress, "talking",
				    (double)(now - run->from) / CLOCK_SECOND,
				    (double)run->options->window / CLOCK_SECOND,
				    " s");
}

static void
tick(struct timer *timer, bool stepped)
{
	struct chat_run *run =
		(struct chat_run *)((char *)timer -
				    offsetof(struct chat_run, tick));
	uint64_t now = clock_monotonic();

	(void)stepped;
	show_progress(run, now);
	if (run->from > 0 && now >= run->until)
		run->draining = true;
	if (run->from > 0 && !run->draining && run->options->rate > 0)
		talk_at_rate(run, now);
	if (run->draining && is_settled(run)) {
		end_talk(run);
	} else if (run->from > 0) {
		if (now - run->moved > (uint64_t)run->options->timeout)
			end_talk(run);
	} else if (now - run->moved > PATIENCE) {
		bench_complain("nobody was let in for %d s",
			       BENCH_PATIENCE_MS / 1000);
		finish(run, EX_UNAVAILABLE);
	}
}

static void
interrupt(void *context)
{
	struct chat_run *run = context;

	run->report.interrupted = true;
	if (run->from > 0)
		end_talk(run);
	finish(run, EXIT_FAULTS);
}

static const struct signals_action actions[] = { { SIGINT, interrupt },
						 { SIGTERM, interrupt },
						 { 0, NULL } };

/* ---- The run ------------------------------------------------------------ */

/* Whether FD is connected within the patience; errno says why not. */
static bool
is_connected(int fd)
{
	struct pollfd polled = { .fd = fd, .events = POLLOUT };
	int error = ETIMEDOUT;
	socklen_t length = sizeof(error);

	if (poll(&polled, 1, BENCH_PATIENCE_MS) > 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	errno = error;
	return error == 0;
}

/*
 * Connect the first user to the first address that takes him: nobody comes to
 * the server who does not stay.
 */
static int
find_server(struct chat_run *run)
{
	struct addr addresses[ADDRESSES];
	char error[256];
	int count = addr_resolve(run->options->target, run->options->port,
				 SOCK_STREAM, addresses, ADDRESSES, error,
				 sizeof(error));

	for (int i = 0; i < count; i++) {
		run->address = addresses[i];
		addr_format(&run->address, run->report.address);
		run->first = chat_user_connect(&run->address, 0);
		if (run->first >= 0 && is_connected(run->first))
			return 0;
		snprintf(error, sizeof(error), "%s", strerror(errno));
		if (run->first >= 0)
			close(run->first);
	}
	bench_complain("%s: %s", run->options->target, error);
	return -1;
}

static bool
prepare(struct chat_run *run)
{
	const struct bench_options *options = run->options;
	uint32_t count = options->connections;

	run->users = calloc(count, sizeof(*run->users));
	if (!run->users)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		struct chat_user *user = &run->users[i];

		user->source.fd = -1;
		user->reader.number = i;
		user->reader.talks = i < options->talkers;
		user->who.password = options->password;
		snprintf(user->name, sizeof(user->name), "%s%" PRIu32,
			 options->name, i);
	}
	order_open(&run->report.order, count);
	snprintf(run->shared.tag, sizeof(run->shared.tag), "#%08" PRIx32 ":",
		 (uint32_t)(clock_realtime() / CLOCK_MICROSECOND));
	return loop_open(&run->loop) == 0 &&
	       timer_open(&run->tick, &run->loop, CLOCK_MONOTONIC, tick) == 0 &&
	       signals_open(&run->signals, &run->loop, actions, run) == 0;
}

static int
show(struct chat_run *run)
{
	struct chat_report *report = &run->report;
	int status = 0;

	if (report->slow > 0)
		bench_complain("lines refused (\"! slow down\"): %" PRIu64
			       "; see lines_per_second of the chat",
			       report->slow);
	for (uint32_t i = 0; i < run->options->talkers; i++)
		order_settle(&report->order, &run->users[i].reader);
	if (run->options->json)
		status = chat_report_json(report, stdout);
	else
		chat_report_text(report, stdout);
	if (status < 0 || fflush(stdout) == EOF) {
		bench_complain("standard output: %s", strerror(errno));
		return EX_IOERR;
	}
	return report->interrupted || !chat_report_clean(report) ? EXIT_FAULTS
								 : 0;
}

static int
perform(struct chat_run *run)
{
	if (find_server(run) < 0)
		return EX_UNAVAILABLE;
	if (!prepare(run)) {
		bench_complain("cannot start: %s", strerror(errno));
		return EX_OSERR;
	}
	run->moved = clock_monotonic();
	timer_every(&run->tick, TICK);
	begin_some(run);
	if (run->status < 0)
		(void)loop_run(&run->loop);
	bench_progress_hide(&run->progress);
	if (run->from > 0)
		return show(run);
	return run->status;
}

int
bench_chat(const struct bench_options *options)
{
	struct chat_run run = { .options = options, .status = -1 };

	if (options->talkers >= options->connections) {
		bench_complain("somebody has to be silent: fewer talkers");
		return EX_USAGE;
	}
	if (options->size > BENCH_ROOM_MOST) {
		bench_complain("a line has at most %d bytes", BENCH_ROOM_MOST);
		return EX_USAGE;
	}
	if (crew_size(options->connections, 1) != 1) {
		bench_complain("too many users for RLIMIT_NOFILE descriptors");
		return EX_OSERR;
	}
	run.shared = (struct chat_users){
		.loop = &run.loop,
		.room = bench_room_find(options->protocol),
		.order = &run.report.order,
		.size = options->size,
		.context = &run,
		.entered = entered,
		.complete = complete,
		.told = told,
		.gone = gone,
	};
	run.report.options = options;
	run.report.server.asked = options->pid_count > 0;
	bench_progress_open(&run.progress);
	run.status = perform(&run);
	for (uint32_t i = 0; run.users && i < options->connections; i++) {
		chat_user_close(&run.users[i]);
		order_forget(&run.users[i].reader);
	}
	free(run.users);
	order_close(&run.report.order);
	bench_server_close(&run.report.server);
	return run.status;
}
