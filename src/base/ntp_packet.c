/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ntp_packet.h"

#include "base/clock.h"

#include <string.h>

/* From 1900 to 1970, in seconds. */
static const int64_t EPOCH = INT64_C(2208988800);

enum {
	FIELD_LEAST = 16, /* bytes of an extension field */
	/* With no more left, that is a MAC and no field (RFC 7822 7.5.1). */
	MAC_MOST = 24,
};

uint8_t
ntp_packet_lvm(unsigned leap, unsigned version, unsigned mode)
{
	return (uint8_t)((leap & 3) << 6 | (version & 7) << 3 | (mode & 7));
}

unsigned
ntp_packet_leap(uint8_t lvm)
{
	return lvm >> 6;
}

unsigned
ntp_packet_version(uint8_t lvm)
{
	return lvm >> 3 & 7;
}

unsigned
ntp_packet_mode(uint8_t lvm)
{
	return lvm & 7;
}

uint64_t
ntp_packet_timestamp(int64_t nanoseconds)
{
	int64_t second =
		clock_boundary(nanoseconds, CLOCK_SECOND) / CLOCK_SECOND;
	uint64_t rest = (uint64_t)(nanoseconds - second * CLOCK_SECOND);
	uint64_t unit = (uint64_t)CLOCK_SECOND;

	/* Rounded up, and down in the other direction: nothing is lost. */
	return (uint64_t)(second + EPOCH) << 32 |
	       ((rest << 32) + unit - 1) / unit;
}

int64_t
ntp_packet_time(uint64_t timestamp, int64_t near)
{
	int64_t second = clock_boundary(near, CLOCK_SECOND) / CLOCK_SECOND;
	uint32_t ahead = (uint32_t)(timestamp >> 32) -
			 (uint32_t)(uint64_t)(second + EPOCH);
	uint64_t fraction = timestamp & UINT32_MAX;

	return (second + (int32_t)ahead) * CLOCK_SECOND +
	       (int64_t)(fraction * (uint64_t)CLOCK_SECOND >> 32);
}

uint32_t
ntp_packet_short(int64_t nanoseconds)
{
	uint64_t unit = (uint64_t)CLOCK_SECOND;

	if (nanoseconds <= 0)
		return 0;
	if (nanoseconds >= 65536 * CLOCK_SECOND)
		return UINT32_MAX;
	nanoseconds =
		(int64_t)((((uint64_t)nanoseconds << 16) + unit - 1) / unit);
	return nanoseconds > UINT32_MAX ? UINT32_MAX : (uint32_t)nanoseconds;
}

int64_t
ntp_packet_interval(uint32_t value)
{
	return (int64_t)((uint64_t)value * (uint64_t)CLOCK_SECOND >> 16);
}

size_t
ntp_packet_length(const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	size_t done = NTP_HEADER;

	if (length <= NTP_HEADER || ntp_packet_version(*at) < NTP_VERSION_LAST)
		return length == NTP_HEADER ? length : 0;
	while (length - done > MAC_MOST) {
		size_t field = (size_t)at[done + 2] << 8 | at[done + 3];

		if (field < FIELD_LEAST || field % 4 != 0 ||
		    field > length - done)
			return 0;
		done += field;
	}
	return done == length ? length : 0;
}
