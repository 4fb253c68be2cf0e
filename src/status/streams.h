/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Those who are at /events: each is sent every event that there is room for,
 * whole.  An event is made once for all; whoever has not taken the one before
 * skips what comes meanwhile, and gets the newest next.
 */
#ifndef TIMED_STATUS_STREAMS_H
#define TIMED_STATUS_STREAMS_H

#include "status/guests.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct stream_event;

TAILQ_HEAD(stream_list, stream);

struct streams {
	struct stream_list list;
	unsigned count;
	struct stream_event *current; /* or NULL */
	uint64_t number;	      /* of that */
	bool ending;
};

void streams_init(struct streams *streams);

/*
 * The answer to GUEST, who asks through CONNECTION: all events from the current
 * one on.  NULL: out of memory.
 */
struct MHD_Response *streams_open(struct streams *streams,
				  struct MHD_Connection *connection,
				  struct guest *guest);

/*
 * DATA, one line, is the current event from now on.  The caller lets the
 * library run then.
 */
void streams_publish(struct streams *streams, const char *data, int64_t id);

/* No more events: end all.  The same holds. */
void streams_end(struct streams *streams);

/* When the library is closed. */
void streams_close(struct streams *streams);

#endif
