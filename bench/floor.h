/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the servers share that timed is measured against: their arguments, a
 * socket on 127.0.0.1, and processes that serve it together.
 *
 *   NAME [-c TOTAL] [-p PROCESSES] PORT
 *
 * Port 0: the kernel picks.  "port N" on standard output says that it listens,
 * and where.  Each process may have all the descriptors that the system allows,
 * and dies with the first one, which only waits for them.  TOTAL, how many
 * connections will come, is for those that want to know.
 */
#ifndef TIMED_BENCH_FLOOR_H
#define TIMED_BENCH_FLOOR_H

/* What a process serves. */
struct floor_share {
	int fd;	   /* the socket that all share */
	int total; /* connections that will come to all; 0: not known */
	int index; /* of the process, from 0 on */
	int processes;
};

struct floor {
	const char *name; /* of the program */
	int type;	  /* of the socket: SOCK_DGRAM, or SOCK_STREAM with or
			     without SOCK_NONBLOCK */
	void (*serve)(const struct floor_share *share); /* does not return */
};

/* All that such a server's main does; what it has to return. */
int floor_main(const struct floor *kind, int argc, char **argv);

/*
 * The socket of TYPE on PORT, a word, which is listened to if it is a stream,
 * and made known.  Ends the program NAME where that cannot be.
 */
int floor_listen(const char *name, int type, const char *port);

/* As many descriptors as the system allows; how many these are. */
int floor_descriptors(void);

#endif
