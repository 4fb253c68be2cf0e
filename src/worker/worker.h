/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker process: one event loop that accepts from the listeners which all
 * workers share, and runs the services.
 */
#ifndef TIMED_WORKER_WORKER_H
#define TIMED_WORKER_WORKER_H

#include "base/log.h"
#include "base/loop.h"
#include "base/signals.h"
#include "base/timer.h"
#include "ipc/census.h"
#include "ipc/command.h"
#include "ipc/scoreboard.h"
#include "sandbox/sandbox.h"
#include "worker/accept.h"
#include "worker/beats.h"
#include "worker/conns.h"
#include "worker/datagrams.h"
#include "worker/handover.h"
#include "worker/keeping.h"
#include "worker/peers.h"
#include "worker/roster.h"
#include "worker/service.h"
#include "worker/takeover.h"

/* All that the master hands a worker over the fork. */
struct worker_plan {
	struct scoreboard *scoreboard;
	int slot;
	unsigned number; /* in its generation */
	unsigned generation;
	int report;  /* write end of its report pipe */
	int command; /* its end of the command socket */
	int log;     /* write end of the log pipe */
	int census;  /* see ipc/census.h */
	enum log_level log_level;
	unsigned log_rate;
	struct sandbox_identity identity;
	const char *root; /* NULL: that of everybody */
	const struct service_config *services;
	int service_count;
	const struct accept_listener *listeners;
	int listener_count;
};

struct worker {
	struct loop loop;
	struct signals signals;
	struct timer beat;     /* every second */
	struct timer ending;   /* while it stops: look who is through */
	struct timer deadline; /* while it stops: the end of patience */
	struct loop_source command;
	struct loop_source report_end; /* tells that the master is gone */
	struct beats beats;
	struct scoreboard scoreboard;
	struct scoreboard_slot *slot;
	struct census census;
	struct peers peers;
	struct acceptor acceptor;
	struct datagrams datagrams;
	struct conns conns;
	struct keeping keeping;
	bool keeps;		  /* a service needs it, and it is open */
	struct handover handover; /* when it is the old one */
	struct takeover takeover; /* when it is the new one */
	struct roster roster;	  /* for operators */
	struct instance *instances;
	int instance_count;
	const struct worker_plan *plan;
	enum worker_state state;
	bool orphaned; /* the master is gone: leave at once */
};

/*
 * Be a worker until the master says stop, or is gone.  Called right after
 * the fork; returns the exit status.  What keeps it from starting is
 * reported through the pipe as REPORT_FAILED.
 */
int worker_run(const struct worker_plan *plan);

#endif
