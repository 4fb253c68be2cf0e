/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One listening socket halted: nobody new comes in, and who comes is refused;
 * and let go on.  Knows no policy: pausing.c decides.
 *
 * A connection that waits in the queue of a TCP listener is reset when that is
 * shut.  So halting takes two steps: halt_begin() keeps new ones from the
 * queue, and when those in it are taken in, halt_end() shuts it, in every
 * process that shares it.  Its port stays reserved, also one that the kernel
 * chose.  In between, a client that comes is not answered, and asks again a
 * second later.
 *
 * A unix socket cannot be shut and opened again.  It listens on, under another
 * name beside its own, ".NAME.paused"; at its own there is a socket of nobody,
 * so that connect(2) is refused.  Both names change in one step.
 *
 * Datagrams are dropped by a filter; those that wait are answered.
 *
 * A socket that is halted has a filter, or that other name, all the time: so
 * what was left halted by a timed that died can be told from what never
 * listened.  Where a kernel allows no filter on a listener, which takes
 * CAP_NET_ADMIN, whoever comes between a last look at the queue and halt_end()
 * is reset, and one that is shut has a mark of another kind.
 */
#ifndef TIMED_MASTER_HALT_H
#define TIMED_MASTER_HALT_H

#include "base/addr.h"

#include <stdbool.h>

/*
 * Let nobody new come to FD, which is bound to ADDRESS (a unix socket must be;
 * others may still be about to) and is of TRANSPORT (ADDR_TCP, ADDR_UDP).  0,
 * or -1 with errno and nothing changed; EOPNOTSUPP: it is an abstract socket.
 */
int halt_begin(int fd, const struct addr *address, unsigned transport);

/*
 * How many still wait in the queue of a listener that halt_end() would cut off;
 * -1: it has none, or none any more.
 */
int halt_waiting(int fd, const struct addr *address, unsigned transport);

/* Refuse who comes.  0, or -1 with errno. */
int halt_end(int fd, const struct addr *address, unsigned transport);

/*
 * Go on, after either step or both.  0, or -1 with errno: it is as halt_end()
 * left it.
 */
int halt_lift(int fd, const struct addr *address, unsigned transport);

/* Whether it is halted, by whatever process. */
bool halt_found(int fd, const struct addr *address, unsigned transport);

/* Whether somebody listens on the unix socket ADDRESS, halted or not. */
bool halt_alive(const struct addr *address);

/* Remove what halting left beside the unix socket ADDRESS. */
void halt_forget(const struct addr *address);

#endif
