/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The screen of `timedctl top`: where its lines go, and where keys come from.
 * There is one terminal, so there is one screen.
 */
#ifndef TIMED_TOOLS_TOP_SCREEN_H
#define TIMED_TOOLS_TOP_SCREEN_H

#include "tools/rates.h"
#include "tools/top_log.h"
#include "tools/top_view.h"

#include <stdbool.h>
#include <stddef.h>

struct top_picture {
	struct top_view *view;
	const struct snapshot *snapshot; /* NULL: there is none */
	const struct rates *rates;
	const struct top_log *log;
	bool gone;	     /* timed is, and the snapshot was its last */
	bool synchronised;   /* the clock */
	const char *problem; /* "" or why what is shown is not of now */
};

/*
 * Take the terminal over.  0, or the exit status with one line of text in
 * ERROR: it is none that can be drawn on, or this was built without ncurses.
 */
int top_screen_open(char *error, size_t size);

/* Give it back as it was. */
void top_screen_close(void);

void top_screen_draw(const struct top_picture *picture);

/* The terminal has another size. */
void top_screen_resize(void);

/* The next key for top_view_key(); 0: none was hit. */
int top_screen_key(void);

#endif
