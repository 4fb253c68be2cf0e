/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daytime: the time as text, once (RFC 867): one line, and CR LF.
 *
 * All who ask within a second are sent the same line, which is made for the
 * first of them.  A format with a fraction of the second is the exception, and
 * of NIST's the part that says how long before its second it was sent.
 */
#include "base/clock.h"
#include "base/pattern.h"
#include "base/zone.h"
#include "service/nist.h"
#include "service/registry.h"
#include "worker/datagrams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FORMAT_MAX = 128,
	LINE_MAX_LENGTH = 126, /* without its end */
};

enum format {
	FORMAT_PATTERN,
	FORMAT_RFC3339,
	FORMAT_NIST,
};

struct daytime_settings {
	char format[FORMAT_MAX];
	char timezone[64];
	bool low_ports;
	enum format kind;
	const char *pattern;
	bool fraction; /* the line changes within a second */
	struct zone *zone;
};

/* The last line, and when it is right. */
struct daytime_state {
	int64_t second;		  /* that the clock shows */
	struct clock_state clock; /* in it */
	struct nist_second shown;
	size_t length; /* 0: there is none */
	char line[LINE_MAX_LENGTH + 3];
};

static const struct daytime_settings defaults = {
	.format = "unix",
	.timezone = "local",
};

#define PLACE(member)                              \
	offsetof(struct daytime_settings, member), \
		sizeof(((struct daytime_settings *)0)->member)

