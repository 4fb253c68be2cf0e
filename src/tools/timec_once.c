/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/timec_once.h"

#include "base/clock.h"
#include "tools/datagram.h"
#include "tools/since1900.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

struct answer {
	char address[ADDR_TEXT];
	char bytes[DATAGRAM_MAX];
	size_t length;
	int64_t arrived; /* nanoseconds, realtime */
};

/* One protocol. */
struct once {
	size_t most;	  /* bytes that an answer can have */
	size_t enough;	  /* do not wait for the end after so many; 0: do */
	const char *none; /* what is wrong when nothing came */
	/* Show it; false, having said so, when it is not as it should be. */
	bool (*show)(struct client *client, const struct answer *answer);
};

/* Read until the server closes or there is enough.  0, or -1 with errno. */
static int
read_answer(struct client *client, const struct once *once, int fd,
	    struct answer *answer)
{
	uint64_t start = clock_monotonic();

	answer->length = 0;
	while (answer->length < sizeof(answer->bytes) &&
	       (once->enough == 0 || answer->length < once->enough)) {
		uint64_t past = clock_monotonic() - start;
		int left = client->patience - (int)(past / CLOCK_MILLISECOND);
		int ready =
			client_await(client, fd, POLLIN, left < 0 ? 0 : left);
		ssize_t n;

		errno = ETIMEDOUT;
		if (ready <= 0)
			return -1;
		n = read(fd, answer->bytes + answer->length,
			 sizeof(answer->bytes) - answer->length);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -1;
		if (answer->length == 0)
			answer->arrived = clock_realtime();
		if (n == 0)
			return 0;
		answer->length += (size_t)n;
	}
	return 0;
}

enum outcome {
	NOBODY,	  /* there is nothing to talk to */
	NOTHING,  /* it said nothing, or not all of it */
	ANSWERED, /* and here it is */
};

static enum outcome
ask_tcp(struct client *client, const struct once *once, struct answer *answer)
{
	struct addr address;
	int fd = client_connect(client, &address);
	int status;

	if (fd < 0)
		return NOBODY;
	addr_format(&address, answer->address);
	status = read_answer(client, once, fd, answer);
	if (status < 0 && !client->done)
		client_complain("%s: no answer: %s", answer->address,
				strerror(errno));
	close(fd);
	return status < 0 ? NOTHING : ANSWERED;
}

static enum outcome
ask_udp(struct client *client, struct datagram *datagram, struct answer *answer)
{
	if (!datagram_ask(client, datagram))
		return NOBODY;
	addr_format(&datagram->addresses[0], answer->address);
	answer->length = datagram->length;
	answer->arrived = datagram->arrived;
	memcpy(answer->bytes, datagram->bytes, sizeof(answer->bytes));
	return ANSWERED;
}

static bool
show(struct client *client, const struct once *once,
     const struct answer *answer)
{
	if (answer->length == 0) {
		client_complain("%s: %s", answer->address, once->none);
		return false;
	}
	if (answer->length > once->most) {
		client_complain("%s: more than %zu bytes came", answer->address,
				once->most);
		return false;
	}
	return once->show(client, answer);
}

static int
run(struct client *client, const struct once *once)
{
	struct datagram datagram = { .request = NULL };
	struct answer answer;
	uint64_t asked = 0, answered = 0, good = 0;
	uint64_t limit = client->limit ? client->limit : 1;

	if (client->udp && datagram_open(client, &datagram) < 0)
		return EX_UNAVAILABLE;
	while (asked < limit && !client->done) {
		enum outcome outcome;

		if (asked++ > 0 &&
		    client_await(client, -1, 0, client->interval) < 0)
			break;
		outcome = client->udp ? ask_udp(client, &datagram, &answer)
				      : ask_tcp(client, once, &answer);
		answered += outcome != NOBODY;
		if (outcome == ANSWERED && !client->done)
			good += show(client, once, &answer);
	}
	if (client->done)
		return client->status;
	if (answered == 0)
		return EX_UNAVAILABLE;
	return good == limit ? 0 : CLIENT_FAILED;
}

static bool
show_daytime(struct client *client, const struct answer *answer)
{
	const char *bytes = answer->bytes;
	size_t length = answer->length;
	char text[4 * DATAGRAM_MAX + 1];
	size_t n;

	if (client_refused(answer->address, bytes, length))
		return false;
	/* NIST's servers begin with an empty line. */
	while (length > 0 && (*bytes == '\r' || *bytes == '\n')) {
		bytes++;
		length--;
	}
	while (length > 0 &&
	       (bytes[length - 1] == '\r' || bytes[length - 1] == '\n'))
		length--;
	if (client->json) {
		n = client_escape(text, bytes, length);
		return client_json(client,
				   json_pack("{s:s, s:s, s:s%}", "mode",
					     "daytime", "address",
					     answer->address, "text", text, n));
	}
	n = client_text(client, text, bytes, length);
	text[n++] = '\n';
	client_write(client, text, n);
	return true;
}

static bool
show_time(struct client *client, const struct answer *answer)
{
	int64_t now = answer->arrived;
	uint32_t wire;
	int64_t seconds;
	double difference;
	struct tm when;
	time_t clock;
	char text[64];

	if (answer->length != sizeof(wire)) {
		client_complain("%s: %zu bytes came, not 4", answer->address,
				answer->length);
		return false;
	}
	memcpy(&wire, answer->bytes, sizeof(wire));
	wire = be32toh(wire);
	seconds = since1900_unix(wire, now / CLOCK_SECOND);
	difference = (double)(seconds * CLOCK_SECOND - now) / CLOCK_SECOND;
	clock = (time_t)seconds;
	gmtime_r(&clock, &when);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &when);
	if (client->json)
		return client_json(
			client,
			json_pack("{s:s, s:s, s:s, s:I, s:f, s:I, s:i}", "mode",
				  "time", "address", answer->address, "time",
				  text, "unix", (json_int_t)seconds,
				  "difference_seconds", difference, "seconds",
				  (json_int_t)wire, "era",
				  since1900_era(seconds)));
	client_print(client,
		     "%s  difference %+.3f s  seconds %" PRIu32 "  era %d\n",
		     text, difference, wire, since1900_era(seconds));
	return true;
}

int
timec_daytime(struct client *client)
{
	static const struct once daytime = {
		.most = DATAGRAM_MAX - 1,
		.none = "it sent no line",
		.show = show_daytime,
	};

	return run(client, &daytime);
}

int
timec_time(struct client *client)
{
	static const struct once time = {
		.most = DATAGRAM_MAX,
		.enough = sizeof(uint32_t),
		.none = "it sent no time",
		.show = show_time,
	};

	return run(client, &time);
}
