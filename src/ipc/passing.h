/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams with descriptors over unix sockets (SCM_RIGHTS, unix(7)).
 */
#ifndef TIMED_IPC_PASSING_H
#define TIMED_IPC_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
	PASSING_FDS = 253 /* in one message; SCM_MAX_FD of Linux */
};

/*
 * Send LENGTH bytes as one datagram with COUNT descriptors, without waiting.
 * 0, or -1 with errno: EAGAIN, EPIPE, ETOOMANYREFS when too many are under
 * way already.
 */
int passing_send(int fd, const void *bytes, size_t length, const int *fds,
		 int count);

/*
 * Receive one datagram of at most SIZE bytes and *COUNT descriptors, which
 * get close-on-exec.  Returns its length; *COUNT is how many came with it.
 * 0: the other end is closed.  -1 with errno: EAGAIN: nothing there; EMSGSIZE:
 * it was longer, or came with more, and they are closed; EMFILE: there was no
 * room for all of its descriptors, and *COUNT are here and the caller's.
 */
ssize_t passing_receive(int fd, void *bytes, size_t size, int *fds, int *count);

/* Close COUNT descriptors. */
void passing_close(const int *fds, int count);

#endif
