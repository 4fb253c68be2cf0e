/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A chat client: its life, and what it is listened to.
 *
 * Whatever sends it something may find that its connection is closed.  It is
 * `gone` then, which is to be looked at before the keeper is asked something;
 * what else is done for it does nothing.  It is freed when the event is over in
 * which that happened: between chat_client_begin() and chat_client_end() it is
 * still there.
 */
#ifndef TIMED_SERVICE_CHAT_CLIENT_H
#define TIMED_SERVICE_CHAT_CLIENT_H

#include "service/chat.h"

/* A new one for CONN, or NULL: no memory. */
struct chat_client *chat_client_new(struct conn *conn);

/* It is none of this worker any more; what the keeper knows stays. */
void chat_client_part(struct chat_client *client);

void chat_client_begin(struct chat_client *client);
void chat_client_end(struct chat_client *client);

/* LENGTH of BYTES arrived from it. */
void chat_client_hear(struct chat_client *client, const char *bytes,
		      size_t length);

/* Do whatever can be done for it just now. */
void chat_client_go_on(struct chat_client *client);

/* The keeper may have room for its question. */
void chat_client_retry(struct chat_client *client);

/* It is at STAGE now, and the keeper was asked what belongs to that. */
void chat_client_ask(struct chat_client *client, enum chat_stage stage);

/* It waits until AT instead of what it waited for. */
void chat_client_await(struct chat_client *client, enum chat_due_kind kind,
		       uint64_t at);

/* It may be idle for so long from now on, as it has just been heard. */
void chat_client_heard(struct chat_client *client);

/* It wants to leave. */
void chat_client_quit(struct chat_client *client);

/* It has to: send it TEXT, which ends with a newline, and then the end. */
void chat_client_dismiss(struct chat_client *client, const char *text);

/* Nobody sees it in the room any more; its connection ends for REASON. */
void chat_client_leave(struct chat_client *client, enum conn_reason reason);

#endif
