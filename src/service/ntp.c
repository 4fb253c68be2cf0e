/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ntp: the server side of the Network Time Protocol (RFC 5905), versions 1 to
 * 4, and its interleaved mode (RFC 9769).
 *
 * A request of a client is answered, and one of a symmetric peer as by a peer
 * that does not know it; nothing else is: no control messages, nobody's
 * answers.  An answer is 48 bytes, and so a request has at least as many.
 * Extension fields are passed over, as RFC 7822 has it; who sends a MAC wants
 * an answer that has one too, and gets none.
 *
 * What is said of the clock is looked up once a second, between two seconds,
 * where nobody else has something to do, and whenever somebody sets the clock.
 */
#include "base/clock.h"
#include "base/ntp_packet.h"
#include "service/ntp_interleaved.h"
#include "service/ntp_source.h"
#include "service/registry.h"
#include "worker/conns.h"
#include "worker/datagrams.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
	SOURCE_MAX = 64,
	PRECISION_SAMPLES = 100,
	PRECISION_BEST = -30, /* 2^-30 s is a nanosecond */
};

struct ntp_settings {
	char source[SOURCE_MAX];
	char refid[5];
	int stratum;
	int local_stratum;
	struct ntp_source_settings parsed;
};

/* What one worker keeps of it. */
struct ntp_state {
	struct timer timer;
	struct ntp_source source;
	struct ntp_interleaved *sent;
	int64_t leap_until;	  /* as in struct ntp_quality */
	struct ntp_packet header; /* what is the same in all answers */
};

/* The answer, and behind it what stamp has to know and nobody is sent. */
struct ntp_answer {
	struct ntp_packet packet;
	uint64_t key; /* to be found by in interleaved mode; 0: not wanted */
};

_Static_assert(sizeof(struct ntp_answer) <= DATAGRAM_REPLY, "room for it");

static const struct ntp_settings defaults = {
	.source = "kernel",
	.refid = "KERN",
	.stratum = 4,
	.local_stratum = 0,
};

#define PLACE(member)                          \
	offsetof(struct ntp_settings, member), \
		sizeof(((struct ntp_settings *)0)->member)

