/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/once.h"

#include "base/clock.h"
#include "ipc/scoreboard.h"
#include "worker/datagrams.h"

#include <sys/socket.h>
#include <unistd.h>

/* What was sent unasked and would make of the close a reset, is read. */
static void
drain(int fd)
{
	char scratch[512];

	(void)!recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);
}

/*
 * A new socket has room for so little.  It is held back until its end is known,
 * and one segment has both; that is on its way before the close, which is a
 * reset if the client says something now.
 */
static void
answer(struct instance *instance, int fd)
{
	struct tally *tally = instance->tally;
	char reply[DATAGRAM_REPLY];
	size_t length = instance->config->service->once(instance, reply);

	if (send(fd, reply, length, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE) !=
	    (ssize_t)length) {
		tally_refuse(tally, REFUSED_UNSENT);
		return;
	}
	shutdown(fd, SHUT_WR);
	counter_add(&tally->requests, 1);
	counter_add(&tally->bytes_out, length);
}

void
once_serve(struct instance *instance, int fd, const struct addr *peer)
{
	const struct service_config *config = instance->config;
	struct tally *tally = instance->tally;
	struct census_seats none;
	enum refusal why = gate_admit(instance, peer, &none);

	if (why != REFUSALS) {
		gate_refuse(instance, fd, peer, why);
		return;
	}
	counter_add(&tally->accepted, 1);
	if (config->require_sync && !clock_synchronised())
		tally_refuse(tally, REFUSED_UNSYNCHRONISED);
	else
		answer(instance, fd);
	drain(fd);
	close(fd);
	counter_add(&tally->closed, 1);
}
