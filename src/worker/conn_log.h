/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the log says of a client.
 */
#ifndef TIMED_WORKER_CONN_LOG_H
#define TIMED_WORKER_CONN_LOG_H

#include "worker/conn.h"

void conn_log_connected(const struct conn *conn);
void conn_log_disconnected(const struct conn *conn, enum conn_reason reason);

#endif
