/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker's way to the keeper: questions on behalf of connections, and the
 * answers, whenever they come.
 *
 * A connection has a struct keeping_session in the service's state of it,
 * from keeping_enter() to keeping_leave() or keeping_forget().  Questions never
 * wait: they are kept until the keeper has answered, and asked again if it
 * died meanwhile or if the connection changed hands; see ipc/keeper_wire.h on
 * why that does no harm.  So every question that was taken has one answer, as
 * long as its session is there.  While the keeper is away answers are late,
 * and nothing else.
 *
 * Answers to one session come in the order of its questions, but that a login,
 * a registration or a change of password is overtaken by others.
 *
 * Questions of one batch of events go out together.  Everything is bounded: KEEPER_REQUESTS a worker, KEEPING_BYTES a session.
 * Nothing is allocated for a question.
 */
#ifndef TIMED_WORKER_KEEPING_H
#define TIMED_WORKER_KEEPING_H

#include "base/loop.h"
#include "ipc/keeper_wire.h"
#include "worker/feed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	/* Bytes that questions of one session may take, heads and all. */
	KEEPING_BYTES = 4608,
	/* Bytes that keeping_save() may write. */
	KEEPING_STATE = 256 + KEEPING_BYTES,
	KEEPING_BUCKETS = 256,
};

struct keeping;
struct keeping_remains;
struct keeping_request;
TAILQ_HEAD(keeping_queue, keeping_request);

/* Somebody at a connection.  Read it; keeping.c alone writes it. */
struct keeping_session {
	uint64_t id;   /* 0: not logged in */
	uint64_t user; /* for struct feed_reader, as the id */
	char name[NAME_SIZE];
	uint64_t said; /* the number of its last line */

	struct keeping *keeping;
	uint64_t key;
	uint32_t moves;		       /* how often it has changed hands */
	struct keeping_queue requests; /* without an answer, oldest first */
	uint32_t bytes;		       /* that they take */
	bool attached;		       /* the keeper was told that it is here */
	bool over;		       /* it is, and that is still to be told */
	char why[80];
	TAILQ_ENTRY(keeping_session) entry;
};

TAILQ_HEAD(keeping_list, keeping_session);

struct keeping_answer {
	enum keeper_type type; /* of the question */
	enum keeper_outcome outcome;
	uint64_t number; /* SAY: which line */
	uint64_t seq;	 /* SAY: its place in the store; LOGIN, REGISTER: the
			      `until` of a first history */
	uint64_t cursor; /* LOGIN, REGISTER: for feed_begin() */
	uint32_t count;	 /* HISTORY: what is left; WHO: all sessions */
	char more[NAME_SIZE]; /* WHO: ask after this for the rest, or "" */
	bool absent;	  /* SAY to somebody: he is not here, and will find it
			      in his history */
	const char *text; /* HISTORY, WHO: lines; else the reason, or "" */
	size_t length;	  /* of the text, which is not terminated */
};

struct keeping_events {
	/*
	 * After LOGIN and REGISTER with KEEPER_OK the session has its id, name
	 * and user.  The connection may be closed in here.
	 */
	void (*answered)(struct keeping_session *session,
			 const struct keeping_answer *answer);
	/*
	 * The keeper ended it: tell the client WHY, and close.  Its questions
	 * have no answers any more.
	 */
	void (*ended)(struct keeping_session *session, const char *why);
	/* Whether its connection is served here: not while it is offered to
	 * another worker (CONN_OFFERED). */
	bool (*here)(const struct keeping_session *session);
	/* There is more in keeping->feed. */
	void (*lines)(void *context);
};

/* One a worker; instance->keeping. */
struct keeping {
	struct feed feed;
	struct loop *loop;
	const struct keeping_events *events; /* NULL: nobody uses it */
	void *context;
	struct loop_source link; /* to the keeper; fd -1: it is away */
	struct loop_source wake; /* eventfd: there is more in the ring */
	bool full;		 /* the link takes no more for now */
	struct keeping_list attached[KEEPING_BUCKETS]; /* by id */
	struct keeping_list detached; /* logged in, and to be told of */
	TAILQ_HEAD(keeping_graveyard, keeping_remains) remains;
	struct keeping_queue asked; /* oldest first */
	struct keeping_queue waiting;
	struct keeping_queue unused;
	uint32_t unused_count;
	struct keeping_request *pool; /* KEEPER_REQUESTS of them */
	uint64_t round;		      /* makes tokens differ */
	struct loop_task flush;	      /* something waits to be sent */
	char *packet;		      /* KEEPER_PACKET bytes */
};

/* --- the worker's part --- */

/* 0, or -1 with errno. */
int keeping_open(struct keeping *keeping, struct loop *loop);

/*
 * The keeper is at the other end of LINK, a new one or the first; WAKE is its
 * eventfd for this worker, RING the ring, for reading.  All become keeping's.
 */
void keeping_link(struct keeping *keeping, int link, int wake, int ring);

void keeping_close(struct keeping *keeping);

/* --- the service's part --- */

/* EVENTS are for CONTEXT, which is the one user that there can be. */
void keeping_use(struct keeping *keeping, const struct keeping_events *events,
		 void *context);

void keeping_enter(struct keeping *keeping, struct keeping_session *session);

/*
 * The connection is gone: nothing is answered any more, and the keeper is told
 * once it has all that was said.
 */
void keeping_leave(struct keeping_session *session);

/*
 * Questions.  False: too many are under way, for this session or for all; the
 * service says "slow down", or stops reading.  Lengths are in bytes; a NAME is
 * one that name_parse() made.  SAY, HISTORY, WHO and PASSWORD are for those who
 * are logged in.
 */
bool keeping_lookup(struct keeping_session *session, const struct name *name);
bool keeping_login(struct keeping_session *session, const struct name *name,
		   const char *password, size_t length);
bool keeping_register(struct keeping_session *session, const struct name *name,
		      const char *password, size_t length);
bool keeping_password(struct keeping_session *session, const char *old,
		      size_t old_length, const char *new, size_t new_length);

/*
 * Say TEXT (1 to KEEPER_TEXT bytes), to all, or to TO.  KIND: RING_MESSAGE or
 * RING_ACTION.  Its number is session->said then.
 */
bool keeping_say(struct keeping_session *session, enum ring_kind kind,
		 const struct name *to, const char *text, size_t length);

/* See KEEPER_HISTORY; UNTIL 0: to the last one that there is. */
bool keeping_history(struct keeping_session *session, uint32_t count,
		     uint64_t from, uint64_t until);

/* AFTER: "" or the last name of the page before. */
bool keeping_who(struct keeping_session *session, const char *after);

/*
 * The hand-off; see worker/service.h.  keeping_save() writes what another
 * worker needs, with all questions that have no answer yet, to ROOM
 * (KEEPING_STATE bytes) and returns its length; nothing changes here.
 * keeping_forget(): it is the other worker's now.  keeping_restore(), in the
 * place of keeping_enter(): false if STATE makes no sense.  keeping_resume():
 * it is served here, from now on or again; questions are asked (again), and it
 * may be ended in there.
 */
size_t keeping_save(const struct keeping_session *session, char *room);
void keeping_forget(struct keeping_session *session);
bool keeping_restore(struct keeping *keeping, struct keeping_session *session,
		     const char *state, size_t length);
void keeping_resume(struct keeping_session *session);

#endif
