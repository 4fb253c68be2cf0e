/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways to the workers: requests come in, answers go out, and an eventfd
 * tells each that there is more in the ring.
 *
 * Answers go out together, before the keeper waits again; a worker that gets
 * some looks into the ring, and needs no eventfd.  The keeper never waits for a
 * worker: packets that its socket does not take are held, and nothing more is
 * read from it meanwhile.  So what is held is bounded by what one may have under
 * way.  A worker that sends what is no request is let go.
 */
#ifndef TIMED_KEEPER_CHANNEL_H
#define TIMED_KEEPER_CHANNEL_H

#include "base/loop.h"
#include "ipc/keeper_wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct channels;
struct channel_held;

struct channel {
	struct loop_source source;
	struct channels *channels;
	int wake;
	uint64_t worker; /* its slot, for the log */
	STAILQ_HEAD(channel_queue, channel_held) held;
	TAILQ_ENTRY(channel) entry;
	struct loop_task flush;
	size_t length; /* of the answers that are to go out */
	char packet[KEEPER_PACKET];
};

struct channels {
	struct loop *loop;
	void (*asked)(void *context, struct channel *channel,
		      const struct keeper_asked *request);
	/* It is gone; what refers to it has to forget it now. */
	void (*closed)(void *context, struct channel *channel);
	void *context;
	TAILQ_HEAD(channel_list, channel) all;
	char requests[KEEPER_PACKET];
};

void channels_init(struct channels *channels, struct loop *loop,
		   void (*asked)(void *context, struct channel *channel,
				 const struct keeper_asked *request),
		   void (*closed)(void *context, struct channel *channel),
		   void *context);

/* SOCKET and the eventfd WAKE become the channel's, or are closed. */
void channels_add(struct channels *channels, int socket, int wake,
		  uint64_t worker);

/* There is more in the ring. */
void channels_wake(struct channels *channels);

void channels_close(struct channels *channels);

/*
 * Send ANSWER, soon; to nobody, if CHANNEL is NULL.  Out of memory the keeper ends:
 * the next one is asked again.
 */
void channel_answer(struct channel *channel, const struct keeper_told *answer);

#endif
