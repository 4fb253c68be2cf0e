/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_ntp [-p PROCESSES] PORT
 *
 * The floor that timed's NTP is measured against: the barest server that could
 * answer.  Datagrams are read and sent back in batches with recvmmsg(2) and
 * sendmmsg(2), with the mode changed and a time put in; there is no check, no
 * limit and no count.  The processes share one socket.  See floor.h.
 */
#include "floor.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	PACKET = 48,
	BATCH = 32,
	ORIGIN = 24, /* where the timestamps are in a packet */
	RECEIVE = 32,
	TRANSMIT = 40,
	SERVER = 4, /* mode */
};

/* From 1900 to 1970, in seconds: RFC 5905, figure 4. */
static const uint32_t NTP_EPOCH = 2208988800U;

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_in peers[BATCH];
	unsigned char packets[BATCH][PACKET];
};

static void
prepare(struct batch *batch)
{
	for (int i = 0; i < BATCH; i++) {
		batch->vectors[i] = (struct iovec){ batch->packets[i], PACKET };
		batch->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->peers[i],
			.msg_namelen = sizeof(batch->peers[i]),
			.msg_iov = &batch->vectors[i],
			.msg_iovlen = 1,
		};
	}
}

static void
answer(unsigned char *packet)
{
	struct timespec now;
	uint32_t seconds, fraction;

	clock_gettime(CLOCK_REALTIME, &now);
	seconds = htonl((uint32_t)now.tv_sec + NTP_EPOCH);
	fraction =
		htonl((uint32_t)(((uint64_t)now.tv_nsec << 32) / 1000000000));
	packet[0] = (unsigned char)((packet[0] & 0x38) | SERVER);
	packet[1] = 1;
	memcpy(packet + ORIGIN, packet + TRANSMIT, 8);
	memcpy(packet + RECEIVE, &seconds, 4);
	memcpy(packet + RECEIVE + 4, &fraction, 4);
	memcpy(packet + TRANSMIT, packet + RECEIVE, 8);
}

static void
serve(const struct floor_share *share)
{
	static struct batch batch;
	struct pollfd wait = { .fd = share->fd, .events = POLLIN };

	for (;;) {
		int n;

		prepare(&batch);
		n = recvmmsg(share->fd, batch.messages, BATCH, MSG_DONTWAIT,
			     NULL);
		if (n <= 0) {
			poll(&wait, 1, -1);
			continue;
		}
		for (int i = 0; i < n; i++)
			answer(batch.packets[i]);
		(void)sendmmsg(share->fd, batch.messages, (unsigned)n,
			       MSG_DONTWAIT);
	}
}

int
main(int argc, char **argv)
{
	static const struct floor kind = { "floor_ntp", SOCK_DGRAM, serve };

	return floor_main(&kind, argc, argv);
}
