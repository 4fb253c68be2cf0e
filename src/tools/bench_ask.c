/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_ask.h"

#include "base/clock.h"
#include "tools/since1900.h"
#include "tools/sntp.h"

#include <endian.h>
#include <string.h>

static bool
is_near(const struct ask_rule *rule, int64_t time, int64_t now)
{
	int64_t past = time - now - rule->ahead;

	return past <= rule->slack && past >= -rule->slack;
}

/* ---- daytime ------------------------------------------------------------ */

/* One line of printable bytes, of UTF-8 maybe, with its end. */
static bool
is_line(const unsigned char *bytes, size_t length)
{
	size_t end = length;

	/* NIST's servers begin with an empty line. */
	while (end > 0 && *bytes == '\n') {
		bytes++;
		end--;
	}
	if (end < 2 || bytes[--end] != '\n')
		return false;
	if (bytes[end - 1] == '\r')
		end--;
	for (size_t i = 0; i < end; i++)
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return false;
	return end > 0;
}

static bool
learn_line(struct ask_rule *rule, const unsigned char *bytes, size_t length,
	   int64_t now)
{
	(void)now;
	rule->length = (uint32_t)length;
	return is_line(bytes, length);
}

static enum ask_verdict
check_line(const struct ask_rule *rule, const unsigned char *bytes,
	   size_t length, int64_t now)
{
	(void)now;
	return length == rule->length && is_line(bytes, length) ? ASK_RIGHT
								: ASK_WRONG;
}

/* ---- time --------------------------------------------------------------- */

static int64_t
read_seconds(const unsigned char *bytes, int64_t now)
{
	uint32_t wire;

	memcpy(&wire, bytes, sizeof(wire));
	return since1900_unix(be32toh(wire), now / CLOCK_SECOND) * CLOCK_SECOND;
}

static bool
learn_seconds(struct ask_rule *rule, const unsigned char *bytes, size_t length,
	      int64_t now)
{
	if (length != sizeof(uint32_t))
		return false;
	rule->ahead = read_seconds(bytes, now) - now;
	return true;
}

static enum ask_verdict
check_seconds(const struct ask_rule *rule, const unsigned char *bytes,
	      size_t length, int64_t now)
{
	if (length != sizeof(uint32_t) ||
	    !is_near(rule, read_seconds(bytes, now), now))
		return ASK_WRONG;
	return ASK_RIGHT;
}

/* ---- ntp ---------------------------------------------------------------- */

static bool
whose_packet(const unsigned char *bytes, size_t length, uint64_t *cookie)
{
	struct sntp_reply reply;

	if (length < SNTP_BYTES)
		return false;
	sntp_parse(bytes, &reply);
	*cookie = reply.origin;
	return true;
}

/* Whose it is, is known by now. */
static enum ask_verdict
judge_packet(const unsigned char *bytes, size_t length, int64_t now,
	     int64_t *time)
{
	struct sntp_reply reply;
	uint64_t cookie;

	if (!whose_packet(bytes, length, &cookie))
		return ASK_WRONG;
	switch (sntp_check(bytes, length, cookie, &reply, NULL)) {
	case SNTP_GOOD:
		*time = sntp_to_unix(reply.transmit, now);
		return ASK_RIGHT;
	case SNTP_UNSYNCED:
		*time = sntp_to_unix(reply.transmit, now);
		return ASK_UNSYNCED;
	case SNTP_KISS:
		return ASK_REFUSED;
	default:
		return ASK_WRONG;
	}
}

static bool
learn_packet(struct ask_rule *rule, const unsigned char *bytes, size_t length,
	     int64_t now)
{
	int64_t time = now;
	enum ask_verdict verdict = judge_packet(bytes, length, now, &time);

	rule->ahead = time - now;
	return verdict == ASK_RIGHT || verdict == ASK_UNSYNCED;
}

static enum ask_verdict
check_packet(const struct ask_rule *rule, const unsigned char *bytes,
	     size_t length, int64_t now)
{
	int64_t time = now;
	enum ask_verdict verdict = judge_packet(bytes, length, now, &time);

	if ((verdict == ASK_RIGHT || verdict == ASK_UNSYNCED) &&
	    !is_near(rule, time, now))
		return ASK_WRONG;
	return verdict;
}

static const struct ask asks[] = {
	{
		.name = "daytime",
		.tcp = true,
		.learn = learn_line,
		.check = check_line,
	},
	{
		.name = "time",
		.learn = learn_seconds,
		.check = check_seconds,
	},
	{
		.name = "ntp",
		.request = SNTP_BYTES,
		.make = sntp_request,
		.whose = whose_packet,
		.learn = learn_packet,
		.check = check_packet,
	},
};

const struct ask *
ask_find(const char *name)
{
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		if (strcmp(asks[i].name, name) == 0)
			return &asks[i];
	return NULL;
}
