/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command socket: what the master orders a worker to do.  A
 * SOCK_SEQPACKET pair for each worker; a command is one datagram of fixed
 * size.  The master never waits: a worker that does not take its commands
 * fails the send, and its watchdog deals with it.
 */
#ifndef TIMED_IPC_COMMAND_H
#define TIMED_IPC_COMMAND_H

#include <stdint.h>

enum command_type {
	COMMAND_ACCEPT = 3, /* take new clients from now on */
	COMMAND_STOP = 1,   /* close everybody; argument: within milliseconds */
	COMMAND_RETIRE,	    /* accept nobody more, serve whom you have */
};

struct command {
	uint32_t type;
	uint32_t generation; /* of the worker that is meant */
	uint64_t argument;
};

/* ends[0]: the master's, non-blocking; ends[1]: the worker's. */
int command_pair(int ends[2]);

/* 0, or -1 with errno (EAGAIN: the worker does not listen). */
int command_send(int fd, enum command_type type, uint32_t generation,
		 uint64_t argument);

/* 1: *command is one; 0: nothing there; -1: the master is gone. */
int command_receive(int fd, struct command *command);

#endif
