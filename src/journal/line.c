/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal/line.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#ifdef HAVE_EVTLOG
#include <evtlog.h>
#endif

static const char ident[] = "timed";

/* What would end each part of a line, and so must not stand in it. */
static const char role_special[] = "\\[]:'";
static const char name_special[] = "\\='\",; ";
static const char value_special[] = "\\'";
static const char description_special[] = "\\;";

void
line_open(struct line *line)
{
	memset(line, 0, sizeof(*line));
	/* The options that evtlog takes, so that both builds agree. */
	openlog(ident, LOG_PID | LOG_NOWAIT, LOG_DAEMON);
#ifdef HAVE_EVTLOG
	line->events = evt_ctx_init(ident, LOG_DAEMON);
#endif
}

void
line_close(struct line *line)
{
#ifdef HAVE_EVTLOG
	if (line->events)
		evt_ctx_free(line->events);
#endif
	line->events = NULL;
	closelog();
}

/* The value of the continuation bytes that follow TEXT, or -1. */
static long
continuation(const unsigned char *text, int count, long value)
{
	for (int i = 1; i <= count; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return -1;
		value = value << 6 | (text[i] & 0x3f);
	}
	return value;
}

/*
 * How many bytes the character is that TEXT begins with; 0 when it is none
 * that may be shown: a control (the ones from U+0080 on too, which a terminal
 * obeys as well), or not UTF-8 (RFC 3629).  Stops at the NUL.
 */
static size_t
shown(const unsigned char *text)
{
	long value;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	if (text[0] >= 0xc2 && text[0] <= 0xdf) {
		value = continuation(text, 1, text[0] & 0x1f);
		return value >= 0xa0 ? 2 : 0;
	}
	if (text[0] >= 0xe0 && text[0] <= 0xef) {
		value = continuation(text, 2, text[0] & 0x0f);
		return value >= 0x800 && (value < 0xd800 || value > 0xdfff) ? 3
									    : 0;
	}
	if (text[0] >= 0xf0 && text[0] <= 0xf4) {
		value = continuation(text, 3, text[0] & 0x07);
		return value >= 0x10000 && value <= 0x10ffff ? 4 : 0;
	}
	return 0;
}

size_t
line_clean(char *to, char *text, size_t length)
{
	char after = text[length];
	size_t used = 0;

	/* No character goes on behind the end. */
	text[length] = '\0';
	for (size_t at = 0; at < length;) {
		const unsigned char *byte = (unsigned char *)text + at;
		size_t bytes = shown(byte);

		if (bytes) {
			memcpy(to + used, byte, bytes);
			used += bytes;
			at += bytes;
		} else {
			char escaped[sizeof("\\xNN")];

			snprintf(escaped, sizeof(escaped), "\\x%02x", *byte);
			memcpy(to + used, escaped, 4);
			used += 4;
			at++;
		}
	}
	text[length] = after;
	return used;
}

/* A copy of TEXT that may be shown, without the bytes of SPECIAL. */
static const char *
escape(struct line *line, const char *text, const char *special)
{
	const char *copy = line->escaped + line->used;
	/* A line has room for every record; this holds for records of ours. */
	const size_t end = sizeof(line->escaped) - sizeof("\\xNN");

	if (line->used > end)
		return "";
	while (*text && line->used <= end) {
		const unsigned char *byte = (const unsigned char *)text;
		size_t length = strchr(special, *text) ? 0 : shown(byte);

		if (length) {
			memcpy(line->escaped + line->used, text, length);
			line->used += length;
			text += length;
		} else {
			line->used += (size_t)sprintf(
				line->escaped + line->used, "\\x%02x", *byte);
			text++;
		}
	}
	line->escaped[line->used++] = '\0';
	return copy;
}

/* Append TEXT to the line, or as much as fits. */
static void
add(struct line *line, const char *text)
{
	size_t length = strnlen(text, sizeof(line->bytes) - 1 - line->length);

	memcpy(line->bytes + line->length, text, length);
	line->length += length;
	line->bytes[line->length] = '\0';
}

