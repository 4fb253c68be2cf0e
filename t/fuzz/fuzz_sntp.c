/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server of NTP answers to timec and timebench: whatever it is, it is
 * judged, and what is made of a good one are numbers and text with an end.
 */
#include "base/clock.h"
#include "tools/sntp.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use(const struct sntp_reply *reply)
{
	const int64_t sent = clock_realtime();
	struct sntp_sample sample;
	char refid[SNTP_REFID_TEXT];

	sntp_measure(reply, sent, sent + CLOCK_SECOND, &sample);
	if (sntp_root_distance(reply, &sample) < 0)
		abort();
	sntp_refid(reply, refid);
	if (!memchr(refid, '\0', sizeof(refid)) || !sntp_leap(reply->leap))
		abort();
}

/* The first eight bytes: what was sent. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sntp_reply reply;
	const char *why = NULL;
	unsigned char *bytes;
	uint64_t cookie;

	if (size < sizeof(cookie))
		return 0;
	memcpy(&cookie, data, sizeof(cookie));
	size -= sizeof(cookie);
	bytes = malloc(size + !size);
	memcpy(bytes, data + sizeof(cookie), size);
	if (sntp_check(bytes, size, cookie, &reply, &why) != SNTP_BOGUS)
		use(&reply);
	else if (!why)
		abort();
	free(bytes);
	return 0;
}
