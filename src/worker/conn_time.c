/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that are over without anybody saying so. */
#include "base/clock.h"
#include "worker/conns.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

enum {
	/* A look at all takes so many seconds: nobody waits for a long one. */
	LOOKS = 4
};

/* For a client that was sent the end of file and keeps its own back. */
static const uint64_t LINGER = 10 * (uint64_t)CLOCK_SECOND;

bool
conn_settled(const struct conn *conn)
{
	int queued = 0;

	if (conn_owes(conn) > 0)
		return false;
	/* All that was sent has been acknowledged, and what arrived was
	 * read: a close now is no reset. */
	return ioctl(conn->source.fd, SIOCOUTQ, &queued) < 0 || queued == 0;
}

void
conn_close_stalled(struct instance *instance)
{
	uint64_t now = clock_monotonic();
	struct conn_debt *debt;

	if (instance->config->stall == 0)
		return;
	while ((debt = TAILQ_FIRST(&instance->blocked)) &&
	       now - debt->since >= instance->config->stall)
		conn_close(debt->conn, CONN_STALLED);
}

/* Another worker's last second may have been later than the last one here. */
static uint64_t
quiet_for(const struct conn *conn)
{
	uint64_t now = conn->instance->conns->now;

	return now > conn->touched ? now - conn->touched : 0;
}

/* False when its time is up, and it is closed. */
static bool
look_at(struct conn *conn)
{
	uint64_t idle = conn->instance->config->idle;
	uint64_t quiet = quiet_for(conn);

	if (conn->flags & CONN_SHUT && (quiet >= LINGER || conn_settled(conn)))
		conn_close(conn, conn_end_reason(conn));
	else if (idle > 0 && quiet >= idle)
		conn_close(conn, CONN_IDLE);
	else
		return true;
	return false;
}

/* How many are looked at now: in LOOKS seconds all who were there at first. */
static uint32_t
share(struct instance *instance)
{
	uint32_t now;

	if (instance->look_at == 0) {
		instance->look_at = instance->member_count;
		instance->each_look =
			(instance->member_count + LOOKS - 1) / LOOKS;
	}
	now = instance->each_look < instance->look_at ? instance->each_look
						      : instance->look_at;
	instance->look_at -= now;
	return now;
}

void
conn_close_idle(struct instance *instance)
{
	const struct service *service = instance->config->service;

	if (!service->finish && !service->hangup && instance->config->idle == 0)
		return;
	for (uint32_t left = share(instance);
	     left > 0 && instance->member_count > 0; left--) {
		if (instance->looked_at >= instance->member_count)
			instance->looked_at = 0;
		/* Where one was closed is another one now. */
		if (look_at(instance->members[instance->looked_at]))
			instance->looked_at++;
	}
}
