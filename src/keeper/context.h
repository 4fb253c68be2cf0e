/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that the keeper process knows: one struct, passed around among the files
 * that make it up.
 */
#ifndef TIMED_KEEPER_CONTEXT_H
#define TIMED_KEEPER_CONTEXT_H

#include "base/loop.h"
#include "base/signals.h"
#include "base/timer.h"
#include "ipc/ring.h"
#include "keeper/accounts.h"
#include "keeper/channel.h"
#include "keeper/format.h"
#include "keeper/keeper.h"
#include "keeper/lines.h"
#include "keeper/operator.h"
#include "keeper/roster.h"
#include "keeper/store.h"

#include <stdbool.h>
#include <stdint.h>

struct keeper {
	struct loop loop;
	struct signals signals;
	struct timer second;
	struct loop_source command;
	const struct keeper_plan *plan;
	struct ring ring;
	struct store *store; /* NULL: it cannot be opened just now */
	bool loaded;	     /* it was open before: the roster is known */
	char trouble[256];   /* why not, or what was wrong last */
	uint64_t complained; /* of that; CLOCK_MONOTONIC, ns; 0: never */
	struct roster roster;
	struct channels channels;
	struct lines lines;
	struct accounts accounts;
	struct operators operators;
	struct format format;
};

/* --- supply.c: the store, there or not --- */

/* Open it if it is not, and fill the ring with what it lacks. */
void supply_open(struct keeper *keeper);

/*
 * A call of the store failed: undo what was begun, say why, and close it if it
 * is damaged.  Keeps why for answers in keeper->trouble.
 */
void supply_failed(struct keeper *keeper);

/* Once a second: whether it is still there, and open it again. */
void supply_check(struct keeper *keeper);

/* A transaction of it succeeded. */
void supply_worked(struct keeper *keeper);

/* Whether there is one, and it is where it was opened. */
bool supply_there(struct keeper *keeper);

void supply_close(struct keeper *keeper);

/* --- requests.c: what workers ask --- */

void requests_take(void *context, struct channel *channel,
		   const struct keeper_asked *request);

/* Answer what TOKEN asked with OUTCOME and TEXT (may be NULL). */
void requests_answer(struct channel *channel, uint64_t token,
		     enum keeper_outcome outcome, const char *text);

/* The store did not do it; see supply_failed(). */
void requests_trouble(struct keeper *keeper, struct channel *channel,
		      uint64_t token);

/* The session is over: tell the worker that has it WHY, if one does. */
void requests_end_session(struct keeper *keeper, struct roster_session *session,
			  const char *why);

#endif
