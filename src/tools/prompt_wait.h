/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the prompt waits for: a key, the end of a command, a signal, lines of
 * the log.  On a terminal signals are events like the others; in a script they
 * do what they do to every program.
 */
#ifndef TIMED_TOOLS_PROMPT_WAIT_H
#define TIMED_TOOLS_PROMPT_WAIT_H

#include "tools/console.h"

#include <signal.h>
#include <stdbool.h>

enum prompt_event {
	PROMPT_INPUT, /* standard input can be read */
	PROMPT_LOG,   /* the console has something to show */
	PROMPT_CHILD, /* a child has ended */
	PROMPT_INTERRUPT,
	PROMPT_RESIZE,
	PROMPT_SUSPEND,
	PROMPT_END, /* told to end, or what this is the prompt of has */
};

struct prompt_wait {
	int signals;		 /* -1: they are not looked at */
	sigset_t before;	 /* the mask of who started this */
	struct console *console; /* NULL: there is none */
	int told;		 /* the signal that told to end, or 0 */
};

/* 0, or -1 with errno. */
int prompt_wait_open(struct prompt_wait *wait, bool terminal,
		     struct console *console);

void prompt_wait_close(struct prompt_wait *wait);

/*
 * The next event.  Without INPUT, standard input is left alone, and there is
 * no PROMPT_END but by a signal.
 */
enum prompt_event prompt_wait_next(struct prompt_wait *wait, bool input);

/* Be stopped, as by Ctrl-Z, until somebody goes on with it. */
void prompt_wait_suspend(void);

/*
 * In a child: have what a program has that was started by whoever started this
 * one, and end when the prompt does.
 */
void prompt_wait_leave(struct prompt_wait *wait);

#endif
