/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/ntp_result.h"

#include "base/clock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TIME_TEXT = 48
};

static double
seconds(int64_t nanoseconds)
{
	return (double)nanoseconds / CLOCK_SECOND;
}

/* Seconds with all digits, which a double would not have of long times. */
static const char *
format_seconds(int64_t nanoseconds, bool sign, char text[TIME_TEXT])
{
	uint64_t size = nanoseconds < 0 ? -(uint64_t)nanoseconds
					: (uint64_t)nanoseconds;
	const char *mark = nanoseconds < 0 ? "-" : sign ? "+" : "";

	snprintf(text, TIME_TEXT, "%s%" PRIu64 ".%09" PRIu64, mark,
		 size / CLOCK_SECOND, size % CLOCK_SECOND);
	return text;
}

/* The time of the server's clock when it was set last; NULL: never. */
static const char *
format_reference(const struct ntp_result *result, char text[TIME_TEXT])
{
	int64_t since = sntp_to_unix(result->reply.reference, result->arrived);
	int64_t second = clock_boundary(since, CLOCK_SECOND);
	time_t clock = (time_t)(second / CLOCK_SECOND);
	struct tm when;
	size_t length;

	if (result->reply.reference == 0)
		return NULL;
	gmtime_r(&clock, &when);
	length = strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &when);
	snprintf(text + length, TIME_TEXT - length, ".%03dZ",
		 (int)((since - second) / CLOCK_MILLISECOND));
	return text;
}

void
ntp_result_open(const struct client *client, struct ntp_result *result)
{
	memset(result, 0, sizeof(*result));
	result->verdict = SNTP_BOGUS;
	if (client->json)
		result->samples = json_array();
}

void
ntp_result_lost(struct client *client, struct ntp_result *result)
{
	result->asked++;
	if (client->json)
		json_array_append_new(result->samples,
				      json_pack("{s:b}", "lost", true));
	else if (result->answered > 0 || client->limit > 1)
		client_print(client, "sample %" PRIu64 "  lost\n",
			     result->asked);
}

void
ntp_result_kiss(struct client *client, struct ntp_result *result,
		const struct sntp_reply *reply)
{
	char refid[SNTP_REFID_TEXT];

	result->asked++;
	result->answered++;
	result->kissed = true;
	result->kiss = *reply;
	sntp_refid(reply, refid);
	if (client->json)
		json_array_append_new(result->samples,
				      json_pack("{s:s}", "kiss", refid));
	else
		client_print(client, "sample %" PRIu64 "  kiss-of-death %s\n",
			     result->asked, refid);
	client_complain("%s asks to be left alone: kiss-of-death %s",
			result->address, refid);
}

static void
tell_sample(struct client *client, const struct ntp_result *result,
	    const struct sntp_reply *reply, enum sntp_verdict verdict,
	    const struct sntp_sample *sample)
{
	char offset[TIME_TEXT], delay[TIME_TEXT];

	if (client->json) {
		json_array_append_new(
			result->samples,
			json_pack("{s:f, s:f, s:i, s:b}", "offset_seconds",
				  seconds(sample->offset), "delay_seconds",
				  seconds(sample->delay), "stratum",
				  (int)reply->stratum, "synchronised",
				  verdict == SNTP_GOOD));
		return;
	}
	client_print(
		client,
		"sample %" PRIu64 "  offset %s s  delay %s s  stratum %u"
		"%s\n",
		result->asked, format_seconds(sample->offset, true, offset),
		format_seconds(sample->delay, false, delay), reply->stratum,
		verdict == SNTP_GOOD ? "" : "  unsynchronised");
}

void
ntp_result_add(struct client *client, struct ntp_result *result,
	       const struct sntp_reply *reply, enum sntp_verdict verdict,
	       int64_t arrived, const struct sntp_sample *sample)
{
	double past;

	result->asked++;
	result->answered++;
	result->good += verdict == SNTP_GOOD;
	tell_sample(client, result, reply, verdict, sample);
	/* One of a synchronised clock is worth more than all the others. */
	if (verdict < result->verdict) {
		result->verdict = verdict;
		result->count = 0;
	}
	if (verdict > result->verdict)
		return;
	if (result->count == 0) {
		result->first = sample->offset;
		result->sum = result->squares = 0;
	}
	if (result->count == 0 || sample->delay < result->best.delay) {
		result->reply = *reply;
		result->best = *sample;
		result->arrived = arrived;
	}
	past = seconds(sample->offset - result->first);
	result->sum += past;
	result->squares += past * past;
	result->count++;
}

