/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operators who came in by the door: what they say, what they still wait for
 * and what they are told.  What the commands do is master/operate.h's business.
 *
 * One request a connection (ipc/control.h).  A peer costs a bounded buffer,
 * and has a bounded time to say what it wants and to take the answer; those
 * who are not trusted get a share of the places alone, so that nobody can keep
 * an operator out.  The master never waits for one of them.
 *
 * Some answers take their time: of a reload, an upgrade, a stop.  The peer
 * waits in its place, over the exec of an upgrade too, until whoever brings
 * that about calls control_tell().
 */
#ifndef TIMED_MASTER_CONTROL_H
#define TIMED_MASTER_CONTROL_H

#include "base/loop.h"
#include "config/config.h"
#include "ipc/control.h"
#include "master/door.h"
#include "master/problem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	CONTROL_PEERS = 24,    /* at one time */
	CONTROL_STRANGERS = 8, /* of them, who are not trusted */
};

/* What a peer is at. */
enum control_state {
	CONTROL_FREE, /* nobody is there */
	CONTROL_ASKS, /* its request is not whole yet */
	CONTROL_ASKED,
	CONTROL_WAITS_RELOAD,
	CONTROL_WAITS_UPGRADE,
	CONTROL_WAITS_STOP,
	CONTROL_WAITS_PAUSE,
	CONTROL_WAITS_CREW,
	CONTROL_TOLD, /* it has still to take its answer */
};

struct control_peer {
	struct loop_source source;
	struct control *control;
	enum control_state state;
	struct guest guest;
	bool begun;	   /* what it waits for is under way */
	uint64_t ticket;   /* whoever waits longer has a lower one */
	uint64_t argument; /* for whoever brings that about */
	uint64_t deadline; /* CLOCK_MONOTONIC, nanoseconds; 0: none */
	struct control_request request;
	size_t got;
	char input[CONTROL_LINE];
	char *answer;
	size_t length;
	size_t told; /* bytes of the answer that are out */
};

struct control {
	struct door door;
	/* A request that is good and allowed: answer it, or let it wait. */
	void (*asked)(void *context, struct control_peer *peer);
	void *context;
	uint64_t tickets; /* given so far */
	struct control_peer peers[CONTROL_PEERS];
};

/* Open the door.  0, or -1 with PROBLEM. */
int control_open(struct control *control, struct loop *loop,
		 const char *runtime_dir, const struct config *config,
		 void (*asked)(void *context, struct control_peer *peer),
		 void *context, struct problem *problem);

/* Once a second: end those who take too long. */
void control_check(struct control *control);

/* Close the door, and let go everybody but those who wait for the stop. */
void control_close(struct control *control);

/* The last thing: tell them that it has stopped. */
void control_farewell(struct control *control);

/* --- for those who answer --- */

/*
 * Done: MORE (may be NULL; taken over) are the members that the answer has
 * beside ok.
 */
void control_done(struct control_peer *peer, json_t *more);

/* Refused or failed: EXIT is timedctl's status, of sysexits(3). */
void control_refuse(struct control_peer *peer, int exit, const char *format,
		    ...) __attribute__((format(printf, 3, 4)));

/* It waits in STATE until control_tell(). */
void control_wait(struct control_peer *peer, enum control_state state);

/* Who waits longest in STATE and for whom nothing has begun, or NULL. */
struct control_peer *control_next(struct control *control,
				  enum control_state state);

/* What those in STATE wait for begins now. */
void control_begin(struct control *control, enum control_state state);

/*
 * It is over for those in STATE for whom it has begun: done if ERROR is NULL,
 * else failed for that reason.  MORE (may be NULL; taken over) are members
 * beside.
 */
void control_tell(struct control *control, enum control_state state,
		  const char *error, json_t *more);

/*
 * Pass the connection on: its descriptor is the caller's now, and the place
 * free.
 */
int control_give(struct control_peer *peer);

/* --- over an exec --- */

/* Right before it: whoever has said a part of a request has to ask again. */
void control_interrupt(struct control *control);

/* The door and those who wait, as text; NULL: out of memory. */
json_t *control_save(const struct control *control);

/*
 * In the place of control_open(): go on with what TEXT says; with NULL, from
 * nothing.  0, or -1 with PROBLEM.
 */
int control_restore(struct control *control, struct loop *loop, json_t *text,
		    const char *runtime_dir, const struct config *config,
		    void (*asked)(void *context, struct control_peer *peer),
		    void *context, struct problem *problem);

/* Call KEEP, with ON, for every descriptor that control_save() names. */
void control_each_fd(const struct control *control,
		     void (*keep)(int fd, bool on), bool on);

#endif
