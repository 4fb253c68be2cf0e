/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logging in, registering, changing a password: all that needs a password to
 * be hashed.  Those who ask wait in a queue of bounded length; whoever finds it
 * full is told to come back.
 *
 * Each may be asked for twice (see ipc/keeper_wire.h).  A name that is not
 * registered is refused a login as late as a wrong password is.
 */
#ifndef TIMED_KEEPER_ACCOUNTS_H
#define TIMED_KEEPER_ACCOUNTS_H

#include "ipc/keeper_wire.h"
#include "keeper/channel.h"
#include "keeper/hasher.h"
#include "keeper/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
	ACCOUNTS_QUEUE = 64,
	/* Of these, for workers of whose clients nobody waits. */
	ACCOUNTS_SPARE = 8,
};

struct keeper;

/* Somebody who waits. */
struct accounts_case {
	enum keeper_type type;	 /* LOGIN, REGISTER, PASSWORD */
	struct channel *channel; /* NULL: he waits no more */
	uint64_t token;
	struct name name;
	struct store_user user; /* id 0: there is none */
	enum hasher_work work;	/* that is done for him */
	bool late;		/* PASSWORD: is the new one his already? */
	size_t length;
	size_t new_length;
	char password[NAME_PASSWORD_MOST + 1];
	char new_password[NAME_PASSWORD_MOST + 1];
	TAILQ_ENTRY(accounts_case) entry;
};

struct accounts {
	struct keeper *keeper;
	struct hasher hasher;
	TAILQ_HEAD(accounts_queue, accounts_case)
	waiting; /* the first is
							      being served */
	struct accounts_queue unused;
	int waiting_count;
	struct accounts_case cases[ACCOUNTS_QUEUE];
};

/* 0, or -1 with errno. */
int accounts_open(struct accounts *accounts, struct keeper *keeper);
void accounts_close(struct accounts *accounts);

/* LOGIN, REGISTER or PASSWORD, of NAME. */
void accounts_ask(struct accounts *accounts, struct channel *channel,
		  const struct keeper_asked *request, const struct name *name);

/* Nobody waits for answers through CHANNEL any more. */
void accounts_forget(struct accounts *accounts, const struct channel *channel);

#endif
