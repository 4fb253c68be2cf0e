/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is connected to the status page: taken in up to a limit, and given a
 * time for each step, so that whoever sends or reads byte by byte makes room
 * for others.  Above the limit they wait in the kernel's queue.
 */
#ifndef TIMED_STATUS_GUESTS_H
#define TIMED_STATUS_GUESTS_H

#include "base/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum {
	GUESTS_LISTENERS = 8
};

/* The connection of one; the library's to close. */
struct guest {
	TAILQ_ENTRY(guest) entry;
	int fd;
	bool at_rest;	/* nothing is expected, of him or for him */
	uint64_t since; /* the step began; CLOCK_MONOTONIC, nanoseconds */
};

TAILQ_HEAD(guest_list, guest);

struct guests {
	struct loop *loop;
	/* Somebody came: whose the descriptor is from then on. */
	void (*came)(void *context, int fd, const struct sockaddr *address,
		     socklen_t length);
	void *context;
	struct guest_list list;
	unsigned count;
	unsigned limit;
	bool resting;	    /* off the listeners */
	uint64_t failed_at; /* accept(2) last did, and it was logged; or 0 */
	int listener_count;
	struct guests_listener {
		struct loop_source source;
		struct guests *guests;
	} listeners[GUESTS_LISTENERS];
};

/* Watch COUNT listeners.  0, or -1 with errno. */
int guests_open(struct guests *guests, struct loop *loop, const int *listeners,
		int count, unsigned limit);

/* There is a connection FD; NULL: out of memory. */
struct guest *guests_add(struct guests *guests, int fd);

/* It is gone. */
void guests_remove(struct guests *guests, struct guest *guest);

/* A step of his begins: he sends, or takes what he is sent. */
void guests_step(struct guest *guest);

/* Nothing is expected until the next guests_step(). */
void guests_rest(struct guest *guest);

/* Once a second: part with who takes too long, look for who waits. */
void guests_check(struct guests *guests);

void guests_close(struct guests *guests);

#endif
