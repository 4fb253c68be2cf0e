/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's side of NTP: a request, the reply to it, and what the two say
 * about the clocks (RFC 5905).  Nothing here sends or waits.
 *
 * A timestamp is as on the wire, 32 bits of seconds since 1900 and 32 of their
 * fraction, in host byte order.  All else is nanoseconds, local times since
 * the epoch (1970).
 */
#ifndef TIMED_TOOLS_SNTP_H
#define TIMED_TOOLS_SNTP_H

#include <stddef.h>
#include <stdint.h>

enum {
	SNTP_BYTES = 48, /* of a packet without extensions */
	SNTP_VERSION = 4,
	SNTP_REFID_TEXT = 20,
	SNTP_UNSYNCHRONISED = 16, /* a stratum */
	SNTP_LEAP_UNKNOWN = 3,
};

/* What a packet says (7.3). */
struct sntp_reply {
	unsigned leap; /* 0 to 3 */
	unsigned version;
	unsigned mode;
	unsigned stratum;
	int poll, precision; /* powers of two, seconds */
	int64_t root_delay, root_dispersion;
	uint32_t refid;
	uint64_t reference, origin, receive, transmit;
};

enum sntp_verdict {
	SNTP_GOOD,
	SNTP_UNSYNCED, /* the server says that its clock is not set */
	SNTP_KISS,     /* kiss-of-death: the refid is DENY, RATE or RSTR */
	SNTP_BOGUS,    /* no answer to this request */
};

struct sntp_sample {
	int64_t offset; /* of the server's clock from ours */
	int64_t delay;	/* of the round trip */
};

/*
 * A client's request that tells nothing of its sender's clock: as transmit
 * timestamp, which the server gives back, it has COOKIE, which should be
 * random.
 */
void sntp_request(unsigned char packet[SNTP_BYTES], uint64_t cookie);

void sntp_parse(const unsigned char packet[SNTP_BYTES],
		struct sntp_reply *reply);

/*
 * Parse and judge the LENGTH bytes that came for the request with COOKIE.
 * WHY, if not NULL, is what is wrong with a bogus one.
 */
enum sntp_verdict sntp_check(const unsigned char *bytes, size_t length,
			     uint64_t cookie, struct sntp_reply *reply,
			     const char **why);

/* SENT and ARRIVED: when the request left and the reply came, local (8). */
void sntp_measure(const struct sntp_reply *reply, int64_t sent, int64_t arrived,
		  struct sntp_sample *sample);

uint64_t sntp_from_unix(int64_t nanoseconds);

/* Of all eras the one nearest to NEAR. */
int64_t sntp_to_unix(uint64_t timestamp, int64_t near);

/* A less B; right if they are not 68 years apart, whatever the eras. */
int64_t sntp_difference(uint64_t a, uint64_t b);

/*
 * The largest error that a synchronised server's time can have: half of the
 * way to the reference clock and back, what is said of errors on that way,
 * the server's precision, and what a clock of 15 ppm makes of the delay (11.2).
 */
int64_t sntp_root_distance(const struct sntp_reply *reply,
			   const struct sntp_sample *sample);

/* 2 to the power of PRECISION, seconds. */
double sntp_precision(int precision);

/*
 * The reference ID for people: four characters for a reference clock or a
 * kiss, else an IPv4 address, which of an IPv6 server is a digest.
 */
void sntp_refid(const struct sntp_reply *reply, char text[SNTP_REFID_TEXT]);

/* "none", "insert", "delete", "unsynchronised" */
const char *sntp_leap(unsigned leap);

#endif
