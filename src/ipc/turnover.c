/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/turnover.h"

#include "base/clock.h"

const char *
turnover_cause_name(uint32_t cause)
{
	static const char *const names[] = {
		[HANDOFF_RELOAD] = "reload",
		[HANDOFF_RESIZE] = "resize",
		[HANDOFF_UPGRADE] = "upgrade",
	};

	return cause < sizeof(names) / sizeof(*names) ? names[cause]
						      : "unknown";
}

void
turnover_begin(struct scoreboard_master *master, enum handoff_cause cause,
	       uint32_t generation)
{
	master->handoff[master->handoffs % SCOREBOARD_HANDOFFS] =
		(struct scoreboard_handoff){
			.when = clock_realtime() / CLOCK_SECOND,
			.began = clock_monotonic(),
			.generation = generation,
			.cause = cause,
		};
	master->handoffs++;
}

/* Who retires does so for the first generation after his own that took over. */
void
turnover_left(struct scoreboard_master *master,
	      const struct scoreboard_place *place,
	      const struct scoreboard_slot *last)
{
	struct scoreboard_handoff *first = NULL;

	if (place->state != WORKER_RETIRING)
		return;
	for (int i = 0; i < SCOREBOARD_HANDOFFS; i++) {
		struct scoreboard_handoff *one = &master->handoff[i];

		if (one->when && one->generation > place->generation &&
		    (!first || one->generation < first->generation))
			first = one;
	}
	if (!first)
		return;
	for (int i = 0; i < SCOREBOARD_SERVICES; i++)
		first->connections += last->services[i].handed;
	first->took = clock_monotonic() - first->began;
}
