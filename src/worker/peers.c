/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/peers.h"

/* More than any worker has; keeps a hostile one from overflowing a sum. */
static const uint32_t CONNECTIONS_LIMIT = 1 << 24;

void
peers_init(struct peers *peers, const struct scoreboard *scoreboard, int self,
	   uint32_t generation)
{
	*peers = (struct peers){ .scoreboard = scoreboard,
				 .self = self,
				 .generation = generation };
}

/* Make the lists anew if the master changed who there is. */
static void
look(struct peers *peers)
{
	const struct scoreboard_master *master =
		scoreboard_master(peers->scoreboard);
	uint32_t sequence =
		__atomic_load_n(&master->sequence, __ATOMIC_ACQUIRE);

	if (peers->known && peers->sequence == sequence)
		return;
	peers->known = true;
	peers->sequence = sequence;
	peers->serving_count = 0;
	peers->other_count = 0;
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		const struct scoreboard_place *place = &master->places[i];

		if (place->pid == 0 || i == peers->self)
			continue;
		if (place->generation == peers->generation &&
		    place->state == WORKER_SERVING)
			peers->serving[peers->serving_count++] = (uint16_t)i;
		else
			peers->others[peers->other_count++] = (uint16_t)i;
	}
}

static uint64_t
sum(const struct peers *peers, const uint16_t *slots, int count)
{
	uint64_t total = 0;

	for (int i = 0; i < count; i++) {
		uint32_t connections = __atomic_load_n(
			&scoreboard_slot(peers->scoreboard, slots[i])
				 ->connections,
			__ATOMIC_SEQ_CST);

		if (connections <= CONNECTIONS_LIMIT)
			total += connections;
	}
	return total;
}

uint64_t
peers_active(struct peers *peers, uint64_t own)
{
	look(peers);
	return own + sum(peers, peers->serving, peers->serving_count) +
	       sum(peers, peers->others, peers->other_count);
}

uint64_t
peers_expected(struct peers *peers)
{
	uint64_t count;

	look(peers);
	count = (uint64_t)peers->serving_count + 1;
	return (sum(peers, peers->others, peers->other_count) + count - 1) /
	       count;
}

bool
peers_above_mean(struct peers *peers, uint64_t own)
{
	uint64_t count, total;

	look(peers);
	if (peers->serving_count == 0)
		return false;
	count = (uint64_t)peers->serving_count + 1;
	total = own + sum(peers, peers->serving, peers->serving_count);
	/* own > mean + mean / 100 + 1, without a fraction lost */
	return own * count * 100 > total * 101 + count * 100;
}
