/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sockets of the load: many towards one address, and gone without a
 * trace when they are closed.
 */
#ifndef TIMED_TOOLS_BENCH_SOCKET_H
#define TIMED_TOOLS_BENCH_SOCKET_H

#include "base/addr.h"

#include <stdint.h>

/*
 * A socket towards ADDRESS for connection NUMBER, not yet connected: with
 * loopback source addresses of its own when there are more connections than
 * ports.  RECEIVE: SO_RCVBUF in bytes, 0 for the default.  A descriptor, or
 * -1 with errno.  It does not block, but for a unix socket, whose connect
 * then waits for room in the server's queue, BENCH_PATIENCE_MS at most.
 */
int bench_socket(const struct addr *address, uint32_t number, int receive);

/* The same for UDP; it never blocks. */
int bench_datagram_socket(const struct addr *address, uint32_t number);

/* Close FD with a reset: no TIME_WAIT, nothing more for the server to send. */
void bench_reset(int fd);

#endif
