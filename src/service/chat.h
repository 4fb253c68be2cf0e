/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of chat share: a client, and what one worker keeps.
 *
 *	chat.c           the service: clients come, are heard, and go
 *	chat_client.c    what one says is taken, and when
 *	chat_line.c      from bytes to lines
 *	chat_login.c     the dialogue until a client is in the room
 *	chat_room.c      what is said there, and answered
 *	chat_command.c   the commands
 *	chat_send.c      what goes to a client
 *	chat_pass.c      the hand-off
 *	chat_due.c       pauses and limits of time
 *
 * A client is always at one stage.  At some it is listened to; at the others it
 * waits for the keeper, or for the end of a pause, and what it sends meanwhile
 * is kept, as much as one read brings, and nothing more is read.
 */
#ifndef TIMED_SERVICE_CHAT_H
#define TIMED_SERVICE_CHAT_H

#include "base/zone.h"
#include "service/chat_due.h"
#include "service/chat_line.h"
#include "worker/conn.h"
#include "worker/keeping.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	CHAT_TRIES = 3,	  /* to log in */
	CHAT_OWED = 2048, /* bytes owed to whom nothing more is read from */
	/* Bytes that are kept: less than a line, and what was read after it. */
	CHAT_KEPT = CHAT_LINE + 1 + 4096,
};

struct chat_settings {
	char timezone[64];
	int durability;	     /* enum keeper_durability */
	bool registration;   /* whoever comes may choose a new name */
	int history_keep;    /* messages; 0: all */
	int history_on_join; /* messages */
	int ring_size;	     /* bytes */
	double lines_per_second;
	int lines_burst;
	double login_seconds;
	double login_pause; /* seconds, after the first wrong password */
	double idle_seconds;
	double stall_seconds;
	struct zone *zone;
	uint64_t line_every; /* nanoseconds; 0: no limit */
	uint64_t line_slack; /* nanoseconds */
};

/* The order is part of the hand-off. */
enum chat_stage {
	CHAT_NAME,     /* "name: " was asked */
	CHAT_LOOKUP,   /* the keeper was asked whether there is such a name */
	CHAT_PASSWORD, /* "password: " was asked */
	CHAT_CHOOSE,   /* "new name, choose a password: " was asked */
	CHAT_ENTERING, /* the keeper was asked to log it in */
	CHAT_PAUSE,    /* after a wrong password */
	CHAT_ROOM,     /* in the room */
	CHAT_HISTORY,  /* it is shown messages */
	CHAT_WHO,      /* it is shown who is here */
	CHAT_MSG,      /* the keeper was given a line for one user */
	CHAT_OLD,      /* "old password: " was asked */
	CHAT_NEW,      /* "new password: " was asked */
	CHAT_CHANGING, /* the keeper was asked to change it */
	CHAT_ENDING,   /* it was told why */
	CHAT_STAGES
};

struct chat_client {
	struct conn *conn;
	struct chat_state *state;
	struct keeping_session session;
	struct feed_reader reader;
	struct chat_due due;
	TAILQ_ENTRY(chat_client) entry; /* in state->waiting */
	uint64_t login_by;  /* CLOCK_MONOTONIC, nanoseconds; 0: no limit */
	uint64_t next_line; /* the same: when it may say one, but for bursts */
	uint64_t from;	    /* history: after that message */
	uint64_t until;	    /* up to that one */
	uint32_t left;	    /* messages, at most */
	uint8_t stage;	    /* enum chat_stage */
	uint8_t tries;
	bool asked;   /* the question of this stage is under way */
	bool joining; /* the history is the one after a login */
	bool shown;   /* something of it was there */
	bool acks;
	bool waiting; /* in state->waiting */
	bool gone;
	uint8_t busy; /* events that are under way */
	struct chat_line_place place;
	uint16_t kept_length;
	uint16_t secret_length;
	char *kept;   /* what it sent and was not looked at, or NULL */
	char *secret; /* the old password, between /passwd's two, or NULL */
	/* The name that it logs in with, or that a line is for, or the last
	 * one of those that it was told are here. */
	char name[NAME_SIZE];
};

TAILQ_HEAD(chat_queue, chat_client);

/* What one worker keeps of it; instance->state. */
struct chat_state {
	struct instance *instance;
	const struct chat_settings *settings;
	struct keeping *keeping;
	struct chat_dues dues;
	/* Those whose question found no room with the keeper. */
	struct chat_queue waiting;
};

#endif
