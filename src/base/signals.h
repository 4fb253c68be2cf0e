/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals as events of the loop (signalfd): no handler runs anywhere.
 */
#ifndef TIMED_BASE_SIGNALS_H
#define TIMED_BASE_SIGNALS_H

#include "base/loop.h"

/* One signal that a process acts on; a table ends with signal 0. */
struct signals_action {
	int signal;
	void (*act)(void *context); /* NULL: ignored */
};

struct signals {
	struct loop_source source;
	struct loop *loop;
	const struct signals_action *table;
	void *context;
};

/*
 * Block the signals of TABLE and call back when one arrives; those without
 * a callback are ignored.  Replaces the signal mask of the process.
 * 0, or -1 with errno.
 */
int signals_open(struct signals *signals, struct loop *loop,
		 const struct signals_action *table, void *context);

void signals_close(struct signals *signals);

#endif
