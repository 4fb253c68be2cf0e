/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pausing: services that take no new clients for a while, because an operator
 * wants it so.  Whoever is connected stays.
 *
 * Which they are is in master/paused.h, and outlives reloads and upgrades.  The
 * listeners follow it (master/halt.h).  Those that stop listening may
 * have clients in their queues, whom the workers have to take in first: that
 * takes a moment, which has an end, and the master does not wait for it.  An
 * operator who pauses is told when clients are refused.
 *
 * The mark `paused` of a service's configuration is this module's; listeners of
 * paused services are opened halted.
 */
#ifndef TIMED_MASTER_PAUSING_H
#define TIMED_MASTER_PAUSING_H

#include "base/loop.h"
#include "config/config.h"
#include "master/control.h"

#include <stddef.h>

struct master;

/* 0, or -1 with errno. */
int pausing_open(struct master *master, struct loop *loop);

void pausing_close(struct master *master);

/* PEER asks for it: one service, which there is, or all.  It is answered. */
void pausing_pause(struct master *master, struct control_peer *peer);
void pausing_resume(struct master *master, struct control_peer *peer);

/* Before CONFIG's listeners are opened: mark its services. */
void pausing_mark(const struct master *master, struct config *config);

/*
 * The listeners and the configuration of MASTER are others now, or those of the
 * image before this one: have them as the list says.
 */
void pausing_follow(struct master *master);

/* For people, behind a sentence: ", paused: nist", or nothing. */
void pausing_text(const struct master *master, char *text, size_t size);

#endif
