/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps a journal process running behind the log pipe.
 *
 * The pipe outlives the journal: when it dies, another one takes over the
 * records that are in there, at once or, if it keeps dying young, after a
 * delay that doubles.
 */
#ifndef TIMED_MASTER_SCRIBE_H
#define TIMED_MASTER_SCRIBE_H

#include "base/loop.h"
#include "base/timer.h"
#include "journal/journal.h"
#include "master/problem.h"
#include "master/respawn.h"
#include "sandbox/sandbox.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct scribe_events {
	/* The first journal is ready, or will never be. */
	void (*ready)(void *context);
	void (*failed)(void *context, const struct problem *problem);
	/* After scribe_stop(): everything is written. */
	void (*ended)(void *context);
};

struct scribe {
	struct loop_source ready; /* read end of the journal's ready pipe */
	struct loop *loop;
	const struct scribe_events *events;
	void *context;
	struct respawn respawn;
	struct timer stopping;
	struct journal_config config;
	struct sandbox_identity identity;
	int read_end;  /* of the log pipe; the master never reads it */
	int write_end; /* of the log pipe, for the workers */
	int own_end;   /* the same, that no worker can make block */
	int command;   /* -1: no journal */
	pid_t pid;     /* 0: none */
	bool started;  /* the first one was ready */
	bool stopped;
	bool renewing; /* the journal was told to leave */
	bool overdue;  /* it did not end in time */
	bool heir;     /* it is that of one that died after the stop */
};

/* Make the log pipe; no journal yet.  0, or -1 with errno. */
int scribe_open(struct scribe *scribe, struct loop *loop,
		const struct scribe_events *events, void *context);

/* A pipe and a journal that were there before an exec. */
struct scribe_carried {
	int pid; /* 0: there was none */
	int read_end;
	int write_end;
	int own_end;
	int command;
	struct journal_config config;
	struct sandbox_identity identity;
};

/*
 * In the place of scribe_open() and scribe_start(): go on with those.  0, or
 * -1 with errno.
 */
int scribe_adopt(struct scribe *scribe, struct loop *loop,
		 const struct scribe_events *events, void *context,
		 const struct scribe_carried *carried);

/* Let another journal, of this image, take the place of the one that runs. */
void scribe_renew(struct scribe *scribe);

/* Start the first journal.  0, or -1 with errno. */
int scribe_start(struct scribe *scribe, const struct journal_config *config,
		 const struct sandbox_identity *identity);

/* The file was rotated. */
void scribe_reopen(struct scribe *scribe);

/*
 * A reload changed where the log goes, or whose it is.  A journal that would be
 * somebody else than IDENTITY is replaced by one that is.
 */
void scribe_configure(struct scribe *scribe,
		      const struct journal_config *config,
		      const struct sandbox_identity *identity);

/*
 * Pass the operator at FD, which stays the caller's, on to the journal, which
 * does what ORDER and REQUEST say and answers.  0, or -1 with errno: there is
 * no journal now, or it takes no orders.
 */
int scribe_refer(struct scribe *scribe, enum journal_order order,
		 const struct journal_request *request, int fd);

/*
 * Let go of the pipe: the journal writes what is left and ends, or is killed
 * after MILLISECONDS.  The caller writes no more to it.
 */
void scribe_stop(struct scribe *scribe, uint64_t milliseconds);

/* False when PID is not the journal. */
bool scribe_reap(struct scribe *scribe, pid_t pid, int status);

void scribe_close(struct scribe *scribe);

#endif
