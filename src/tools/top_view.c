/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/top_view.h"

#include "tools/amount.h"

#include <stdlib.h>

enum {
	HEAD = 4,	/* lines that are about timed as a whole */
	HEAD_SMALL = 2, /* on a small screen */
	SMALL = 16,
	PANE_LEAST = 2, /* its title and one line */
	LOG_LEAST = 4,
	PACE = 2, /* at first: a second */
};

/* Milliseconds. */
static const unsigned paces[] = { 250,	500,   1000,  2000,
				  5000, 10000, 30000, 60000 };

enum {
	PACES = sizeof(paces) / sizeof(*paces)
};

/* --- keys --- */

static void
leave(struct top_view *view)
{
	view->leave = true;
}

static void
freeze(struct top_view *view)
{
	view->frozen = !view->frozen;
}

static void
next_order(struct top_view *view)
{
	view->order = (enum top_order)((view->order + 1) % TOP_ORDERS);
	view->reverse = false;
}

static void
turn(struct top_view *view)
{
	view->reverse = !view->reverse;
}

static void
show_workers(struct top_view *view)
{
	view->hide_workers = !view->hide_workers;
}

static void
show_services(struct top_view *view)
{
	view->hide_services = !view->hide_services;
}

static void
show_log(struct top_view *view)
{
	view->hide_log = !view->hide_log;
}

static void
slower(struct top_view *view)
{
	if (view->pace + 1 < PACES)
		view->pace++;
}

static void
faster(struct top_view *view)
{
	if (view->pace > 0)
		view->pace--;
}

static void
show_help(struct top_view *view)
{
	view->help = !view->help;
}

/* --- scrolling --- */

static void
scroll_to(struct top_view *view, int first)
{
	if (first > view->rows - view->page)
		first = view->rows - view->page;
	view->first = first > 0 ? first : 0;
}

static void
up(struct top_view *view)
{
	scroll_to(view, view->first - 1);
}

static void
down(struct top_view *view)
{
	scroll_to(view, view->first + 1);
}

static void
page_up(struct top_view *view)
{
	scroll_to(view, view->first - view->page);
}

static void
page_down(struct top_view *view)
{
	scroll_to(view, view->first + view->page);
}

static void
home(struct top_view *view)
{
	scroll_to(view, 0);
}

static void
end(struct top_view *view)
{
	scroll_to(view, view->rows);
}

/* --- the table of keys --- */

struct binding {
	int keys[2]; /* 0: none */
	void (*act)(struct top_view *view);
	struct top_help help; /* none: it is with the one before */
};

static const struct binding bindings[] = {
	{ { 'q', 'Q' }, leave, { "q", "leave" } },
	{ { 'p', ' ' }, freeze, { "p, space", "hold the picture, go on" } },
	{ { 's' }, next_order, { "s", "sort workers by the next column" } },
	{ { 'r' }, turn, { "r", "the other way round" } },
	{ { 'w' }, show_workers, { "w", "workers: hide, show" } },
	{ { 'v' }, show_services, { "v", "services: hide, show" } },
	{ { 'l' }, show_log, { "l", "log: hide, show" } },
	{ { '+', '=' }, slower, { "+, -", "look less often, more often" } },
	{ { '-' }, faster, { NULL, NULL } },
	{ { TOP_KEY_UP, 'k' }, up, { "up, down", "scroll the workers" } },
	{ { TOP_KEY_DOWN, 'j' }, down, { NULL, NULL } },
	{ { TOP_KEY_PAGE_UP }, page_up, { "PgUp, PgDn", "by a page" } },
	{ { TOP_KEY_PAGE_DOWN }, page_down, { NULL, NULL } },
	{ { TOP_KEY_HOME }, home, { "Home, End", "to the first, the last" } },
	{ { TOP_KEY_END }, end, { NULL, NULL } },
	{ { '?', 'h' }, show_help, { "?, h", "this; any key leaves it" } },
};

enum {
	BINDINGS = sizeof(bindings) / sizeof(*bindings)
};