static const struct setting settings[] = {
	{ "source", SETTING_STRING, PLACE(source), 1, 0, NULL },
	{ "refid", SETTING_STRING, PLACE(refid), 1, 0, NULL },
	{ "stratum", SETTING_INT, PLACE(stratum), 1, 15, NULL },
	{ "local_stratum", SETTING_INT, PLACE(local_stratum), 0, 15, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

static const char SOURCES[] =
	"must be \"kernel\" or the HOST:PORT of a server, "
	"where HOST is a numeric address or localhost";

/* Its answers would come from another address. */
static bool
is_anybody(const struct addr *server)
{
	return server->sa.sa_family == AF_INET
		       ? server->in.sin_addr.s_addr == htonl(INADDR_ANY)
		       : IN6_IS_ADDR_UNSPECIFIED(&server->in6.sin6_addr);
}

/* NULL, or what is wrong with it. */
static const char *
parse_source(struct ntp_settings *ntp)
{
	struct addr_listen where;
	const struct addr *server = &where.addr[0];
	char error[256]; /* speaks of what may be listened on */

	ntp->parsed.kernel = strcmp(ntp->source, "kernel") == 0;
	if (ntp->parsed.kernel)
		return NULL;
	if (!addr_parse_listen(ntp->source, &where, error, sizeof(error)) ||
	    where.transports || server->sa.sa_family == AF_UNIX ||
	    is_anybody(server) || addr_port(server) == 0)
		return SOURCES;
	ntp->parsed.server = *server;
	return NULL;
}

static bool
printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static void
ntp_configure(struct service_config *config, config_setting_t *group,
	      struct complaints *complaints)
{
	struct ntp_settings *ntp = config->settings;
	const config_setting_t *place =
		group ? config_setting_get_member(group, "source") : NULL;
	const char *wrong = parse_source(ntp);

	if (wrong)
		complain(complaints, place ? place : group,
			 "source: \"%s\": %s", ntp->source, wrong);
	if (!printable(ntp->refid))
		complain(complaints, config_setting_get_member(group, "refid"),
			 "refid: must be letters of ASCII");
	ntp->parsed.stratum = (unsigned)ntp->stratum;
	ntp->parsed.reference_id = ntp_source_id(ntp->refid);
	ntp->parsed.local = (unsigned)ntp->local_stratum;
}

/*
 * Log2 of the seconds that it takes to read the clock, or of its step, if that
 * is larger (RFC 5905 7.3).
 */
static int8_t
measure_precision(void)
{
	int64_t least = CLOCK_SECOND;
	int64_t before = clock_realtime();
	int8_t precision = 0;

	for (int i = 0; i < PRECISION_SAMPLES; i++) {
		int64_t now = clock_realtime();

		if (now > before && now - before < least)
			least = now - before;
		before = now;
	}
	while (precision > PRECISION_BEST && least <= CLOCK_SECOND / 2) {
		least *= 2;
		precision--;
	}
	return precision;
}

/* Look at the clock's state anew. */
static void
look(void *context)
{
	struct ntp_state *state = context;
	struct ntp_packet *header = &state->header;
	struct ntp_quality quality;

	ntp_source_read(&state->source, &quality);
	state->leap_until = quality.leap_until;
	header->lvm = ntp_packet_lvm(quality.leap, 0, 0);
	header->stratum = (uint8_t)(quality.stratum % NTP_STRATUM_NONE);
	header->delay = htobe32(ntp_packet_short(quality.delay));
	header->dispersion = htobe32(ntp_packet_short(quality.dispersion));
	header->reference_id = htobe32(quality.reference_id);
	header->reference = htobe64(quality.reference);
}

/* Half a second after the second that is now. */
static int64_t
between_seconds(void)
{
	int64_t half = CLOCK_SECOND / 2;

	return clock_boundary(clock_realtime() - half, CLOCK_SECOND) +
	       CLOCK_SECOND + half;
}

/* Again and again, if the clock is set meanwhile. */
static void
look_and_arm(struct ntp_state *state)
{
	look(state);
	while (!timer_at(&state->timer, between_seconds())) {
		ntp_interleaved_forget(state->sent);
		look(state);
	}
}

static void
expired(struct timer *timer, bool stepped)
{
	struct ntp_state *state = (struct ntp_state *)timer;

	if (stepped)
		ntp_interleaved_forget(state->sent);
	ntp_source_poll(&state->source);
	look_and_arm(state);
}

static int
ntp_start(struct instance *instance)
{
	const struct ntp_settings *ntp = instance->config->settings;
	struct loop *loop = instance->conns->loop;
	struct ntp_state *state = calloc(1, sizeof(*state));

	if (!state)
		return -1;
	state->sent = ntp_interleaved_new();
	if (!state->sent ||
	    timer_open(&state->timer, loop, CLOCK_REALTIME, expired) < 0) {
		ntp_interleaved_free(state->sent);
		free(state);
		return -1;
	}
	state->header.precision = measure_precision();
	ntp_source_open(&state->source, loop, &ntp->parsed, look, state);
	look_and_arm(state);
	instance->state = state;
	return 0;
}

static void
ntp_stop(struct instance *instance)
{
	struct ntp_state *state = instance->state;

	ntp_source_close(&state->source);
	timer_close(&state->timer);
	ntp_interleaved_free(state->sent);
	free(state);
	instance->state = NULL;
}

/*
 * The mode of the answer to a request, or NTP_MODE_RESERVED for none.  Version
 * 1 has no modes; by its rules a client is who does not ask from NTP's own
 * port.
 */
static enum ntp_mode
answer_mode(const struct ntp_packet *request, const struct addr *from)
{
	unsigned version = ntp_packet_version(request->lvm);

	if (version < NTP_VERSION_FIRST || version > NTP_VERSION_LAST)
		return NTP_MODE_RESERVED;
	switch (ntp_packet_mode(request->lvm)) {
	case NTP_MODE_CLIENT:
		return NTP_MODE_SERVER;
	case NTP_MODE_ACTIVE:
		return NTP_MODE_PASSIVE;
	case NTP_MODE_RESERVED:
		if (version == 1 && addr_port(from) != NTP_PORT)
			return NTP_MODE_SERVER;
		return NTP_MODE_RESERVED;
	default:
		return NTP_MODE_RESERVED;
	}
}

/*
 * No two answers to a client may have the same receive timestamp as long as
 * one is found by it.  Who remembers no answer finds none, and is spared the
 * look: in a table that no cache holds it is the dearest part of an answer.
 */
static uint64_t
unique(const struct ntp_state *state, const struct addr *from, uint64_t receive)
{
	while (ntp_interleaved_find(state->sent,
				    ntp_interleaved_key(from, receive)))
		receive++;
	return receive;
}

/*
 * The request names an earlier answer by what was its transmit timestamp in
 * basic mode, by its receive timestamp in interleaved mode.
 */
static void
answer_times(const struct ntp_state *state, const struct ntp_packet *request,
	     const struct datagram *datagram, struct ntp_answer *answer)
{
	const struct addr *from = &datagram->from;
	uint64_t receive = ntp_packet_timestamp(datagram->received);
	uint64_t earlier = 0;

	answer->packet.receive = htobe64(receive);
	answer->packet.origin = request->transmit;
	if (request->origin == 0 || request->receive == request->transmit ||
	    ntp_packet_mode(answer->packet.lvm) != NTP_MODE_SERVER)
		return;
	receive = unique(state, from, receive);
	answer->packet.receive = htobe64(receive);
	answer->key = ntp_interleaved_key(from, receive);
	earlier = ntp_interleaved_find(
		state->sent,
		ntp_interleaved_key(from, be64toh(request->origin)));
	if (earlier == 0)
		return;
	answer->packet.origin = request->receive;
	answer->packet.transmit = htobe64(earlier);
}

static size_t
ntp_datagram(struct instance *instance, const struct datagram *datagram,
	     char *reply)
{
	const struct ntp_state *state = instance->state;
	struct ntp_answer answer = { .packet = state->header };
	struct ntp_packet request;
	unsigned leap = ntp_packet_leap(state->header.lvm);
	enum ntp_mode mode;

	if (datagram->length > DATAGRAM_ROOM ||
	    ntp_packet_length(datagram->bytes, datagram->length) == 0)
		return 0;
	memcpy(&request, datagram->bytes, sizeof(request));
	mode = answer_mode(&request, &datagram->from);
	if (mode == NTP_MODE_RESERVED)
		return 0;
	if (state->leap_until && datagram->received >= state->leap_until)
		leap = NTP_LEAP_NONE;
	answer.packet.lvm =
		ntp_packet_lvm(leap, ntp_packet_version(request.lvm), mode);
	answer.packet.poll = request.poll;
	answer_times(state, &request, datagram, &answer);
	memcpy(reply, &answer, sizeof(answer));
	return sizeof(answer.packet);
}

/* A timestamp of zero is none, and one of 2036 may be that. */
static void
ntp_stamp(struct instance *instance, char *reply, size_t length)
{
	const struct ntp_state *state = instance->state;
	struct ntp_answer answer;
	uint64_t now;

	(void)length;
	memcpy(&answer, reply, sizeof(answer));
	now = ntp_packet_timestamp(clock_realtime());
	now += now == 0 || now == be64toh(answer.packet.receive);
	if (answer.key)
		ntp_interleaved_put(state->sent, answer.key, now);
	if (answer.packet.transmit)
		return;
	now = htobe64(now);
	memcpy(reply + offsetof(struct ntp_packet, transmit), &now,
	       sizeof(now));
}

const struct service ntp_service = {
	.type = "ntp",
	.transports = ADDR_UDP,
	.settings_size = sizeof(struct ntp_settings),
	.settings = settings,
	.defaults = &defaults,
	.configure = ntp_configure,
	.start = ntp_start,
	.stop = ntp_stop,
	.datagram = ntp_datagram,
	.stamp = ntp_stamp,
};
