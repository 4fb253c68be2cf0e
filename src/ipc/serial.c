/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/serial.h"

#include "ipc/scoreboard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t
serial_first(unsigned generation, int slot)
{
	return ((uint64_t)generation * SCOREBOARD_SLOTS + (uint64_t)slot) << 32;
}

void
serial_format(uint64_t serial, char text[SERIAL_TEXT])
{
	uint64_t worker = serial >> 32;

	snprintf(text, SERIAL_TEXT, "%" PRIu64 ".%" PRIu64 ".%" PRIu32,
		 worker / SCOREBOARD_SLOTS, worker % SCOREBOARD_SLOTS,
		 (uint32_t)serial);
}

bool
serial_parse(const char *text, uint64_t *serial)
{
	unsigned generation, slot;
	uint32_t number;
	char again[SERIAL_TEXT];

	if (strlen(text) >= SERIAL_TEXT ||
	    sscanf(text, "%u.%u.%" SCNu32, &generation, &slot, &number) != 3 ||
	    slot >= SCOREBOARD_SLOTS)
		return false;
	*serial = serial_first(generation, (int)slot) + number;
	/* There is one way to write each. */
	serial_format(*serial, again);
	return strcmp(text, again) == 0;
}
