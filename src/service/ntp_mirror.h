/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server of NTP says of the clock that it shares with timed.
 *
 * It is asked once a second by every worker.  A request has nothing in it but
 * a random number, which the answer must return.  An answer holds for eight
 * seconds; then the clock counts as not synchronised.
 *
 * That both have the same clock is believed as far as the answer does not show
 * otherwise: what its timestamps are off for certain is added to the
 * dispersion.
 */
#ifndef TIMED_SERVICE_NTP_MIRROR_H
#define TIMED_SERVICE_NTP_MIRROR_H

#include "base/addr.h"
#include "base/loop.h"
#include "base/ntp_packet.h"

#include <stdbool.h>
#include <stdint.h>

struct ntp_mirror {
	struct loop_source source; /* fd -1: it could not be opened */
	struct loop *loop;
	const struct addr *server;
	void (*answered)(void *context);
	void *context;
	uint64_t nonce; /* of the request that is out; 0: none is */
	int64_t asked;	/* CLOCK_REALTIME, nanoseconds */
	uint64_t heard; /* CLOCK_MONOTONIC, nanoseconds; 0: never */
	int64_t off;	/* that the clocks differ at least, nanoseconds */
	struct ntp_packet last; /* its answer */
};

/*
 * Nothing is sent yet; answered(context) is called with each answer.  Opens all
 * that it will ever need.
 */
void ntp_mirror_open(struct ntp_mirror *mirror, struct loop *loop,
		     const struct addr *server, void (*answered)(void *context),
		     void *context);

void ntp_mirror_close(struct ntp_mirror *mirror);

/* Ask.  What goes wrong is the same as no answer. */
void ntp_mirror_poll(struct ntp_mirror *mirror);

/*
 * Wait for the answer, at most a fifth of a second.  For a worker that serves
 * nobody yet: its first client is not to hear of another state of the clock
 * than the last one of the worker before.
 */
void ntp_mirror_wait(struct ntp_mirror *mirror);

/* Its answer, if it holds still, and its age in nanoseconds; or NULL. */
const struct ntp_packet *ntp_mirror_last(const struct ntp_mirror *mirror,
					 int64_t *age);

#endif
