/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hand-off of chat clients: another worker goes on where this one was, in
 * the middle of a line, of a login, of a page of history.
 *
 * These are the operations of a service with those names; see
 * worker/service.h.
 */
#ifndef TIMED_SERVICE_CHAT_PASS_H
#define TIMED_SERVICE_CHAT_PASS_H

#include "worker/conn.h"

#include <stdbool.h>
#include <stddef.h>

size_t chat_pass_save(const struct conn *conn, char *room);
void chat_pass_forget(struct conn *conn);
bool chat_pass_restore(struct conn *conn, const char *state, size_t length);
void chat_pass_resume(struct conn *conn);

#endif
