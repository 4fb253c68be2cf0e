/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream: a line with the time at once, and then at every boundary of the
 * interval, for as long as the client stays.
 *
 * The line of a tick shows its boundary, not the moment at which it went
 * out; the first line shows the moment at which the client came.  A client
 * that came after a boundary whose tick is still to be sent has seen that
 * second already: its mark keeps it from getting it twice, from one worker or
 * from two of them.
 */
#include "base/clock.h"
#include "base/pattern.h"
#include "base/zone.h"
#include "service/registry.h"
#include "worker/conn.h"
#include "worker/fanout.h"
#include "worker/ticker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FORMAT_MAX = 128,
	LINE_MAX_LENGTH = 256
};

struct stream_settings {
	char format[FORMAT_MAX];
	char timezone[64];
	double interval;      /* seconds */
	double stall_seconds; /* seconds */
	bool newline;
	bool fraction; /* the line changes within a second */
	struct zone *zone;
};

/* What one worker keeps of it. */
struct stream_state {
	struct message *line;  /* of the last tick */
	int64_t line_at;       /* its boundary */
	struct message *first; /* for those who come within one second */
	int64_t first_second;
	bool first_leap;
};

static const struct stream_settings defaults = {
	.format = "%Y-%m-%d %H:%M:%S",
	.timezone = "local",
	.interval = 1.0,
	.stall_seconds = 30.0,
	.newline = true,
};

#define PLACE(member)                             \
	offsetof(struct stream_settings, member), \
		sizeof(((struct stream_settings *)0)->member)

static const struct setting settings[] = {
	{ "format", SETTING_STRING, PLACE(format), 1, 0, NULL },
	{ "timezone", SETTING_STRING, PLACE(timezone), 1, 0, NULL },
	{ "interval", SETTING_FLOAT, PLACE(interval), 0.05, 86400, NULL },
	{ "stall_seconds", SETTING_FLOAT, PLACE(stall_seconds), 1, 86400,
	  NULL },
	{ "newline", SETTING_BOOL, PLACE(newline), 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

static void
stream_configure(struct service_config *config, config_setting_t *group,
		 struct complaints *complaints)
{
	struct stream_settings *stream = config->settings;
	const char *wrong;

	wrong = pattern_check(stream->format, LINE_MAX_LENGTH - 1);
	if (wrong)
		complain(complaints, settings_place(group, "format"),
			 "format: %s", wrong);
	stream->fraction = pattern_has_fraction(stream->format);
	stream->zone = settings_zone(group, stream->timezone, complaints);
	/* Whole microseconds: a double of seconds has no exact 0.1. */
	config->interval =
		(int64_t)(stream->interval * 1e6 + 0.5) * CLOCK_MICROSECOND;
	config->stall = (uint64_t)(stream->stall_seconds * 1000) *
			(uint64_t)CLOCK_MILLISECOND;
}

static void
stream_release(struct service_config *config)
{
	struct stream_settings *stream = config->settings;

	zone_free(stream->zone);
	stream->zone = NULL;
}

static int
stream_start(struct instance *instance)
{
	instance->state = calloc(1, sizeof(struct stream_state));
	return instance->state ? 0 : -1;
}

static void
stream_stop(struct instance *instance)
{
	struct stream_state *state = instance->state;

	message_drop(state->line);
	message_drop(state->first);
	free(state);
	instance->state = NULL;
}

/* Make the line for AT (CLOCK_REALTIME, nanoseconds) in *SLOT. */
static struct message *
make_line(const struct stream_settings *stream, struct message **slot,
	  int64_t at, bool leap)
{
	struct message *message = message_fresh(slot);
	struct pattern_time time;
	int length;

	if (!message)
		return NULL;
	time.seconds = clock_boundary(at, CLOCK_SECOND) / CLOCK_SECOND;
	time.nanoseconds = (long)(at - time.seconds * CLOCK_SECOND);
	zone_time(stream->zone, time.seconds, &time.tm);
	if (leap)
		time.tm.tm_sec = 60;
	length = pattern_format(message->bytes, LINE_MAX_LENGTH, stream->format,
				&time);
	if (length < 0)
		length = 0;
	if (stream->newline)
		message->bytes[length++] = '\n';
	message->length = (uint32_t)length;
	return message;
}

/* The same for all who come within a second, if they cannot tell. */
static struct message *
first_line(struct instance *instance, int64_t now)
{
	const struct stream_settings *stream = instance->config->settings;
	struct stream_state *state = instance->state;
	int64_t second = clock_boundary(now, CLOCK_SECOND);
	struct message *message;
	bool leap = second / CLOCK_SECOND % 86400 == 86399 &&
		    clock_in_leap_second();

	if (state->first && state->first_second == second &&
	    state->first_leap == leap && !stream->fraction)
		return state->first;
	message = make_line(stream, &state->first, now, leap);
	/* Without memory what is there is still that of its own second. */
	if (message) {
		state->first_second = second;
		state->first_leap = leap;
	}
	return message;
}

static void
stream_open(struct conn *conn)
{
	struct instance *instance = conn->instance;
	int64_t now = clock_realtime();
	struct message *message = first_line(instance, now);
	uint64_t before = conn->bytes_out;
	enum conn_sent sent;

	if (!message) {
		conn_close(conn, CONN_NO_MEMORY);
		return;
	}
	conn->mark = clock_boundary(now, instance->config->interval);
	sent = conn_send(conn, message);
	if (sent == CONN_SENT || sent == CONN_PARTLY) {
		conn->ticks++;
		counter_add(&instance->tally->ticks, 1);
		counter_add(&instance->tally->bytes_out,
			    conn->bytes_out - before);
	}
}

static struct message *
tick_line(struct instance *instance, int64_t boundary, bool leap)
{
	struct stream_state *state = instance->state;
	struct message *message = make_line(instance->config->settings,
					    &state->line, boundary, leap);

	/* Without memory the line is still that of the tick before. */
	if (message)
		state->line_at = boundary;
	return message;
}

static void
stream_tick(struct instance *instance, int64_t boundary, bool leap)
{
	struct message *message = tick_line(instance, boundary, leap);

	if (!message) {
		counter_add(&instance->tally->skipped, instance->member_count);
		return;
	}
	fanout_tick(instance, message, boundary);
}

/*
 * A tick may have passed between the two workers: the client gets the line of
 * the last boundary now.  Those before it are lost, as in a worker that was
 * held up.
 */
static void
stream_resume(struct conn *conn)
{
	struct instance *instance = conn->instance;
	struct stream_state *state = instance->state;
	int64_t last = ticker_last(instance);
	struct message *message;
	uint64_t missed;

	if (conn->mark >= last)
		return;
	missed = (uint64_t)((last - conn->mark) / instance->config->interval);
	message = state->line;
	if (!message || state->line_at != last)
		message = tick_line(instance, last, false);
	missed -= message && missed > 0;
	conn->skipped += (uint32_t)missed;
	counter_add(&instance->tally->skipped, missed);
	if (message)
		fanout_one(conn, message, last);
}

const struct service stream_service = {
	.type = "stream",
	.transports = ADDR_TCP,
	.send_buffer = 32768,
	.unsent = 64,
	.text = true,
	.settings_size = sizeof(struct stream_settings),
	.settings = settings,
	.defaults = &defaults,
	.configure = stream_configure,
	.release = stream_release,
	.start = stream_start,
	.stop = stream_stop,
	.open = stream_open,
	.tick = stream_tick,
	.resume = stream_resume,
};
