/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What timec ntp found: a line for each sample as it comes, and then what all
 * of them say; or one JSON object at the end.
 */
#ifndef TIMED_TOOLS_NTP_RESULT_H
#define TIMED_TOOLS_NTP_RESULT_H

#include "tools/client.h"
#include "tools/sntp.h"

#include <jansson.h>

struct ntp_result {
	char address[ADDR_TEXT];
	uint64_t asked;
	uint64_t answered; /* with a time or a kiss */
	uint64_t good;	   /* with the time of a synchronised clock */
	bool kissed;
	struct sntp_reply kiss;
	/*
	 * The samples of the best verdict, and the one with the smallest delay
	 * of them.
	 */
	uint64_t count;
	enum sntp_verdict verdict;
	struct sntp_reply reply;
	struct sntp_sample best;
	int64_t arrived; /* the best one */
	/* Of their offsets less the first one, seconds. */
	int64_t first;
	double sum, squares;
	json_t *samples; /* an array; NULL unless JSON is wanted */
};

void ntp_result_open(const struct client *client, struct ntp_result *result);

/* No answer came. */
void ntp_result_lost(struct client *client, struct ntp_result *result);

void ntp_result_kiss(struct client *client, struct ntp_result *result,
		     const struct sntp_reply *reply);

/* ARRIVED: nanoseconds since the epoch. */
void ntp_result_add(struct client *client, struct ntp_result *result,
		    const struct sntp_reply *reply, enum sntp_verdict verdict,
		    int64_t arrived, const struct sntp_sample *sample);

/*
 * Root mean square of how far the other samples are from the best one, seconds
 * (RFC 5905, 10); 0 when there is none.
 */
double ntp_result_jitter(const struct ntp_result *result);

/* All of it, and then RESULT holds nothing. */
void ntp_result_show(struct client *client, struct ntp_result *result);

#endif
