/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others answer: operators who want the log are passed on to the journal,
 * those who ask about connections to the workers (round.h), about users and
 * the history to the keeper.  The master carries none of what these say.
 */
#ifndef TIMED_MASTER_REFER_H
#define TIMED_MASTER_REFER_H

#include "master/context.h"

void refer_log(struct master *master, struct control_peer *peer);
void refer_log_clear(struct master *master, struct control_peer *peer);
void refer_clients(struct master *master, struct control_peer *peer);
void refer_kick(struct master *master, struct control_peer *peer);
void refer_users(struct master *master, struct control_peer *peer);
void refer_users_del(struct master *master, struct control_peer *peer);
void refer_users_clear(struct master *master, struct control_peer *peer);
void refer_history(struct master *master, struct control_peer *peer);
void refer_history_clear(struct master *master, struct control_peer *peer);

#endif