static const struct setting settings[] = {
	{ "format", SETTING_STRING, PLACE(format), 1, 0, NULL },
	{ "timezone", SETTING_STRING, PLACE(timezone), 1, 0, NULL },
	{ "low_ports", SETTING_BOOL, PLACE(low_ports), 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

/* Formats that have a name; "unix" is as ctime(3) has it. */
static const struct {
	const char *name;
	enum format kind;
	const char *pattern;
} named[] = {
	{ "unix", FORMAT_PATTERN, "%a %b %e %H:%M:%S %Y" },
	{ "rfc3339", FORMAT_RFC3339, "%Y-%m-%dT%H:%M:%S" },
	{ "nist", FORMAT_NIST, "" },
};

/* What is wrong with a pattern, or NULL. */
static const char *
fault_of(const char *pattern)
{
	struct pattern_time sometime = { .seconds = 0 };
	char line[LINE_MAX_LENGTH + 1];
	const char *wrong;

	if (!strchr(pattern, '%'))
		return "must be \"unix\", \"rfc3339\", \"nist\" or a pattern "
		       "with a %";
	wrong = pattern_check(pattern, LINE_MAX_LENGTH);
	if (wrong)
		return wrong;
	sometime.tm.tm_mday = 1;
	sometime.tm.tm_zone = "UTC";
	if (pattern_format(line, sizeof(line), pattern, &sometime) >= 0 &&
	    strpbrk(line, "\r\n"))
		return "must be one line";
	return NULL;
}

static void
find_format(struct daytime_settings *daytime)
{
	daytime->kind = FORMAT_PATTERN;
	daytime->pattern = daytime->format;
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (strcmp(daytime->format, named[i].name) == 0) {
			daytime->kind = named[i].kind;
			daytime->pattern = named[i].pattern;
			return;
		}
}

static void
daytime_configure(struct service_config *config, config_setting_t *group,
		  struct complaints *complaints)
{
	struct daytime_settings *daytime = config->settings;
	const char *wrong;

	find_format(daytime);
	if (daytime->pattern == daytime->format) {
		wrong = fault_of(daytime->format);
		if (wrong)
			complain(complaints, settings_place(group, "format"),
				 "format: %s", wrong);
	}
	daytime->fraction = pattern_has_fraction(daytime->pattern);
	daytime->zone = settings_zone(group, daytime->timezone, complaints);
	config->no_low_ports = !daytime->low_ports;
}

static void
daytime_release(struct service_config *config)
{
	struct daytime_settings *daytime = config->settings;

	zone_free(daytime->zone);
	daytime->zone = NULL;
}

static int
daytime_start(struct instance *instance)
{
	instance->state = calloc(1, sizeof(struct daytime_state));
	return instance->state ? 0 : -1;
}

static void
daytime_stop(struct instance *instance)
{
	free(instance->state);
	instance->state = NULL;
}

/* "Z" or "+hh:mm" at the end of LINE; its length (RFC 3339 5.6). */
static int
add_offset(char *line, int length, long offset)
{
	long minutes = labs(offset) / 60;
	size_t room = (size_t)(LINE_MAX_LENGTH + 1 - length);

	if (offset == 0)
		return length + snprintf(line + length, room, "Z");
	return length + snprintf(line + length, room, "%c%02ld:%02ld",
				 offset < 0 ? '-' : '+', minutes / 60,
				 minutes % 60);
}

static void
make_line(const struct daytime_settings *daytime, struct daytime_state *state,
	  int64_t now)
{
	struct pattern_time time = { .seconds = state->second };
	int length;

	if (daytime->kind == FORMAT_NIST) {
		nist_line(state->line, &state->shown, &state->clock,
			  daytime->zone);
		length = NIST_LENGTH;
	} else {
		zone_time(daytime->zone, state->second, &time.tm);
		if (state->clock.in_leap_second)
			time.tm.tm_sec = 60;
		time.nanoseconds = (long)(now - state->second * CLOCK_SECOND);
		length = pattern_format(state->line, LINE_MAX_LENGTH + 1,
					daytime->pattern, &time);
		if (length < 0)
			length = 0;
		if (daytime->kind == FORMAT_RFC3339)
			length = add_offset(state->line, length,
					    time.tm.tm_gmtoff);
	}
	memcpy(state->line + length, "\r\n", 2);
	state->length = (size_t)length + 2;
}

/* Look at the clock; whether the line is another one than it was. */
static bool
look(const struct daytime_settings *daytime, struct daytime_state *state,
     int64_t now)
{
	int64_t second = clock_boundary(now, CLOCK_SECOND) / CLOCK_SECOND;
	bool changed = state->length == 0 || second != state->second;
	struct nist_second shown;

	/* An inserted second has the number of the one before. */
	if (changed || second % 86400 == 86399) {
		bool leap = state->clock.in_leap_second;

		state->second = second;
		state->clock = clock_state();
		changed |= leap != state->clock.in_leap_second;
	}
	if (daytime->kind == FORMAT_NIST) {
		shown = nist_next(now, &state->clock);
		changed |= shown.seconds != state->shown.seconds ||
			   shown.leap != state->shown.leap;
		state->shown = shown;
	}
	return changed || daytime->fraction;
}

static size_t
daytime_once(struct instance *instance, char *reply)
{
	const struct daytime_settings *daytime = instance->config->settings;
	struct daytime_state *state = instance->state;
	int64_t now = clock_realtime();

	if (look(daytime, state, now))
		make_line(daytime, state, now);
	else if (daytime->kind == FORMAT_NIST)
		nist_advance(state->line, &state->shown);
	memcpy(reply, state->line, state->length);
	return state->length;
}

/* Whatever is in it, it is a request. */
static size_t
daytime_datagram(struct instance *instance, const struct datagram *datagram,
		 char *reply)
{
	(void)datagram;
	return daytime_once(instance, reply);
}

const struct service daytime_service = {
	.type = "daytime",
	.transports = ADDR_TCP | ADDR_UDP,
	.text = true,
	.settings_size = sizeof(struct daytime_settings),
	.settings = settings,
	.defaults = &defaults,
	.configure = daytime_configure,
	.release = daytime_release,
	.start = daytime_start,
	.stop = daytime_stop,
	.datagram = daytime_datagram,
	.once = daytime_once,
};
