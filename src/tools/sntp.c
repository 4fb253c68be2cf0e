/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/sntp.h"

#include "base/clock.h"
#include "tools/since1900.h"

#include <ctype.h>
#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	MODE_CLIENT = 3,
	MODE_SERVER = 4,
	/* Where it is in a packet. */
	AT_STRATUM = 1,
	AT_POLL = 2,
	AT_PRECISION = 3,
	AT_ROOT_DELAY = 4,
	AT_ROOT_DISPERSION = 8,
	AT_REFID = 12,
	AT_REFERENCE = 16,
	AT_ORIGIN = 24,
	AT_RECEIVE = 32,
	AT_TRANSMIT = 40,
};

/* PHI of RFC 5905: how wrong a clock may run. */
#define TOLERANCE 15e-6

void
sntp_request(unsigned char packet[SNTP_BYTES], uint64_t cookie)
{
	uint64_t wire = htobe64(cookie);

	memset(packet, 0, SNTP_BYTES);
	packet[0] = SNTP_VERSION << 3 | MODE_CLIENT;
	memcpy(packet + AT_TRANSMIT, &wire, sizeof(wire));
}

static uint32_t
get32(const unsigned char *bytes)
{
	uint32_t wire;

	memcpy(&wire, bytes, sizeof(wire));
	return be32toh(wire);
}

static uint64_t
get64(const unsigned char *bytes)
{
	uint64_t wire;

	memcpy(&wire, bytes, sizeof(wire));
	return be64toh(wire);
}

/* 16 bits of seconds and 16 of their fraction. */
static int64_t
get_short(const unsigned char *bytes)
{
	return (int64_t)get32(bytes) * CLOCK_SECOND >> 16;
}

void
sntp_parse(const unsigned char packet[SNTP_BYTES], struct sntp_reply *reply)
{
	reply->leap = packet[0] >> 6;
	reply->version = packet[0] >> 3 & 7;
	reply->mode = packet[0] & 7;
	reply->stratum = packet[AT_STRATUM];
	reply->poll = (int8_t)packet[AT_POLL];
	reply->precision = (int8_t)packet[AT_PRECISION];
	reply->root_delay = get_short(packet + AT_ROOT_DELAY);
	reply->root_dispersion = get_short(packet + AT_ROOT_DISPERSION);
	reply->refid = get32(packet + AT_REFID);
	reply->reference = get64(packet + AT_REFERENCE);
	reply->origin = get64(packet + AT_ORIGIN);
	reply->receive = get64(packet + AT_RECEIVE);
	reply->transmit = get64(packet + AT_TRANSMIT);
}

/*
 * Whether it asks to be left alone.  At stratum 0 all other codes, INIT above
 * all, say why the clock is not set (RFC 5905, 7.4).
 */
static bool
is_kiss(const struct sntp_reply *reply)
{
	static const char codes[][5] = { "DENY", "RATE", "RSTR" };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (reply->stratum == 0 &&
		    reply->refid == get32((const unsigned char *)codes[i]))
			return true;
	return false;
}

/* What makes it no answer to the request with COOKIE; NULL: it is one. */
static const char *
find_fault(const struct sntp_reply *reply, uint64_t cookie)
{
	if (reply->mode != MODE_SERVER)
		return "its mode is not 4";
	if (reply->version < 1 || reply->version > SNTP_VERSION)
		return "its version is not 1 to 4";
	if (reply->origin != cookie)
		return "its origin timestamp is not what was sent";
	if (is_kiss(reply))
		return NULL;
	if (reply->transmit == 0 || reply->receive == 0)
		return "it has no time";
	if (sntp_difference(reply->transmit, reply->receive) < 0)
		return "it left before its request had come";
	return NULL;
}

enum sntp_verdict
sntp_check(const unsigned char *bytes, size_t length, uint64_t cookie,
	   struct sntp_reply *reply, const char **why)
{
	const char *fault = "it is not 48 bytes long";

