/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/ntp_mirror.h"

#include "base/clock.h"

#include <bsd/stdlib.h>
#include <endian.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static const int64_t HOLDS = 8 * CLOCK_SECOND;

enum {
	WAIT_MILLISECONDS = 200,
};

/*
 * For life: a worker that serves can open no other one.  Not connected, so
 * that the way to the server may change, or not be there as yet.
 */
static void
open_socket(struct ntp_mirror *mirror)
{
	int fd = socket(mirror->server->sa.sa_family,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	mirror->source.fd = fd;
	if (loop_add(mirror->loop, &mirror->source, EPOLLIN) == 0)
		return;
	close(fd);
	mirror->source.fd = -1;
}

/*
 * How much the clocks differ for certain: if they are the same, the offset is
 * within half of what the packets were on the way.
 */
static int64_t
certainly_off(const struct ntp_mirror *mirror, const struct ntp_packet *answer,
	      int64_t now)
{
	int64_t receive = ntp_packet_time(be64toh(answer->receive), now);
	int64_t transmit = ntp_packet_time(be64toh(answer->transmit), now);
	int64_t there = receive - mirror->asked;
	int64_t back = now - transmit;

	/* Its clock is behind, or ahead, of one that the packet left from. */
	if (there < 0)
		return -there;
	return back < 0 ? -back : 0;
}

static bool
is_answer(const struct ntp_mirror *mirror, const struct ntp_packet *packet,
	  ssize_t length)
{
	return length >= NTP_HEADER && mirror->nonce != 0 &&
	       packet->origin == mirror->nonce &&
	       ntp_packet_mode(packet->lvm) == NTP_MODE_SERVER;
}

static void
take_answers(struct ntp_mirror *mirror)
{
	struct ntp_packet answer; /* what is longer is cut off */
	struct addr from = { .length = sizeof(from.un) };
	ssize_t length;

	while ((length = recvfrom(mirror->source.fd, &answer, sizeof(answer), 0,
				  &from.sa, &from.length)) > 0) {
		bool server = addr_equal(&from, mirror->server);

		from.length = sizeof(from.un);
		if (!server || !is_answer(mirror, &answer, length))
			continue;
		mirror->off = certainly_off(mirror, &answer, clock_realtime());
		mirror->last = answer;
		mirror->heard = clock_monotonic();
		mirror->nonce = 0;
	}
}

static void
mirror_ready(struct loop_source *source, uint32_t events)
{
	struct ntp_mirror *mirror = (struct ntp_mirror *)source;
	uint64_t before = mirror->heard;

	(void)events;
	take_answers(mirror);
	if (mirror->heard != before)
		mirror->answered(mirror->context);
}

void
ntp_mirror_open(struct ntp_mirror *mirror, struct loop *loop,
		const struct addr *server, void (*answered)(void *context),
		void *context)
{
	*mirror = (struct ntp_mirror){
		.source = { .ready = mirror_ready, .fd = -1 },
		.loop = loop,
		.server = server,
		.answered = answered,
		.context = context,
	};
	open_socket(mirror);
}

void
ntp_mirror_close(struct ntp_mirror *mirror)
{
	if (mirror->source.fd < 0)
		return;
	loop_remove(mirror->loop, &mirror->source);
	close(mirror->source.fd);
	mirror->source.fd = -1;
}

void
ntp_mirror_poll(struct ntp_mirror *mirror)
{
	struct ntp_packet request = {
		.lvm = ntp_packet_lvm(NTP_LEAP_NONE, NTP_VERSION_LAST,
				      NTP_MODE_CLIENT),
	};

	if (mirror->source.fd < 0)
		return;
	do
		arc4random_buf(&mirror->nonce, sizeof(mirror->nonce));
	while (mirror->nonce == 0);
	request.transmit = mirror->nonce;
	mirror->asked = clock_realtime();
	/* One that does not get away is like one that is lost. */
	(void)sendto(mirror->source.fd, &request, sizeof(request), 0,
		     &mirror->server->sa, mirror->server->length);
}

void
ntp_mirror_wait(struct ntp_mirror *mirror)
{
	struct pollfd wanted = { .fd = mirror->source.fd, .events = POLLIN };

	if (mirror->source.fd >= 0 && poll(&wanted, 1, WAIT_MILLISECONDS) > 0)
		take_answers(mirror);
}

const struct ntp_packet *
ntp_mirror_last(const struct ntp_mirror *mirror, int64_t *age)
{
	if (mirror->heard == 0)
		return NULL;
	*age = (int64_t)(clock_monotonic() - mirror->heard);
	return *age <= HOLDS ? &mirror->last : NULL;
}
