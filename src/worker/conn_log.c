/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/conn_log.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "worker/conns.h"

#include <inttypes.h>

static const char *
reason_text(enum conn_reason reason)
{
	static const char *const texts[] = {
		[CONN_CLIENT_CLOSED] = "closed by client",
		[CONN_CLIENT_RESET] = "reset by client",
		[CONN_TIMED_OUT] = "timed out",
		[CONN_STALLED] = "stalled",
		[CONN_IDLE] = "idle",
		[CONN_STOPPING] = "server stopping",
		[CONN_KICKED] = "kicked",
		[CONN_DISMISSED] = "dismissed",
		[CONN_REMOVED] = "no longer configured",
		[CONN_NO_MEMORY] = "out of memory",
		[CONN_ERROR] = "error",
	};

	return texts[reason];
}

void
conn_log_connected(const struct conn *conn)
{
	struct conns *conns = conn->instance->conns;
	struct log_record record;
	char peer[ADDR_TEXT];

	if (!log_begin(&record, EVENT_CLIENT_CONNECTED))
		return;
	conn_peer_text(conn, peer);
	log_tag(&record, "service", "%s", conn->instance->config->name);
	log_tag(&record, "peer", "%s", peer);
	log_tag(&record, "active", "%" PRIu64,
		peers_active(conns->peers, conns->count));
	log_end(&record);
}

void
conn_log_disconnected(const struct conn *conn, enum conn_reason reason)
{
	struct conns *conns = conn->instance->conns;
	uint64_t age = clock_monotonic() - conn->opened;
	struct log_record record;
	char peer[ADDR_TEXT];

	if (!log_begin(&record, EVENT_CLIENT_DISCONNECTED))
		return;
	conn_peer_text(conn, peer);
	log_tag(&record, "service", "%s", conn->instance->config->name);
	log_tag(&record, "peer", "%s", peer);
	log_tag(&record, "reason", "%s", reason_text(reason));
	log_tag(&record, "duration", "%.3f",
		(double)age / (double)CLOCK_SECOND);
	log_tag(&record, "ticks", "%" PRIu32, conn->ticks);
	log_tag(&record, "skipped", "%" PRIu32, conn->skipped);
	log_tag(&record, "active", "%" PRIu64,
		peers_active(conns->peers, conns->count));
	log_end(&record);
}
