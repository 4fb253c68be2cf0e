/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workers answer: who is connected, and the end of a connection.
 *
 * The operator's connection goes from one worker to the next, and each writes
 * to it what it has to say.  With it goes a baton, one end of a pipe: when the
 * other workers may go on, it ends, also if that worker dies.  The master
 * carries none of it; it says that all is told.
 *
 * Those who hand over are asked first, earlier generations before later ones,
 * so that a connection that moves on meanwhile is told of where it arrives.
 * One operator at a time is answered; the others wait for their turn, and for
 * none longer than ROUND_SECONDS.
 */
#ifndef TIMED_MASTER_ROUND_H
#define TIMED_MASTER_ROUND_H

#include "base/loop.h"
#include "base/timer.h"
#include "ipc/scoreboard.h"
#include "master/control.h"
#include "master/crew.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	ROUND_SECONDS = 10 /* for one operator */
};

struct round {
	struct loop_source baton; /* fd -1: nobody has it */
	struct timer patience;
	struct loop *loop;
	struct crew *crew;
	struct control *control;
	struct control_peer *peer; /* who is answered; NULL: nobody */
	bool moving;		   /* somebody handed over meanwhile */
	bool again;		   /* everybody is asked once more */
	int failed;		   /* workers that did not tell all */
	pid_t asked[SCOREBOARD_SLOTS];
};

/* 0, or -1 with errno. */
int round_open(struct round *round, struct loop *loop, struct crew *crew,
	       struct control *control);

/*
 * PEER asked for clients or a kick; ARGUMENT is what the command to the workers
 * has (ipc/command.h).  It is answered when its turn has come.
 */
void round_ask(struct round *round, struct control_peer *peer,
	       uint64_t argument);

/* There is no answer any more, for nobody who waits; WHY is why. */
void round_break_off(struct round *round, const char *why);

void round_close(struct round *round);

#endif
