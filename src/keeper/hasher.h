/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that hashes passwords for the keeper, one at a time and at a
 * lower priority: however many wait for that, messages do not.
 *
 * It is a child of the keeper without files, network or store.  One that dies
 * is replaced, and what it was at is begun again.
 */
#ifndef TIMED_KEEPER_HASHER_H
#define TIMED_KEEPER_HASHER_H

#include "base/loop.h"
#include "ipc/keeper_wire.h"
#include "keeper/store.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum hasher_work {
	HASHER_HASH = 1, /* make a hash of the password */
	HASHER_MATCH,	 /* see whether it is that of `hash` */
	/* Take as long as that, and find that it is not. */
	HASHER_PRETEND,
};

struct hasher_job {
	uint32_t work;	 /* enum hasher_work */
	uint32_t length; /* of the password, bytes */
	char password[NAME_PASSWORD_MOST + 1];
	char hash[STORE_HASH];
};

struct hasher_result {
	uint32_t good; /* it was made; it matches */
	char hash[STORE_HASH];
};

struct hasher {
	struct loop_source source; /* fd -1: there is no process */
	struct loop *loop;
	pid_t pid;
	bool busy;
	struct hasher_job job; /* that it is at */
	/* The one job is done. */
	void (*done)(void *context, const struct hasher_result *result);
	void *context;
};

/* Start it.  0, or -1 with errno. */
int hasher_open(struct hasher *hasher, struct loop *loop,
		void (*done)(void *context, const struct hasher_result *result),
		void *context);

/* Not while it is busy.  JOB is copied; wipe it. */
void hasher_begin(struct hasher *hasher, const struct hasher_job *job);

/* Once a second: make one if there is none. */
void hasher_check(struct hasher *hasher);

/* waitpid(2) said so. */
void hasher_reap(struct hasher *hasher, pid_t pid);

void hasher_close(struct hasher *hasher);

#endif
