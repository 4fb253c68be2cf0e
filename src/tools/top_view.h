/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What whoever looks at `timedctl top` wants to see, and what keys change of
 * it.  One table has the keys, what they do, and what help says of them.
 */
#ifndef TIMED_TOOLS_TOP_VIEW_H
#define TIMED_TOOLS_TOP_VIEW_H

#include "tools/rates.h"

#include <stdbool.h>

/* Keys that are no characters. */
enum top_key {
	TOP_KEY_UP = 0x1000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_OTHER,
};

enum top_order {
	TOP_BY_NUMBER,
	TOP_BY_CONNECTIONS,
	TOP_BY_RATE,
	TOP_BY_LATENESS,
	TOP_ORDERS
};

struct top_view {
	enum top_order order;
	bool reverse;
	bool frozen; /* what is shown stays */
	bool help;
	bool leave;
	bool hide_workers;
	bool hide_services;
	bool hide_log;
	int pace;  /* see top_view_interval() */
	int first; /* worker that is shown, from 0 */
	int page;  /* workers that there was room for */
	int rows;  /* workers that there are */
};

/* The lines of the screen that each pane has, its title included. */
struct top_layout {
	int head;
	int workers;
	int services;
	int log;
};

struct top_help {
	const char *keys; /* "p, space" */
	const char *text;
};

void top_view_open(struct top_view *view);

/* KEY was hit: a character or an enum top_key. */
void top_view_key(struct top_view *view, int key);

/* Between two looks at the scoreboard; milliseconds. */
unsigned top_view_interval(const struct top_view *view);

/* "number", "connections" ... */
const char *top_view_order(const struct top_view *view);

/* The Ith line of help; NULL: there are no more. */
const struct top_help *top_view_help(int i);

/*
 * Who gets how much of LINES, when there is so much to be shown; the last line
 * is left out, it is the bar's.  Also keeps what is scrolled within bounds.
 */
struct top_layout top_view_layout(struct top_view *view, int lines, int workers,
				  int services);

/* Put the workers into the order of VIEW. */
void top_view_sort(const struct top_view *view, struct rates *rates);

#endif
