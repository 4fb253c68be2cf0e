/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps a keeper process running as long as a service needs one.
 *
 * The ring outlives it, and so does what is in the store.  When a keeper dies
 * another one takes its place, at once or, if it keeps dying young, after a
 * delay that doubles.  All workers get a new way to it then, and ask again what
 * they have no answer to; so a reload simply replaces it.
 */
#ifndef TIMED_MASTER_WARDEN_H
#define TIMED_MASTER_WARDEN_H

#include "base/loop.h"
#include "base/timer.h"
#include "config/config.h"
#include "keeper/keeper.h"
#include "master/crew.h"
#include "master/problem.h"
#include "master/respawn.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct warden {
	struct loop *loop;
	struct crew *crew;
	int log;		      /* write end of the log pipe */
	void (*ended)(void *context); /* after warden_stop() */
	void *context;
	struct respawn respawn;
	struct timer stopping;
	struct keeper_plan plan; /* of the next keeper */
	struct sandbox_identity identity;
	bool wanted;	   /* a service needs one */
	bool leaving;	   /* it was told to */
	bool stopped;	   /* timed stops */
	int ring_writable; /* -1: there is no ring yet */
	int ring_readable;
	int ring_size; /* bytes */
	int command;   /* -1: no keeper */
	pid_t pid;     /* 0: none */
	/* By slot: which worker is to be introduced to it, still. */
	bool missing[SCOREBOARD_SLOTS];
};

/*
 * No keeper yet.  ENDED is called once after warden_stop().  0, or -1 with
 * errno.
 */
int warden_open(struct warden *warden, struct loop *loop, struct crew *crew,
		int log, void (*ended)(void *context), void *context);

/*
 * Over an exec: what there is, as text (NULL: out of memory), and to go on with
 * it, of which TEXT may be NULL.  -1 with errno: it makes no sense.
 */
json_t *warden_save(const struct warden *warden);
int warden_restore(struct warden *warden, json_t *text);

/* Call KEEP, with ON, for every descriptor that warden_save() names. */
void warden_each_fd(const struct warden *warden, void (*keep)(int fd, bool on),
		    bool on);

/*
 * Whether the next configuration can be had while this one is in use.  -1 with
 * PROBLEM: its ring has another size.
 */
int warden_check(const struct warden *warden, const struct config *config,
		 struct problem *problem);

/*
 * CONFIG, which stays until the next call, is in use from now on: start a
 * keeper, replace the one that there is, or let it go.
 */
void warden_configure(struct warden *warden, const struct config *config);

/* There is a new worker. */
void warden_introduce(struct warden *warden, int slot);

/* Once a second: try again what did not work. */
void warden_retry(struct warden *warden);

/*
 * The workers are gone: let the keeper finish and leave, or kill it after
 * MILLISECONDS.
 */
void warden_stop(struct warden *warden, uint64_t milliseconds);

/* waitpid(2) said so.  False when PID is not the keeper. */
bool warden_reap(struct warden *warden, pid_t pid, int status);

/*
 * Pass the operator's connection FD to the keeper, who answers TEXT to it; it
 * stays the caller's.  False when there is none to be asked.
 */
bool warden_ask(struct warden *warden, const char *text, int fd);

void warden_close(struct warden *warden);

#endif
