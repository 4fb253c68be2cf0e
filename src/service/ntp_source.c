/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/ntp_source.h"

#include "base/clock.h"

#include <endian.h>
#include <sys/timex.h>
#include <time.h>

/* A clock that nobody corrects drifts so much (RFC 5905 7.3, PHI). */
static const int64_t DRIFT = 15; /* parts in a million */
/* What is off by that is of no use (RFC 5905 7.2, MAXDISP). */
static const int64_t UNUSABLE = 16 * CLOCK_SECOND;

/* What a server's own clock is called by custom: 127.127.1.1. */
static const uint32_t OWN_CLOCK = 0x7f7f0101;

static const int64_t DAY = 86400 * CLOCK_SECOND;

static void
unsynchronised(struct ntp_quality *quality)
{
	*quality = (struct ntp_quality){
		.leap = NTP_LEAP_UNSYNCHRONISED,
		.stratum = NTP_STRATUM_NONE,
		.reference_id = ntp_source_id("INIT"),
		.dispersion = UNUSABLE,
	};
}

/* Stratum 1 is known by letters, the others by an address. */
static void
local(struct ntp_quality *quality, unsigned stratum, int64_t now)
{
	*quality = (struct ntp_quality){
		.stratum = stratum,
		.reference_id =
			stratum == 1 ? ntp_source_id("LOCL") : OWN_CLOCK,
		.reference = ntp_packet_timestamp(now),
	};
}

/*
 * A leap second is announced on the last day of a month and not before,
 * whatever the source does: clients take it for the end of the day or for
 * that of the month, and only then both are the same.
 */
static void
announce(struct ntp_quality *quality, enum ntp_leap leap, int64_t now)
{
	int64_t midnight = clock_boundary(now, DAY) + DAY;
	time_t tomorrow = (time_t)(midnight / CLOCK_SECOND);
	struct tm tm;

	quality->leap = NTP_LEAP_NONE;
	if (leap == NTP_LEAP_NONE || !gmtime_r(&tomorrow, &tm) ||
	    tm.tm_mday != 1)
		return;
	quality->leap = leap;
	quality->leap_until = midnight;
}

static enum ntp_leap
kernel_leap(int state)
{
	switch (state) {
	case TIME_INS:
	case TIME_OOP:
		return NTP_LEAP_INSERTED;
	case TIME_DEL:
		return NTP_LEAP_DELETED;
	default: /* TIME_WAIT: it is over */
		return NTP_LEAP_NONE;
	}
}

/*
 * The kernel does not say when its clock was corrected, but lets the error
 * grow until then.
 */
static uint64_t
correction_age(struct ntp_source *source, int64_t error)
{
	uint64_t monotonic = clock_monotonic();

	if (source->corrected == 0 || error < source->error)
		source->corrected = monotonic;
	source->error = error;
	return monotonic - source->corrected;
}

static void
read_kernel(struct ntp_source *source, struct ntp_quality *quality, int64_t now)
{
	struct timex kernel = { .modes = 0 };
	int state = ntp_adjtime(&kernel);
	int64_t error = kernel.maxerror * CLOCK_MICROSECOND;

	if (state < 0 || state == TIME_ERROR || kernel.status & STA_UNSYNC) {
		source->corrected = 0;
		return;
	}
	*quality = (struct ntp_quality){
		.stratum = source->settings->stratum,
		.reference_id = source->settings->reference_id,
		.dispersion = error,
	};
	quality->reference = ntp_packet_timestamp(
		now - (int64_t)correction_age(source, error));
	announce(quality, kernel_leap(state), now);
}

static void
read_server(const struct ntp_source *source, struct ntp_quality *quality,
	    int64_t now)
{
	int64_t age;
	const struct ntp_packet *answer =
		ntp_mirror_last(&source->mirror, &age);
	unsigned leap;

	if (!answer)
		return;
	leap = ntp_packet_leap(answer->lvm);
	if (leap == NTP_LEAP_UNSYNCHRONISED || answer->stratum == 0 ||
	    answer->stratum >= NTP_STRATUM_NONE)
		return;
	*quality = (struct ntp_quality){
		.stratum = answer->stratum,
		.reference_id = be32toh(answer->reference_id),
		.reference = be64toh(answer->reference),
		.delay = ntp_packet_interval(be32toh(answer->delay)),
		.dispersion = ntp_packet_interval(be32toh(answer->dispersion)) +
			      age * DRIFT / 1000000 + source->mirror.off,
	};
	announce(quality, (enum ntp_leap)leap, now);
}

void
ntp_source_open(struct ntp_source *source, struct loop *loop,
		const struct ntp_source_settings *settings,
		void (*changed)(void *context), void *context)
{
	*source = (struct ntp_source){ .settings = settings };
	if (settings->kernel)
		return;
	ntp_mirror_open(&source->mirror, loop, &settings->server, changed,
			context);
	ntp_mirror_poll(&source->mirror);
	ntp_mirror_wait(&source->mirror);
}

void
ntp_source_close(struct ntp_source *source)
{
	if (!source->settings->kernel)
		ntp_mirror_close(&source->mirror);
}

void
ntp_source_poll(struct ntp_source *source)
{
	if (!source->settings->kernel)
		ntp_mirror_poll(&source->mirror);
}

void
ntp_source_read(struct ntp_source *source, struct ntp_quality *quality)
{
	int64_t now = clock_realtime();

	unsynchronised(quality);
	if (source->settings->kernel)
		read_kernel(source, quality, now);
	else
		read_server(source, quality, now);
	if (quality->stratum == NTP_STRATUM_NONE && source->settings->local)
		local(quality, source->settings->local, now);
}

uint32_t
ntp_source_id(const char *letters)
{
	uint32_t id = 0;

	for (int i = 0; i < 4; i++)
		id = id << 8 | (uint8_t)(*letters ? *letters++ : 0);
	return id;
}
