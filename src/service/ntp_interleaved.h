/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When answers were sent, for NTP's interleaved mode (RFC 9769).
 *
 * A client that asks in it names the receive timestamp of an earlier answer,
 * and gets with the next one the moment at which that was sent.  The table
 * has a fixed size and forgets the oldest; whoever is not found gets an answer
 * of the basic mode, and so does one whom another worker answered before.
 */
#ifndef TIMED_SERVICE_NTP_INTERLEAVED_H
#define TIMED_SERVICE_NTP_INTERLEAVED_H

#include "base/addr.h"

#include <stdint.h>

struct ntp_interleaved;

/* NULL when memory is out. */
struct ntp_interleaved *ntp_interleaved_new(void);

void ntp_interleaved_free(struct ntp_interleaved *table);

/*
 * What a client (its address; its port changes) and a receive timestamp are
 * found by; not zero.
 */
uint64_t ntp_interleaved_key(const struct addr *from, uint64_t receive);

/* The transmit timestamp that was put there, or 0. */
uint64_t ntp_interleaved_find(const struct ntp_interleaved *table,
			      uint64_t key);

void ntp_interleaved_put(struct ntp_interleaved *table, uint64_t key,
			 uint64_t transmit);

/* The clock was set: what it showed before is of no use. */
void ntp_interleaved_forget(struct ntp_interleaved *table);

#endif
