/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_stream [-c TOTAL] [-p PROCESSES] PORT
 *
 * The floor that timed's stream is measured against: a tick is a loop of
 * send(2) over an array of descriptors.  See ticks.h and floor.h.
 */
#include "ticks.h"

#include <stddef.h>
#include <sys/socket.h>

static void
fan(struct ticks *ticks, void *context)
{
	(void)context;
	for (int i = ticks->count - 1; i >= 0; i--)
		if (ticks_send(ticks, i) < 0)
			ticks_drop(ticks, i);
}

static void
serve(const struct floor_share *share)
{
	ticks_serve(share, fan, NULL);
}

int
main(int argc, char **argv)
{
	static const struct floor kind = { "floor_stream",
					   SOCK_STREAM | SOCK_NONBLOCK, serve };

	return floor_main(&kind, argc, argv);
}
