/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that are over as soon as they are accepted: the client is sent
 * one thing, and then the end of file.  Nothing is kept of them, so they cost
 * five system calls and no memory; they are counted, and not logged one by one.
 */
#ifndef TIMED_WORKER_ONCE_H
#define TIMED_WORKER_ONCE_H

#include "worker/service.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Send LENGTH bytes and the end of file by FD, a new socket, which has room for
 * so little.  They are held back until their end is known, and one segment has
 * both; that is on its way before the close, which is a reset if the client
 * says something now.  False: they were not taken.
 */
bool once_tell(int fd, const char *bytes, size_t length);

/* Close FD, and do not let what the client has sent by now reset the answer. */
void once_close(int fd);

/*
 * Serve FD, which was just accepted from PEER, for INSTANCE, if the gate lets
 * it in, and close it.
 */
void once_serve(struct instance *instance, int fd, const struct addr *peer);

#endif
