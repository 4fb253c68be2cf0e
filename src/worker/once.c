/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/once.h"

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

void
once_serve(struct instance *instance, int fd)
{
	struct tally *tally = instance->tally;
	char reply[DATAGRAM_REPLY];
	size_t length = instance->config->service->once(instance, reply);
	ssize_t n = -1;

	counter_add(&tally->accepted, 1);
	/* A new socket has room for so little. */
	if (length > 0)
		n = send(fd, reply, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)length) {
		counter_add(&tally->requests, 1);
		counter_add(&tally->bytes_out, length);
	} else {
		tally_refuse(tally, REFUSED_UNSENT);
	}
	drain(fd);
	close(fd);
	counter_add(&tally->closed, 1);
}
