/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The number of a connection: no other one of a daemon's ever has it, and it
 * keeps it, whichever worker has it.  The worker that accepted it made it of
 * its generation, its slot, and how many it had accepted: "5.0.17".
 */
#ifndef TIMED_IPC_SERIAL_H
#define TIMED_IPC_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SERIAL_TEXT = 32 /* bytes, with its NUL */
};

/* What the numbers that SLOT gives in GENERATION are above. */
uint64_t serial_first(unsigned generation, int slot);

void serial_format(uint64_t serial, char text[SERIAL_TEXT]);

/* False when TEXT is nothing that serial_format() writes. */
bool serial_parse(const char *text, uint64_t *serial);

#endif