/* Append the text of the first TAGS tags as evtlog would format it. */
static void
add_text(struct line *line, int tags)
{
	add(line, line->description);
	add(line, ";");
	for (int i = 0; i < tags; i++) {
		add(line, i ? ", " : " ");
		add(line, line->names[i]);
		add(line, "='");
		add(line, line->values[i]);
		add(line, "'");
	}
}

#ifdef HAVE_EVTLOG

/* The event with the first TAGS tags, or NULL when memory is short. */
static EVTREC *
event(struct line *line, int tags)
{
	EVTREC *record;

	if (!line->events)
		return NULL;
	record =
		evt_rec_init(line->events, (int)line->level, line->description);
	for (int i = 0; record && i < tags; i++) {
		EVTTAG *tag = evt_tag_str(line->names[i], line->values[i]);

		if (!tag) {
			evt_rec_free(record);
			return NULL;
		}
		evt_rec_add_tag(record, tag);
	}
	return record;
}

/* False: nothing was added. */
static bool
add_event(struct line *line)
{
	EVTREC *record = event(line, line->tags);
	char *text = record ? evt_format(record) : NULL;

	if (record)
		evt_rec_free(record);
	if (!text)
		return false;
	add(line, text);
	free(text);
	return true;
}

/* False: nothing was sent. */
static bool
send_event(struct line *line)
{
	EVTREC *record = event(line, line->tags + 1);

	/* evt_log() frees the record, whatever becomes of it. */
	return record && evt_log(record);
}

#else

static bool
add_event(struct line *line)
{
	(void)line;
	return false;
}

static bool
send_event(struct line *line)
{
	(void)line;
	return false;
}

#endif

/*
 * The time, which goes first: 2026-11-21T10:02:03.456Z and a space.  It is what
 * its writer says, and so anything.
 */
static void
add_time(struct line *line, int64_t said)
{
	static const int64_t first = INT64_MIN + CLOCK_SECOND;
	int64_t time = said < first ? first : said;
	int64_t boundary = clock_boundary(time, CLOCK_SECOND);
	time_t seconds = (time_t)(boundary / CLOCK_SECOND);
	int milliseconds = (int)((time - boundary) / CLOCK_MILLISECOND);
	char text[64];
	struct tm utc;
	size_t length;

	if (!gmtime_r(&seconds, &utc))
		memset(&utc, 0, sizeof(utc));
	length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, sizeof(text) - length, ".%03dZ ", milliseconds);
	add(line, text);
}

/* The tag that line_syslog() adds holds the writer as the line shows it. */
static void
name_writer(struct line *line, const struct log_header *header)
{
	char text[96];
	const char *role = escape(line, header->role, role_special);

	snprintf(text, sizeof(text), "%s[%d]", role, (int)header->pid);
	line->names[line->tags] = "from";
	line->values[line->tags] = escape(line, text, "");
}

void
line_make(struct line *line, const struct log_parsed *record)
{
	line->level = (enum log_level)record->header.level;
	line->tags = record->tags;
	line->length = 0;
	line->used = 0;
	line->description =
		escape(line, record->description, description_special);
	for (int i = 0; i < record->tags; i++) {
		line->names[i] = escape(line, record->names[i], name_special);
		line->values[i] =
			escape(line, record->values[i], value_special);
	}
	name_writer(line, &record->header);
	add_time(line, record->header.time);
	line->body = line->length;
	add(line, log_level_name(line->level));
	add(line, " ");
	add(line, line->values[line->tags]);
	add(line, ": ");
	if (!add_event(line))
		add_text(line, line->tags);
}

void
line_syslog(struct line *line)
{
	if (send_event(line))
		return;
	line->length = 0;
	add_text(line, line->tags + 1);
	syslog((int)line->level, "%s", line->bytes);
}
