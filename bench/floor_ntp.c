/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_ntp [-p PROCESSES] PORT
 *
 * The floor that timed's NTP is measured against: the barest server that could
 * answer.  Datagrams are read and sent back in batches with recvmmsg(2) and
 * sendmmsg(2), with the mode changed and a time put in; there is no check, no
 * limit and no count.
 *
 * The processes share one socket on 127.0.0.1 (port 0: the kernel picks; it is
 * printed as "port N").
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PACKET = 48,
	BATCH = 32,
	PROCESSES_MAX = 64,
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
serve(int fd)
{
	static struct batch batch;
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	for (;;) {
		int n;

		prepare(&batch);
		n = recvmmsg(fd, batch.messages, BATCH, MSG_DONTWAIT, NULL);
		if (n <= 0) {
			poll(&wait, 1, -1);
			continue;
		}
		for (int i = 0; i < n; i++)
			answer(batch.packets[i]);
		(void)sendmmsg(fd, batch.messages, (unsigned)n, MSG_DONTWAIT);
	}
}

static int
open_socket(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
		perror("floor_ntp");
		exit(EXIT_FAILURE);
	}
	printf("port %u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	int processes = 2;
	int c, fd;

	while ((c = getopt(argc, argv, "p:")) != -1) {
		if (c != 'p')
			return EXIT_FAILURE;
		processes = atoi(optarg);
	}
	if (optind + 1 != argc || processes < 1 || processes > PROCESSES_MAX) {
		fputs("usage: floor_ntp [-p PROCESSES] PORT\n", stderr);
		return EXIT_FAILURE;
	}
	fd = open_socket((unsigned)atoi(argv[optind]));
	for (int i = 0; i < processes; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(fd);
		}
	while (wait(NULL) > 0)
		;
	return EXIT_SUCCESS;
}
