/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps a status process running as long as the configuration has a status
 * page.
 *
 * Its listeners and its history outlive it.  When it dies another one takes its
 * place, at once or, if it keeps dying young, after a delay that doubles; who
 * comes meanwhile waits in the kernel's queue.  A reload that leaves its
 * listeners, its user and its limits as they are leaves it and whom it serves
 * alone; else, and after an exec, it is told to leave and replaced.
 */
#ifndef TIMED_MASTER_HERALD_H
#define TIMED_MASTER_HERALD_H

#include "base/loop.h"
#include "base/timer.h"
#include "config/config.h"
#include "ipc/scoreboard.h"
#include "master/pages.h"
#include "master/problem.h"
#include "master/respawn.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What makes a status process another one. */
struct herald_terms {
	struct sandbox_identity identity;
	char root[PATH_MAX]; /* its only directory; empty: none */
	int connections;
};

struct herald {
	struct loop *loop;
	const struct scoreboard *scoreboard;
	int log;		      /* write end of the log pipe */
	void (*ended)(void *context); /* after herald_stop() */
	void *context;
	struct respawn respawn;
	struct timer stopping;
	struct pages pages;
	struct pages next;
	struct herald_terms terms;
	enum log_level log_level;
	unsigned log_rate;
	int history;  /* see status/history.h; -1: not made yet */
	int command;  /* -1: no status process */
	pid_t pid;    /* 0: none */
	bool foreign; /* it is of the image before this one */
	bool leaving; /* it was told to */
	bool stopped; /* timed stops */
};

/*
 * No status process yet.  ENDED is called once after herald_stop().  0, or -1
 * with errno.
 */
int herald_open(struct herald *herald, struct loop *loop,
		const struct scoreboard *scoreboard, int log,
		void (*ended)(void *context), void *context);

/* Over an exec, as of warden_save() and the others there. */
json_t *herald_save(const struct herald *herald);
int herald_restore(struct herald *herald, const json_t *text);
void herald_each_fd(const struct herald *herald, void (*keep)(int fd, bool on),
		    bool on);

/*
 * Have ready what CONFIG wants beside what is in use.  -1 with PROBLEM, and as
 * if nothing had been.
 */
int herald_prepare(struct herald *herald, const struct config *config,
		   struct problem *problem);

/* That is not to be used. */
void herald_abort(struct herald *herald);

/*
 * That, of CONFIG, is in use from now on: start a status process, replace the
 * one that there is, leave it as it is, or let it go.
 */
void herald_configure(struct herald *herald, const struct config *config);

/*
 * The workers are gone: let it leave, or kill it after MILLISECONDS; nobody
 * comes any more.
 */
void herald_stop(struct herald *herald, uint64_t milliseconds);

/* waitpid(2) said so.  False when PID is not the status process. */
bool herald_reap(struct herald *herald, pid_t pid, int status);

void herald_close(struct herald *herald);

#endif
