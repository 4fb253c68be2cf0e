/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of NTP: whatever arrives has no answer, or one that is not longer,
 * is a server's, and gives back the timestamp that it came with.
 */
#include "base/clock.h"
#include "base/ntp_packet.h"
#include "service/registry.h"
#include "worker/conns.h"
#include "worker/datagrams.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop loop;
static struct conns conns = { .loop = &loop };
static struct tally tally;
static struct service_config config;
static struct instance instance = { .config = &config,
				    .conns = &conns,
				    .tally = &tally };

static void
begin(void)
{
	const struct service *ntp = registry_find("ntp");
	struct complaints complaints = { 0 };

	config.service = ntp;
	config.settings = calloc(1, ntp->settings_size);
	memcpy(config.settings, ntp->defaults, ntp->settings_size);
	ntp->configure(&config, NULL, &complaints);
	if (complaints.count || loop_open(&loop) < 0 ||
	    ntp->start(&instance) < 0)
		abort();
}

static void
check(const struct ntp_packet *request, const struct ntp_packet *answer)
{
	if (ntp_packet_mode(answer->lvm) == NTP_MODE_CLIENT ||
	    answer->transmit == 0 || answer->receive == 0)
		abort();
	/* In interleaved mode it is the one that came with the last answer. */
	if (answer->origin != request->transmit &&
	    answer->origin != request->receive)
		abort();
}

/* It may be longer than what is looked at; that is not here then. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct datagram datagram = { .length = size,
				     .received = clock_realtime() };
	size_t here = size < DATAGRAM_ROOM ? size : DATAGRAM_ROOM;
	char *bytes = malloc(here + !here);
	char reply[DATAGRAM_REPLY];
	struct ntp_packet request, answer;
	size_t length;

	if (!config.service)
		begin();
	memcpy(bytes, data, here);
	datagram.bytes = bytes;
	datagram.from.in = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(1024),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	datagram.from.length = sizeof(datagram.from.in);
	length = config.service->datagram(&instance, &datagram, reply);
	if (length > size || (length && length != sizeof(answer)))
		abort();
	if (length) {
		config.service->stamp(&instance, reply, length);
		memcpy(&request, bytes, sizeof(request));
		memcpy(&answer, reply, sizeof(answer));
		check(&request, &answer);
	}
	free(bytes);
	return 0;
}
