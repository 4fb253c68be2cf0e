/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker processes that there are, by slot: made, listened to, given
 * orders, killed, reaped.  Which ones there should be is pool.c's business.
 *
 * Nothing that a worker says is used as an index or a pid: it is known by
 * the pipe that it writes to and by what waitpid(2) says.
 */
#ifndef TIMED_MASTER_CREW_H
#define TIMED_MASTER_CREW_H

#include "base/loop.h"
#include "config/config.h"
#include "ipc/command.h"
#include "ipc/report.h"
#include "ipc/scoreboard.h"
#include "master/listeners.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct crew;

/* One worker process; pid 0: none. */
struct crew_member {
	struct loop_source report;
	struct report_reader reader;
	struct crew *crew;
	pid_t pid;
	int command;
	unsigned number; /* in its generation */
	unsigned generation;
	enum worker_state state;
	uint64_t born; /* CLOCK_MONOTONIC, nanoseconds; 0: before this image */
	uint64_t last_beat; /* or its birth; the same */
	uint64_t accepted;  /* as its beats say */
	uint64_t deadline;  /* of its hand-off, if it retires; the same */
	int heirs;	    /* that it was told to hand over to */
	unsigned reports;   /* since the last check */
	uint64_t lost;	    /* connections that it died with */
	bool beaten;	    /* it lived long enough for a beat, and had one */
	bool killed;	    /* by us, and why was logged */
	bool reaped;	    /* its pid may be somebody else's by now */
	bool unwanted;	    /* it was told to go: no death of it is a crash */
	bool piped;	    /* its report pipe is open */
	bool crashed;	    /* it is gone, and nobody had told it to go */
	char failure[320];  /* what it said kept it from starting */
};

struct crew_events {
	/* It serves from now on. */
	void (*ready)(void *context, int slot);
	/* There is one more; it does not serve yet. */
	void (*born)(void *context, int slot);
	/* It is alive; this happened since its last beat. */
	void (*beat)(void *context, int slot, const struct report_beat *beat);
};

struct crew {
	struct loop *loop;
	struct scoreboard *scoreboard;
	const struct crew_events *events;
	void *context;
	int log;    /* write end of the log pipe, for the workers */
	int census; /* likewise */
	uint64_t last_check;
	struct crew_member members[SCOREBOARD_SLOTS];
};

void crew_init(struct crew *crew, struct loop *loop,
	       struct scoreboard *scoreboard, int log, int census,
	       const struct crew_events *events, void *context);

/*
 * Make worker NUMBER of GENERATION.  Its slot, or -1 with errno: EUSERS when
 * all slots are taken, else what fork(2), pipe(2) or socketpair(2) say.
 */
int crew_spawn(struct crew *crew, unsigned generation, unsigned number,
	       const struct config *config, const struct listeners *listeners);

/*
 * Take over the worker in SLOT from the image before this one: MEMBER has its
 * pid, descriptors and what is known of it.  0, or -1 with errno.
 */
int crew_adopt(struct crew *crew, int slot, const struct crew_member *member);

/* Hear all that the workers have said so far. */
void crew_listen(struct crew *crew);

/*
 * Let it know the keeper: FDS are its end of the way there, its eventfd and the
 * ring; they stay the caller's.  False when it cannot be told.
 */
bool crew_introduce(struct crew *crew, int slot, const int fds[3]);

/* Let it take clients; until then it only waits. */
void crew_accept(struct crew *crew, int slot);

/*
 * Have all who serve look at the listeners: some are about to be paused, or
 * were resumed.  A hint: whoever has not taken its last order yet gets none,
 * and looks within a second anyway.
 */
void crew_hint(struct crew *crew);

/*
 * Let it accept nobody more, hand its connections over to the COUNT workers in
 * HEIRS, which are all of one generation, and leave; within LIMIT nanoseconds
 * from now.  One that does not serve yet is killed.  May be called again: with
 * more heirs.
 */
void crew_retire(struct crew *crew, int slot, const int *heirs, int count,
		 uint64_t limit);

/* Let it send what it owes and leave, within MILLISECONDS. */
void crew_stop(struct crew *crew, int slot, uint64_t milliseconds);

/*
 * Let it tell an operator something: TYPE with ARGUMENT and the descriptors FDS,
 * its baton and the operator's connection, which stay the caller's.  False when
 * it does not hear that.
 */
bool crew_ask(struct crew *crew, int slot, enum command_type type,
	      uint64_t argument, const int fds[2]);

/* Kill it; REASON is logged unless it is NULL. */
void crew_kill(struct crew *crew, int slot, const char *reason);

/*
 * Kill those without a beat for LIMIT nanoseconds, and, unless PATIENT, those
 * whose hand-off takes too long; due once a second.
 */
void crew_check(struct crew *crew, uint64_t limit, bool patient);

/*
 * waitpid(2) said that PID is gone: hear what it said last, fold its
 * counters into the totals, free its slot.  The slot that it had, and what
 * it was in *GONE; -1 when PID is nobody of the crew.
 */
int crew_reap(struct crew *crew, pid_t pid, int status,
	      struct crew_member *gone);

/* How many there are. */
int crew_count(const struct crew *crew);

#endif
