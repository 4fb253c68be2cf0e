/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker reads on the scoreboard of the others: who they are and how
 * many connections each has.  All of it is gossip: it decides who takes the
 * next client and what the log calls active, and nothing else.
 */
#ifndef TIMED_WORKER_PEERS_H
#define TIMED_WORKER_PEERS_H

#include "ipc/scoreboard.h"

#include <stdbool.h>
#include <stdint.h>

struct peers {
	const struct scoreboard *scoreboard;
	int self; /* slot */
	uint32_t generation;
	uint32_t sequence; /* of the master's part when the lists were made */
	bool known;
	int serving_count; /* of this generation, without oneself */
	int other_count;   /* the rest: other generations, not serving */
	uint16_t serving[SCOREBOARD_SLOTS];
	uint16_t others[SCOREBOARD_SLOTS];
};

void peers_init(struct peers *peers, const struct scoreboard *scoreboard,
		int self, uint32_t generation);

/* Connections of all workers, with OWN of one's own. */
uint64_t peers_active(struct peers *peers, uint64_t own);

/*
 * One's share of the connections of those who do not serve in this
 * generation: they hand them over, or are about to.
 */
uint64_t peers_expected(struct peers *peers);

/*
 * Whether OWN connections are well above the mean of the workers that accept
 * in this generation, by a hundredth and one.  All but one of them may be
 * that much above it, at the expense of the last: so it is little.
 */
bool peers_above_mean(struct peers *peers, uint64_t own);

#endif
