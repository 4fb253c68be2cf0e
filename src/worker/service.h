/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a service is to the rest of timed: a const descriptor of operations.
 * A worker calls a service through it and never by name; a service knows its
 * connections (worker/conn.h) and how to send to many (worker/fanout.h), and
 * nothing of sockets, processes or the other services.
 *
 * A service_config is one entry of `services` in timed.conf, made by the
 * master and inherited by each worker as it was at the fork.  An instance is
 * the same service at work in one worker.
 */
#ifndef TIMED_WORKER_SERVICE_H
#define TIMED_WORKER_SERVICE_H

#include "base/addr.h"
#include "base/settings.h"
#include "base/timer.h"
#include "ipc/scoreboard.h"
#include "worker/gate.h"
#include "worker/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct conn;
struct conns;
struct datagram;
struct keeper_settings;
struct keeping;
struct service;

enum {
	SERVICE_LISTENS = 16
}; /* entries in one `listen` */

struct service_listen {
	struct addr_listen where;
	char text[ADDR_TEXT]; /* as it was written */
};

struct service_config {
	const struct service *service;
	char name[SCOREBOARD_NAME];
	int listen_count;
	struct service_listen listen[SERVICE_LISTENS];
	int64_t interval;	 /* between ticks, nanoseconds; 0: no ticks */
	uint64_t stall;		 /* nanoseconds without progress; 0: no limit */
	uint64_t idle;		 /* without a byte either way; 0: no limit */
	bool no_low_ports;	 /* no answer to ports that may answer it */
	bool require_sync;	 /* none while the clock is not synchronised */
	struct limits_rate rate; /* of datagrams */
	struct gate gate;	 /* who may come */
	const struct gate *gate_for_all; /* to any service; NULL: anybody */
	int board;			 /* its index in the scoreboard */
	bool paused;	/* for the master: it takes no new clients */
	void *settings; /* of service->settings_size bytes */
};

/* A service in one worker. */
struct instance {
	const struct service_config *config;
	struct conns *conns;	 /* that all services of the worker share */
	struct keeping *keeping; /* the same; see service->keep */
	struct timer tick;	 /* first member of nothing: see ticker.c */
	int64_t due;		 /* the boundary that the timer is armed for */
	struct conn **members;
	uint32_t member_count;
	uint32_t member_room;
	uint32_t first;	    /* the last to be sent a tick, at the last one */
	bool listed;	    /* an operator is being told of its members */
	uint32_t unlisted;  /* the first so many: not yet (roster.h) */
	uint32_t looked_at; /* where the next look at members begins */
	uint32_t look_at;   /* how many more are in this round of looks */
	uint32_t each_look; /* how many in a second */
	TAILQ_HEAD(conn_debts, conn_debt) blocked; /* longest first */
	struct tally *tally;			   /* in the worker's slot */
	struct histogram *lateness;		   /* in the worker's slot */
	struct limits *limits;			   /* NULL: none */
	void *state;				   /* the service's own */
};

struct service {
	const char *type;    /* in timed.conf */
	unsigned transports; /* ADDR_TCP, ADDR_UDP */

	/*
	 * What the kernel may queue for one client, bytes; 0: as it likes.
	 * unsent is the part that was not even sent (TCP_NOTSENT_LOWAT): with
	 * it small, a client that does not read misses lines instead of
	 * finding old ones later.
	 */
	int send_buffer;
	int unsent;

	/* The same of what it sent and nobody has read; 0: as it likes. */
	int receive_buffer;

	/* From a client that does not take what it is owed, nothing is read. */
	bool paced;

	/* Whoever is refused may be told so in a line of text. */
	bool text;

	/* A datagram is its own answer, whatever its length; no `datagram`. */
	bool mirror;

	size_t settings_size;
	const struct setting *settings; /* beside name, type and listen */
	const void *defaults;		/* of settings_size bytes */

	/*
	 * In the master.  Settings are read: check them together and make of
	 * them what serving needs.  GROUP gives errors their line (it may lack
	 * any setting; the defaults are checked just so).
	 */
	void (*configure)(struct service_config *config,
			  config_setting_t *group,
			  struct complaints *complaints);
	/*
	 * NULL: it needs no keeper.  Else there is one of its kind at most, and
	 * this says what it wants, in the master, of what lives as long as
	 * CONFIG; instance->keeping is the way to the keeper.
	 */
	void (*keep)(const struct service_config *config,
		     struct keeper_settings *settings);
	/* Free what configure made. */
	void (*release)(struct service_config *config);

	/* In a worker, before the first client and after the last. */
	int (*start)(struct instance *instance); /* 0, or -1 with errno */
	void (*stop)(struct instance *instance);

	/*
	 * A datagram arrived; write the answer to REPLY (DATAGRAM_REPLY bytes)
	 * and return its length, or 0 for none.  stamp: it is sent next, put
	 * in what has to be known last.
	 */
	size_t (*datagram)(struct instance *instance,
			   const struct datagram *datagram, char *reply);
	void (*stamp)(struct instance *instance, char *reply, size_t length);

	/*
	 * For a service that sends one thing to whoever connects: write it to
	 * REPLY (DATAGRAM_REPLY bytes) and return its length.  The connection
	 * is closed then; open and what follows is not for such a service.
	 */
	size_t (*once)(struct instance *instance, char *reply);

	/* A client arrived; it may be closed in here. */
	void (*open)(struct conn *conn);
	/* Bytes arrived.  NULL: they are dropped. */
	void (*input)(struct conn *conn, const char *bytes, size_t length);
	/*
	 * Nothing more will arrive, or be looked at: send what was held back
	 * for more of it, with conn_write().  The connection ends after that.
	 * NULL: a client that sends no more is served on.
	 */
	void (*finish)(struct conn *conn);
	/*
	 * The client sends no more, and the service ends the connection, now or
	 * when it has what it asked for.  NULL: see finish.
	 */
	void (*hangup)(struct conn *conn);
	/*
	 * BOUNDARY (CLOCK_REALTIME, nanoseconds) is reached; LEAP: within an
	 * inserted leap second, which the clock shows as 23:59:59 again.
	 */
	void (*tick)(struct instance *instance, int64_t boundary, bool leap);
	/* There is room to send again, and nothing is owed any more. */
	void (*drain)(struct conn *conn);
	/* The client is gone; its descriptor is still open. */
	void (*close)(struct conn *conn);
	/* How the client calls itself, or NULL; in UTF-8, for operators. */
	const char *(*name)(const struct conn *conn);

	/*
	 * The hand-off.  save: write the service's own state of a connection
	 * to ROOM (HANDOFF_STATE bytes) and return its length; the connection
	 * may still be served on.  forget: it is another worker's now, free
	 * what there is of it here.  restore: make it again from what save
	 * wrote, perhaps in a worker of another version, or with other
	 * settings; false costs the client.  resume: it is served from now
	 * on; what was due while it changed hands is due now.
	 */
	size_t (*save)(const struct conn *conn, char *room);
	void (*forget)(struct conn *conn);
	bool (*restore)(struct conn *conn, const char *state, size_t length);
	void (*resume)(struct conn *conn);
};

#endif
