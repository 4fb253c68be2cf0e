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

/* ---- echo --------------------------------------------------------------- */

/*
 * No byte is a newline, and so none is ever held back by a server that looks
 * for a line.
 */
static const uint64_t PRINTABLE = UINT64_C(0x7f7f7f7f7f7f7f7f);
static const uint64_t RAISED = UINT64_C(0x1010101010101010);

/* What eight bytes are after those of X. */
static uint64_t
next_word(uint64_t *x)
{
	uint64_t word = *x += UINT64_C(0x9e3779b97f4a7c15);

	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return ((word ^ word >> 31) & PRINTABLE) | RAISED;
}

/* The cookie, seven bits a byte, and then bytes that follow from it. */
static void
make_message(unsigned char *request, size_t length, uint64_t cookie)
{
	uint64_t x = cookie, word;

	for (size_t i = 0; i < ASK_ECHO; i++)
		request[i] = (unsigned char)(0x80 | (cookie >> 7 * i & 0x7f));
	for (size_t i = ASK_ECHO; i < length; i += sizeof(word)) {
		size_t part =
			length - i < sizeof(word) ? length - i : sizeof(word);

		word = next_word(&x);
		memcpy(request + i, &word, part);
	}
}

static bool
whose_message(const unsigned char *bytes, size_t length, uint64_t *cookie)
{
	*cookie = 0;
	for (size_t i = 0; i < ASK_ECHO && length >= ASK_ECHO; i++)
		*cookie |= (uint64_t)(bytes[i] & 0x7f) << 7 * i;
	return length >= ASK_ECHO;
}

static bool
is_message(const unsigned char *bytes, size_t length)
{
	uint64_t x, word;

	if (!whose_message(bytes, length, &x))
		return false;
	for (size_t i = 0; i < ASK_ECHO; i++)
		if (!(bytes[i] & 0x80))
			return false;
	for (size_t i = ASK_ECHO; i < length; i += sizeof(word)) {
		size_t part =
			length - i < sizeof(word) ? length - i : sizeof(word);

		word = next_word(&x);
		if (memcmp(bytes + i, &word, part) != 0)
			return false;
	}
	return true;
}

static bool
learn_message(struct ask_rule *rule, const unsigned char *bytes, size_t length,
	      int64_t now)
{
	(void)now;
	rule->length = (uint32_t)length;
	return is_message(bytes, length);
}

static enum ask_verdict
check_message(const struct ask_rule *rule, const unsigned char *bytes,
	      size_t length, int64_t now)
{
	(void)now;
	return length == rule->length && is_message(bytes, length) ? ASK_RIGHT
								   : ASK_WRONG;
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

static void
make_packet(unsigned char *request, size_t length, uint64_t cookie)
{
	(void)length;
	sntp_request(request, cookie);
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
		.make = make_packet,
		.whose = whose_packet,
		.learn = learn_packet,
		.check = check_packet,
	},
	{
		.name = "echo",
		.tcp = true,
		.kept = true,
		.make = make_message,
		.whose = whose_message,
		.learn = learn_message,
		.check = check_message,
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
