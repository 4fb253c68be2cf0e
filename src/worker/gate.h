/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate: who may come in, by where he comes from and by how many there are.
 *
 * There is one for each service and one for all of them.  Lists (base/acl.h)
 * are asked first, the service's and, where they are silent, those for all;
 * then the quotas, which are counted over all workers (ipc/census.h), the
 * service's and those for all.  Where there are none of the one or the other,
 * nothing is looked up and nothing is counted.
 *
 * Whoever comes by a socket of the unix domain is in no list and has no
 * address.  Who is refused is told so, if the service speaks text, and does
 * not stay; it is counted, and logged once a second for each reason.
 */
#ifndef TIMED_WORKER_GATE_H
#define TIMED_WORKER_GATE_H

#include "base/acl.h"
#include "ipc/census.h"

#include <stdbool.h>
#include <sys/types.h>

struct conn;
struct conns;
struct instance;

struct gate {
	struct acl *acl; /* NULL: no lists */
	struct census_quota quota;
};

/* Whether what comes from FROM is not for INSTANCE to answer. */
bool gate_denies(const struct instance *instance, const struct addr *from);

/*
 * Let a client from PEER come in, with *SEATS, which he takes until
 * gate_leave().  REFUSALS: he may; else why not.
 */
enum refusal gate_admit(const struct instance *instance,
			const struct addr *peer, struct census_seats *seats);

void gate_leave(struct conns *conns, struct census_seats *seats);

/*
 * A connection to the service BOARD of the scoreboard, from PEER, is ours now,
 * for INSTANCE or, NULL, to be closed; FROM, as of census_owner(), had it.
 */
void gate_inherit(struct conns *conns, const struct instance *instance,
		  uint32_t board, const struct addr *peer, int from,
		  struct census_seats *seats);

/* Turn away who came from PEER by FD, which is closed. */
void gate_refuse(const struct instance *instance, int fd,
		 const struct addr *peer, enum refusal why);

/* The same without a word to him; a datagram, or one who has been closed. */
void gate_note(const struct instance *instance, const struct addr *peer,
	       enum refusal why);

/* Once a second: log how many it was not said of. */
void gate_sum_up(struct conns *conns);

#endif