double
ntp_result_jitter(const struct ntp_result *result)
{
	double best = seconds(result->best.offset - result->first);
	double count = (double)result->count;
	double all =
		result->squares - 2 * best * result->sum + count * best * best;

	return result->count < 2 || all < 0 ? 0 : sqrt(all / (count - 1));
}

/* What the server says of its clock. */
static void
show_server(struct client *client, const struct ntp_result *result)
{
	const struct sntp_reply *reply = &result->reply;
	char refid[SNTP_REFID_TEXT];
	char first[TIME_TEXT], second[TIME_TEXT], third[TIME_TEXT];
	const char *reference = format_reference(result, first);

	sntp_refid(reply, refid);
	client_print(client, "server     %s  version %u  stratum %u\n",
		     result->address, reply->version, reply->stratum);
	client_print(client, "clock      %s  leap %s\n",
		     result->verdict == SNTP_GOOD ? "synchronised"
						  : "unsynchronised",
		     sntp_leap(reply->leap));
	client_print(client, "reference  %s  %s\n", refid,
		     reference ? reference : "never");
	client_print(client,
		     "root       delay %s s  dispersion %s s  distance %s s\n",
		     format_seconds(reply->root_delay, false, first),
		     format_seconds(reply->root_dispersion, false, second),
		     format_seconds(sntp_root_distance(reply, &result->best),
				    false, third));
	client_print(client, "precision  %.9f s (2^%d)\n",
		     sntp_precision(reply->precision), reply->precision);
}

static void
show_best(struct client *client, const struct ntp_result *result)
{
	char offset[TIME_TEXT], delay[TIME_TEXT];

	client_print(client,
		     "samples    asked %" PRIu64 "  answered %" PRIu64
		     "  good %" PRIu64 "\n",
		     result->asked, result->answered, result->good);
	client_print(client,
		     "best       offset %s s  delay %s s  jitter %.9f s\n",
		     format_seconds(result->best.offset, true, offset),
		     format_seconds(result->best.delay, false, delay),
		     ntp_result_jitter(result));
}

static json_t *
pack_head(const struct ntp_result *result)
{
	char refid[SNTP_REFID_TEXT] = "";

	if (result->kissed)
		sntp_refid(&result->kiss, refid);
	return json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:b, s:s?}", "mode", "ntp",
		"address", result->address, "asked", (json_int_t)result->asked,
		"answered", (json_int_t)result->answered, "good",
		(json_int_t)result->good, "synchronised", result->good > 0,
		"kiss", result->kissed ? refid : NULL);
}

static json_t *
pack_server(const struct ntp_result *result)
{
	const struct sntp_reply *reply = &result->reply;
	char refid[SNTP_REFID_TEXT];
	char text[TIME_TEXT];

	sntp_refid(reply, refid);
	return json_pack(
		"{s:i, s:i, s:s, s:s, s:s?, s:f, s:f, s:f, s:i, s:f, s:f, s:f}",
		"version", (int)reply->version, "stratum", (int)reply->stratum,
		"leap", sntp_leap(reply->leap), "reference_id", refid,
		"reference_time", format_reference(result, text),
		"root_delay_seconds", seconds(reply->root_delay),
		"root_dispersion_seconds", seconds(reply->root_dispersion),
		"root_distance_seconds",
		seconds(sntp_root_distance(reply, &result->best)), "precision",
		reply->precision, "offset_seconds",
		seconds(result->best.offset), "delay_seconds",
		seconds(result->best.delay), "jitter_seconds",
		ntp_result_jitter(result));
}

static void
show_json(struct client *client, struct ntp_result *result)
{
	json_t *object = pack_head(result);

	if (result->count > 0)
		json_object_update_new(object, pack_server(result));
	json_object_set_new(object, "samples", result->samples);
	result->samples = NULL;
	client_json(client, object);
}

void
ntp_result_show(struct client *client, struct ntp_result *result)
{
	if (result->count > 0 && result->verdict != SNTP_GOOD)
		client_complain("%s is not synchronised", result->address);
	if (client->json && result->answered > 0) {
		show_json(client, result);
	} else if (!client->json && result->count > 0) {
		show_server(client, result);
		show_best(client, result);
	}
	json_decref(result->samples);
	result->samples = NULL;
}
