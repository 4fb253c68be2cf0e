/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NTP's packet header and its two formats of time (RFC 5905 6 and 7.3).
 *
 * A timestamp is 32 bits of seconds since 1900 and 32 bits of fraction.  It
 * does not say which era of 2^32 seconds it is in: era 0 ends on 2036-02-07
 * at 06:28:16 UTC.  Whoever reads one knows a time that it is near to.
 */
#ifndef TIMED_BASE_NTP_PACKET_H
#define TIMED_BASE_NTP_PACKET_H

#include <stddef.h>
#include <stdint.h>

enum {
	NTP_HEADER = 48, /* bytes: a packet without extensions and MAC */
	NTP_PORT = 123,
	NTP_VERSION_FIRST = 1,
	NTP_VERSION_LAST = 4,
	NTP_STRATUM_NONE = 16, /* not synchronised; 0 on the wire */
};

enum ntp_leap {
	NTP_LEAP_NONE,
	NTP_LEAP_INSERTED, /* the last minute of the month has 61 seconds */
	NTP_LEAP_DELETED,  /* or 59 */
	NTP_LEAP_UNSYNCHRONISED
};

enum ntp_mode {
	NTP_MODE_RESERVED, /* all that version 1 has */
	NTP_MODE_ACTIVE,
	NTP_MODE_PASSIVE,
	NTP_MODE_CLIENT,
	NTP_MODE_SERVER,
	NTP_MODE_BROADCAST,
	NTP_MODE_CONTROL,
	NTP_MODE_PRIVATE
};

/* As it is sent: every number is in network order. */
struct ntp_packet {
	uint8_t lvm; /* leap, version, mode */
	uint8_t stratum;
	int8_t poll;	       /* log2 seconds */
	int8_t precision;      /* log2 seconds */
	uint32_t delay;	       /* root delay, short format */
	uint32_t dispersion;   /* root dispersion, short format */
	uint32_t reference_id; /* an address, or up to four letters */
	uint64_t reference;    /* when the clock was last corrected */
	uint64_t origin;       /* the client's transmit timestamp */
	uint64_t receive;
	uint64_t transmit;
};

_Static_assert(sizeof(struct ntp_packet) == NTP_HEADER, "no padding");

uint8_t ntp_packet_lvm(unsigned leap, unsigned version, unsigned mode);
unsigned ntp_packet_leap(uint8_t lvm);
unsigned ntp_packet_version(uint8_t lvm);
unsigned ntp_packet_mode(uint8_t lvm);

/*
 * The timestamp, in host order, of NANOSECONDS since 1970, which may be of
 * any era.  Different nanoseconds have different timestamps.
 */
uint64_t ntp_packet_timestamp(int64_t nanoseconds);

/*
 * The nanoseconds since 1970 of TIMESTAMP (host order), in the era that puts
 * it within 68 years of NEAR.
 */
int64_t ntp_packet_time(uint64_t timestamp, int64_t near);

/*
 * The short format, in host order: 16 bits of seconds, 16 of fraction.
 * Rounded up, so that a bound on an error stays one; what is negative is 0,
 * what is too large the largest.
 */
uint32_t ntp_packet_short(int64_t nanoseconds);
int64_t ntp_packet_interval(uint32_t value);

/*
 * How long what BYTES begin with is, as far as it is NTP: the header, and
 * extension fields of version 4 (RFC 7822), which nobody has to know.
 * Returns 0 when it is shorter than a header, or ends within a field, or with
 * a MAC: that is for somebody who shares a key.
 */
size_t ntp_packet_length(const void *bytes, size_t length);

#endif