void
top_view_key(struct top_view *view, int key)
{
	if (view->help && key != 'q') {
		view->help = false;
		return;
	}
	for (int i = 0; i < BINDINGS; i++)
		if (bindings[i].keys[0] == key || bindings[i].keys[1] == key) {
			bindings[i].act(view);
			return;
		}
}

const struct top_help *
top_view_help(int i)
{
	for (int at = 0; at < BINDINGS; at++)
		if (bindings[at].help.keys && i-- == 0)
			return &bindings[at].help;
	return NULL;
}

/* --- what is shown --- */

void
top_view_open(struct top_view *view)
{
	*view = (struct top_view){ .pace = PACE };
}

unsigned
top_view_interval(const struct top_view *view)
{
	return paces[view->pace];
}

const char *
top_view_order(const struct top_view *view)
{
	static const char *const names[TOP_ORDERS] = {
		[TOP_BY_NUMBER] = "number",
		[TOP_BY_CONNECTIONS] = "connections",
		[TOP_BY_RATE] = "rate",
		[TOP_BY_LATENESS] = "lateness",
	};

	return names[view->order];
}

/* As much of WANTED as there is in *LEFT, and nothing if that is too little. */
static int
grant(int *left, int wanted)
{
	if (wanted > *left)
		wanted = *left;
	if (wanted < PANE_LEAST)
		wanted = 0;
	*left -= wanted;
	return wanted;
}

struct top_layout
top_view_layout(struct top_view *view, int lines, int workers, int services)
{
	struct top_layout layout = { 0 };
	int left = lines - 1, log = 0;

	if (left <= 0)
		return layout;
	layout.head = lines < SMALL ? HEAD_SMALL : HEAD;
	if (layout.head > left)
		layout.head = left;
	left -= layout.head;
	/* A quarter is the log's, and what nobody else wants. */
	if (!view->hide_log && left >= 3 * PANE_LEAST)
		log = left / 4 > LOG_LEAST ? left / 4 : PANE_LEAST;
	left -= log;
	if (!view->hide_services) {
		int most = view->hide_workers ? left : left / 2;

		layout.services = grant(&most, services + 1);
		left -= layout.services;
	}
	if (!view->hide_workers)
		layout.workers = grant(&left, workers + 1);
	if (!view->hide_log) {
		left += log;
		layout.log = grant(&left, left);
	}
	view->rows = workers;
	view->page = layout.workers > 0 ? layout.workers - 1 : 0;
	scroll_to(view, view->first);
	return layout;
}

/* --- order --- */

/* What a worker is sorted by; the most comes first. */
static double
weight(const struct rates_worker *worker, enum top_order order)
{
	switch (order) {
	case TOP_BY_CONNECTIONS:
		return (double)worker->connections;
	case TOP_BY_RATE:
		return worker->flow.accepted + worker->flow.requests +
		       worker->flow.ticks;
	case TOP_BY_LATENESS:
		if (worker->late.p99 == AMOUNT_NO_TIME)
			return -1;
		return (double)worker->late.p99;
	case TOP_BY_NUMBER:
	case TOP_ORDERS:
		break;
	}
	return 0;
}

static int
by_number(const struct rates_worker *a, const struct rates_worker *b)
{
	const struct scoreboard_place *one = &a->place;
	const struct scoreboard_place *other = &b->place;

	if (one->number != other->number)
		return one->number < other->number ? -1 : 1;
	if (one->generation != other->generation)
		return one->generation < other->generation ? -1 : 1;
	return a->slot - b->slot;
}

static int
compare(const void *one, const void *other, void *context)
{
	const struct rates_worker *a = one, *b = other;
	const struct top_view *view = context;
	double first = weight(a, view->order), second = weight(b, view->order);
	int result;

	if (first != second)
		result = first > second ? -1 : 1;
	else
		result = by_number(a, b);
	return view->reverse ? -result : result;
}

void
top_view_sort(const struct top_view *view, struct rates *rates)
{
	qsort_r(rates->workers, (size_t)rates->worker_count,
		sizeof(*rates->workers), compare, (void *)view);
}
