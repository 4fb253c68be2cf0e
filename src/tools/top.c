/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/top.h"

#include "base/clock.h"
#include "base/signals.h"
#include "base/timer.h"
#include "tools/top_log.h"
#include "tools/top_screen.h"
#include "tools/top_stream.h"

#include <bsd/string.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct top {
	const struct operator_options *options;
	struct loop loop;
	struct signals signals;
	struct timer due;
	struct loop_source keys;
	struct top_view view;
	struct top_log log;
	int status;
	int looks; /* with timed there, until rates mean something */
	bool seen; /* timed was there once */
	bool gone; /* and is no more */
	struct snapshot *now;
	struct snapshot *before;
	struct rates rates;
	char problem[256];
};

/* Looks until what lies between two of them is a whole interval. */
enum {
	SETTLED = 3
};

static struct top *
top_of(void *member, size_t offset)
{
	return (struct top *)((char *)member - offset);
}

/* --- looking --- */

static void
exchange(struct top *top)
{
	struct snapshot *before = top->before;

	top->before = top->now;
	top->now = before;
}

/* What timed is doing now; false with why that is not known. */
static bool
look(struct top *top)
{
	int status;

	exchange(top);
	if (!operator_look(top->options, top->now, top->problem,
			   sizeof(top->problem), &status)) {
		/* What there was last stays to be seen. */
		exchange(top);
		top->looks = 0;
		top->status = status;
		if (status == EX_UNAVAILABLE && top->seen)
			strlcpy(top->problem,
				"timed has stopped; what is below is old",
				sizeof(top->problem));
		top->gone = status == EX_UNAVAILABLE;
		top_log_check(&top->log, 0);
		return false;
	}
	top->problem[0] = '\0';
	top->gone = false;
	top->seen = true;
	if (top->looks < SETTLED)
		top->looks++;
	rates_between(&top->rates, top->looks == SETTLED ? top->before : NULL,
		      top->now);
	top_view_sort(&top->view, &top->rates);
	top_log_check(&top->log, top->now->master.pid);
	return true;
}

static void
draw(struct top *top)
{
	struct top_picture picture = {
		.view = &top->view,
		.snapshot = top->now,
		.rates = &top->rates,
		.log = &top->log,
		.gone = top->gone,
		.synchronised = clock_synchronised(),
		.problem = top->problem,
	};

	top_screen_draw(&picture);
}

/* In the middle between boundaries, when ticks are not under way. */
static void
arm(struct top *top)
{
	int64_t interval = top_view_interval(&top->view) * CLOCK_MILLISECOND;
	int64_t phase =
		interval < CLOCK_SECOND ? interval / 2 : CLOCK_SECOND / 2;
	int64_t now = clock_realtime();

	timer_after(&top->due,
		    (uint64_t)(clock_boundary(now - phase, interval) +
			       interval + phase - now));
}

static void
is_due(struct timer *timer, bool stepped)
{
	struct top *top = top_of(timer, offsetof(struct top, due));

	(void)stepped;
	arm(top);
	if (top->view.frozen)
		return;
	look(top);
	draw(top);
}

/* --- the terminal --- */

static void
key_hit(struct loop_source *source, uint32_t events)
{
	struct top *top = top_of(source, offsetof(struct top, keys));
	unsigned interval = top_view_interval(&top->view);
	int key;

	while ((key = top_screen_key()))
		top_view_key(&top->view, key);
	if (top->view.leave || events & (EPOLLHUP | EPOLLERR)) {
		loop_stop(&top->loop);
		return;
	}
	if (top_view_interval(&top->view) != interval)
		arm(top);
	top_view_sort(&top->view, &top->rates);
	draw(top);
}

static void
resized(void *context)
{
	top_screen_resize();
	draw(context);
}

static void
end(void *context)
{
	struct top *top = context;

	loop_stop(&top->loop);
}

static const struct signals_action actions[] = {
	{ SIGINT, end },  { SIGTERM, end },	 { SIGHUP, end },
	{ SIGQUIT, end }, { SIGWINCH, resized }, { 0, NULL },
};

/* --- life --- */

static int
open_all(struct top *top)
{
	top->now = calloc(1, sizeof(*top->now));
	top->before = calloc(1, sizeof(*top->before));
	if (!top->now || !top->before || loop_open(&top->loop) < 0)
		return -1;
	top_view_open(&top->view);
	top_log_open(&top->log, &top->loop, top->options->runtime_dir);
	top->keys.fd = STDIN_FILENO;
	top->keys.ready = key_hit;
	if (signals_open(&top->signals, &top->loop, actions, top) < 0 ||
	    timer_open(&top->due, &top->loop, CLOCK_MONOTONIC, is_due) < 0)
		return -1;
	return 0;
}

/* Nothing is undone when it fails: the process ends then. */
static int
open_screen(struct top *top)
{
	char error[256];
	int status = top_screen_open(error, sizeof(error));

	if (status != 0)
		return operator_fail(top->options, status, error);
	/* A terminal is a file that can be waited for. */
	if (loop_add(&top->loop, &top->keys, EPOLLIN) < 0) {
		top_screen_close();
		return operator_fail(top->options, EXIT_FAILURE,
				     strerror(errno));
	}
	return EX_OK;
}

static void
close_all(struct top *top)
{
	top_log_close(&top->log);
	timer_close(&top->due);
	signals_close(&top->signals);
	loop_close(&top->loop);
	free(top->before);
	free(top->now);
}

static int
run(struct top *top)
{
	int status;

	if (!look(top))
		return operator_fail(top->options, top->status, top->problem);
	status = open_screen(top);
	if (status != EX_OK)
		return status;
	arm(top);
	draw(top);
	if (loop_run(&top->loop) < 0)
		status = EXIT_FAILURE;
	top_screen_close();
	loop_remove(&top->loop, &top->keys);
	return status;
}

int
top_run(const struct operator_options *options)
{
	struct top *top;
	int status;

	if (options->json)
		return top_stream(options);
	top = calloc(1, sizeof(*top));
	if (!top)
		return operator_fail(options, EXIT_FAILURE, "out of memory");
	top->options = options;
	if (open_all(top) == 0) {
		status = run(top);
		close_all(top);
	} else {
		status = operator_fail(options, EXIT_FAILURE, strerror(errno));
	}
	free(top);
	return status;
}