	if (length == SNTP_BYTES) {
		sntp_parse(bytes, reply);
		fault = find_fault(reply, cookie);
	}
	if (why)
		*why = fault;
	if (fault)
		return SNTP_BOGUS;
	if (is_kiss(reply))
		return SNTP_KISS;
	if (reply->leap == SNTP_LEAP_UNKNOWN || reply->stratum == 0 ||
	    reply->stratum >= SNTP_UNSYNCHRONISED)
		return SNTP_UNSYNCED;
	return SNTP_GOOD;
}

uint64_t
sntp_from_unix(int64_t nanoseconds)
{
	int64_t start = clock_boundary(nanoseconds, CLOCK_SECOND);
	uint64_t seconds = (uint64_t)(start / CLOCK_SECOND + SINCE1900_EPOCH);
	uint64_t part = (uint64_t)(nanoseconds - start);

	return seconds << 32 | (part << 32) / CLOCK_SECOND;
}

/* 2^-32 seconds to nanoseconds. */
static int64_t
from_fraction(uint32_t fraction)
{
	return (int64_t)((fraction * (uint64_t)CLOCK_SECOND +
			  (UINT64_C(1) << 31)) >>
			 32);
}

int64_t
sntp_to_unix(uint64_t timestamp, int64_t near)
{
	int64_t seconds = since1900_unix((uint32_t)(timestamp >> 32),
					 near / CLOCK_SECOND);

	return seconds * CLOCK_SECOND + from_fraction((uint32_t)timestamp);
}

int64_t
sntp_difference(uint64_t a, uint64_t b)
{
	uint64_t difference = a - b;

	return (int32_t)(difference >> 32) * CLOCK_SECOND +
	       from_fraction((uint32_t)difference);
}

void
sntp_measure(const struct sntp_reply *reply, int64_t sent, int64_t arrived,
	     struct sntp_sample *sample)
{
	int64_t there = sntp_difference(reply->receive, sntp_from_unix(sent));
	int64_t back =
		sntp_difference(reply->transmit, sntp_from_unix(arrived));
	int64_t inside = sntp_difference(reply->transmit, reply->receive);

	sample->offset = (there + back) / 2;
	sample->delay = arrived - sent - inside;
}

double
sntp_precision(int precision)
{
	return ldexp(1, precision);
}

int64_t
sntp_root_distance(const struct sntp_reply *reply,
		   const struct sntp_sample *sample)
{
	int64_t delay = sample->delay > 0 ? sample->delay : 0;
	double own = (double)delay * TOLERANCE +
		     sntp_precision(reply->precision) * CLOCK_SECOND;

	/* No precision that makes sense gets near to where this ends. */
	if (own > 4e18)
		own = 4e18;
	return (reply->root_delay + delay) / 2 + reply->root_dispersion +
	       llround(own);
}

/* Four characters, of which the last may be missing. */
static bool
is_name(const char name[4])
{
	size_t length = strnlen(name, 4);

	for (size_t i = 0; i < 4; i++)
		if (i < length ? !isgraph((unsigned char)name[i])
			       : name[i] != '\0')
			return false;
	return length > 0;
}

void
sntp_refid(const struct sntp_reply *reply, char text[SNTP_REFID_TEXT])
{
	uint32_t wire = htobe32(reply->refid);
	bool named =
		reply->stratum < 2 || reply->stratum >= SNTP_UNSYNCHRONISED;
	char name[4];

	memcpy(name, &wire, sizeof(name));
	if (named && is_name(name))
		snprintf(text, SNTP_REFID_TEXT, "%.4s", name);
	else
		snprintf(text, SNTP_REFID_TEXT, "%u.%u.%u.%u",
			 reply->refid >> 24, reply->refid >> 16 & 255,
			 reply->refid >> 8 & 255, reply->refid & 255);
}

const char *
sntp_leap(unsigned leap)
{
	static const char *const names[] = { "none", "insert", "delete",
					     "unsynchronised" };

	return names[leap & 3];
}
