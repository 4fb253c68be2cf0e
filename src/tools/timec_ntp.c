/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/timec_ntp.h"

#include "base/clock.h"
#include "tools/datagram.h"
#include "tools/ntp_result.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

struct query {
	uint64_t cookie;
	struct sntp_reply reply;
	enum sntp_verdict verdict;
};

static const char *
refuse(void *context, const unsigned char *bytes, size_t length)
{
	struct query *query = context;
	const char *why;

	query->verdict =
		sntp_check(bytes, length, query->cookie, &query->reply, &why);
	return why;
}

/* Ask once, and add what comes of it to RESULT; false: do not ask again. */
static bool
ask(struct client *client, struct datagram *datagram, struct query *query,
    struct ntp_result *result)
{
	unsigned char packet[SNTP_BYTES];
	struct sntp_sample sample;

	if (getrandom(&query->cookie, sizeof(query->cookie), 0) !=
	    sizeof(query->cookie)) {
		client_complain("no random number: %s", strerror(errno));
		client_stop(client, CLIENT_FAILED);
		return false;
	}
	sntp_request(packet, query->cookie);
	datagram->request = packet;
	if (!datagram_ask(client, datagram)) {
		if (!client->done)
			ntp_result_lost(client, result);
		return !client->done;
	}
	addr_format(&datagram->addresses[0], result->address);
	if (query->verdict == SNTP_KISS) {
		ntp_result_kiss(client, result, &query->reply);
		return false;
	}
	sntp_measure(&query->reply, datagram->sent, datagram->arrived, &sample);
	ntp_result_add(client, result, &query->reply, query->verdict,
		       datagram->arrived, &sample);
	return true;
}

int
timec_ntp(struct client *client)
{
	struct query query;
	struct datagram datagram = {
		.request_length = SNTP_BYTES,
		.refuse = refuse,
		.context = &query,
	};
	struct ntp_result result;
	uint64_t limit = client->limit ? client->limit : 1;
	uint64_t asked = 0;

	if (datagram_open(client, &datagram) < 0)
		return EX_UNAVAILABLE;
	ntp_result_open(client, &result);
	while (asked++ < limit)
		if ((asked > 1 &&
		     client_await(client, -1, 0, client->interval) < 0) ||
		    !ask(client, &datagram, &query, &result))
			break;
	if (client->done && client->status != 0)
		return client->status;
	if (client->done)
		client_resume(client);
	ntp_result_show(client, &result);
	if (client->done)
		return client->status;
	if (result.answered == 0)
		return EX_UNAVAILABLE;
	return result.good == result.asked ? 0 : CLIENT_FAILED;
}
