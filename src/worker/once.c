/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/once.h"

#include "base/clock.h"
#include "ipc/scoreboard.h"
#include "worker/datagrams.h"

#include <sys/socket.h>
#include <unistd.h>

bool
once_tell(int fd, const char *bytes, size_t length)
{
	ssize_t sent =
		send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);

	if (sent == (ssize_t)length)
		shutdown(fd, SHUT_WR);
	return sent == (ssize_t)length;
}

void
once_close(int fd)
{
	char scratch[512];

	/* What was sent unasked would make of the close a reset. */
	(void)!recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);
	close(fd);
}

static void
answer(struct instance *instance, int fd)
{
	struct tally *tally = instance->tally;
	char reply[DATAGRAM_REPLY];
	size_t length = instance->config->service->once(instance, reply);

	if (!once_tell(fd, reply, length)) {
		tally_refuse(tally, REFUSED_UNSENT);
		return;
	}
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
	once_close(fd);
	counter_add(&tally->closed, 1);
}
