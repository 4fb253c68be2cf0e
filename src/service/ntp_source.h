/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How good the system's clock is, in NTP's terms (RFC 5905 7.3).
 *
 * The kernel says it: whoever disciplines the clock tells it whether it is
 * synchronised and how far off it may be, and the kernel lets that bound
 * grow.  It does not know stratum and reference, which are configured.
 * Or an NTP server does that disciplines the same clock: it is asked every
 * second (service/ntp_mirror.h), and what it says of itself is said here.
 *
 * A clock that is not synchronised says so, unless it is the best that an
 * isolated network has: then it is of the stratum that is configured for that.
 */
#ifndef TIMED_SERVICE_NTP_SOURCE_H
#define TIMED_SERVICE_NTP_SOURCE_H

#include "base/addr.h"
#include "base/ntp_packet.h"
#include "service/ntp_mirror.h"

#include <stdbool.h>
#include <stdint.h>

struct ntp_quality {
	enum ntp_leap leap;
	int64_t leap_until;    /* of a leap second; CLOCK_REALTIME, ns */
	unsigned stratum;      /* NTP_STRATUM_NONE: not synchronised */
	uint32_t reference_id; /* host order */
	uint64_t reference;    /* timestamp, host order; 0: never */
	int64_t delay;	       /* to the reference and back, nanoseconds */
	int64_t dispersion;    /* how far off it may be, nanoseconds */
};

struct ntp_source_settings {
	bool kernel;
	struct addr server;    /* otherwise */
	unsigned stratum;      /* of the kernel's clock; 1 to 15 */
	uint32_t reference_id; /* of the kernel's clock; host order */
	unsigned local;	       /* stratum when not synchronised; 0: none */
};

struct ntp_source {
	const struct ntp_source_settings *settings;
	struct ntp_mirror mirror;
	int64_t error;	    /* the kernel's, when it was asked last */
	uint64_t corrected; /* CLOCK_MONOTONIC, ns; 0: never seen */
};

/*
 * changed(context) is called when there is something new to read in between.
 * With a server this waits for its first answer, for a moment.
 */
void ntp_source_open(struct ntp_source *source, struct loop *loop,
		     const struct ntp_source_settings *settings,
		     void (*changed)(void *context), void *context);

void ntp_source_close(struct ntp_source *source);

/* Once a second: ask the server, if it is one. */
void ntp_source_poll(struct ntp_source *source);

/* What is known now; asks the kernel, if it is that. */
void ntp_source_read(struct ntp_source *source, struct ntp_quality *quality);

/*
 * Up to four letters, as a reference identifier: the first in the highest
 * byte.
 */
uint32_t ntp_source_id(const char *letters);

#endif
