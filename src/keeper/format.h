/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines as clients get them.
 *
 *	[2026-11-21 10:02:03] ada: hello
 *	[2026-11-21 10:02:03] * ada waves
 *	[2026-11-21 10:02:03] ada -> bob: hello
 *	* ada has joined
 *	* ada has left
 */
#ifndef TIMED_KEEPER_FORMAT_H
#define TIMED_KEEPER_FORMAT_H

#include "base/zone.h"
#include "ipc/ring.h"
#include "keeper/store.h"

#include <stddef.h>
#include <stdint.h>

/* The time of the last line, since the next one mostly has the same. */
struct format {
	const struct zone *zone;
	int64_t second;
	char stamp[32]; /* empty: of none yet */
};

void format_init(struct format *format, const struct zone *zone);

/* Write MESSAGE with its newline to TEXT; its length. */
size_t format_message(struct format *format,
		      const struct store_message *message,
		      char text[RING_LINE]);

/* The same for RING_JOINED and RING_LEFT. */
size_t format_notice(enum ring_kind kind, const char *name,
		     char text[RING_LINE]);

#endif
