/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command socket: what the master orders a worker to do.  A
 * SOCK_SEQPACKET pair for each worker; a command is one datagram of fixed
 * size, with the descriptors that it is about.  The master never waits: a
 * worker that does not take its commands fails the send, and its watchdog
 * deals with it.
 */
#ifndef TIMED_IPC_COMMAND_H
#define TIMED_IPC_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

enum command_type {
	COMMAND_ACCEPT = 1, /* take new clients from now on */
	COMMAND_STOP,	    /* close everybody; argument: within milliseconds */
	/*
	 * Accept nobody more, pass whom you have to the workers at the other
	 * ends of these handoff sockets, and leave.  argument: the generation
	 * of those workers.  May come again, with more of them.
	 */
	COMMAND_HAND_OVER,
	/* Take over whom this handoff socket brings.  argument: whose it is. */
	COMMAND_TAKE_OVER,
	/* Listeners are about to be paused, or were resumed: look at them. */
	COMMAND_LISTENERS,
	/*
	 * Tell the operator at the second descriptor whom you have.  argument:
	 * 0, or 1 more than the service's index in the scoreboard.  The first
	 * descriptor is the baton: its end says that you are through.
	 */
	COMMAND_CLIENTS,
	/*
	 * The same, with the connection that has the number `argument`, if it
	 * is here: end it, and tell the operator which it was.
	 */
	COMMAND_KICK,
	/*
	 * There is a keeper, the first or a new one: here are the way to it,
	 * the eventfd that it wakes this worker with, and the ring, to be read.
	 */
	COMMAND_KEEPER,
};

/* What is written to a baton, when more is to be said than its end does. */
enum command_baton {
	COMMAND_FOUND = 1, /* nobody else need be asked */
	COMMAND_FAILED,	   /* not all was told */
};

enum {
	COMMAND_FDS = 64 /* descriptors with one command */
};

struct command {
	uint32_t type;
	uint32_t generation; /* of the worker that is meant */
	uint64_t argument;
};

/*
 * ends[0]: the master's, non-blocking; ends[1]: the worker's, who cannot send
 * anything through it.
 */
int command_pair(int ends[2]);

/*
 * With COUNT descriptors, at most COMMAND_FDS; they stay the caller's.  0, or
 * -1 with errno (EAGAIN: the worker does not listen).
 */
int command_send(int fd, const struct command *command, const int *fds,
		 int count);

/* Whether all that was sent through FD has been received. */
bool command_idle(int fd);

/*
 * 1: *command is one, with *count descriptors in FDS that are the caller's
 * now; 0: nothing there; -1: the master is gone.
 */
int command_receive(int fd, struct command *command, int fds[COMMAND_FDS],
		    int *count);

#endif
