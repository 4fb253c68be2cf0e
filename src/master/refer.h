/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others answer: operators who want the log are passed on to the journal,
 * those who ask about connections to the workers (round.h), about users and
 * the history to the keeper.  The master carries none of what these say.
 */
#ifndef TIMED_MASTER_REFER_H
#define TIMED_MASTER_REFER_H

#include "master/context.h"

/* Commands that CONTROL_BY_JOURNAL, _CREW and _KEEPER are answered by. */
void refer_to_journal(struct master *master, struct control_peer *peer);
void refer_to_crew(struct master *master, struct control_peer *peer);
void refer_to_keeper(struct master *master, struct control_peer *peer);

#endif
