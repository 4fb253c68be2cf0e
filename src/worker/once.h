/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections that are over as soon as they are accepted: the client is sent
 * one thing, and then the end of file.  Nothing is kept of them, so they cost
 * five system calls and no memory; they are counted, and not logged one by one.
 */
#ifndef TIMED_WORKER_ONCE_H
#define TIMED_WORKER_ONCE_H

#include "worker/service.h"

/*
 * Serve FD, which was just accepted from PEER, for INSTANCE, if the gate lets
 * it in, and close it.
 */
void once_serve(struct instance *instance, int fd, const struct addr *peer);

#endif
