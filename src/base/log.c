/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	KINDS_MAX = 64
};

/*
 * The rate bound of one kind, a token bucket whose tokens are time: it fills
 * by a nanosecond each nanosecond, holds one second, and a record takes out
 * a second divided by the rate.
 */
struct bucket {
	uint64_t filled;   /* when, CLOCK_MONOTONIC */
	uint64_t credit;   /* nanoseconds */
	uint64_t left_out; /* records, not yet said */
};

/* The one log of the process; log.h says why it is a static. */
static struct {
	int fd;
	enum log_level level;
	unsigned rate;
	int count;
	const struct log_kind *kinds;
	char role[sizeof(((struct log_header *)0)->role)];
	uint64_t lost;
	uint64_t limited;
	uint64_t unsaid; /* of the lost ones, those that nobody was told of */
	struct bucket buckets[KINDS_MAX];
} writer = { .fd = -1 };

void
log_open(int fd, const char *role, const struct log_kind *kinds, int count,
	 enum log_level level, unsigned rate)
{
	uint64_t now = clock_monotonic();

	memset(&writer, 0, sizeof(writer));
	writer.fd = fd;
	writer.kinds = kinds;
	writer.count = count < KINDS_MAX ? count : KINDS_MAX;
	snprintf(writer.role, sizeof(writer.role), "%s", role);
	for (int i = 0; i < KINDS_MAX; i++) {
		writer.buckets[i].filled = now;
		writer.buckets[i].credit = (uint64_t)CLOCK_SECOND;
	}
	log_configure(level, rate);
}

int
log_fd(void)
{
	return writer.fd;
}

void
log_close(void)
{
	writer.fd = -1;
}

void
log_configure(enum log_level level, unsigned rate)
{
	writer.level = level;
	writer.rate = rate;
}

/* Whether one more record may be written; counts it when not. */
static bool
bucket_take(struct bucket *bucket)
{
	uint64_t now = clock_monotonic();
	uint64_t cost;

	if (writer.rate == 0)
		return true;
	cost = (uint64_t)CLOCK_SECOND / writer.rate;
	bucket->credit += now - bucket->filled;
	bucket->filled = now;
	if (bucket->credit > (uint64_t)CLOCK_SECOND)
		bucket->credit = (uint64_t)CLOCK_SECOND;
	if (bucket->credit >= cost) {
		bucket->credit -= cost;
		return true;
	}
	bucket->left_out++;
	writer.limited++;
	return false;
}

/* Append TEXT and its NUL, or as much as fits. */
static void
append(struct log_record *record, const char *text)
{
	size_t room = sizeof(record->bytes) - record->length;
	size_t length = strnlen(text, room - 1);

	memcpy(record->bytes + record->length, text, length);
	record->bytes[record->length + length] = '\0';
	record->length += (uint16_t)(length + 1);
}

static void
start(struct log_record *record, enum log_level level, const char *description)
{
	struct log_header *header = &record->header;

	/* The padding goes through the pipe as well. */
	memset(header, 0, sizeof(*header));
	header->magic = LOG_MAGIC;
	header->level = (uint8_t)level;
	header->pid = (int32_t)getpid();
	header->time = clock_realtime();
	memcpy(header->role, writer.role, sizeof(header->role));
	record->length = sizeof(*header);
	append(record, description);
	record->wanted = true;
}

bool
log_begin(struct log_record *record, int kind)
{
	record->wanted = false;
	if (writer.fd < 0 || kind < 0 || kind >= writer.count ||
	    writer.kinds[kind].level > writer.level)
		return false;
	if (bucket_take(&writer.buckets[kind]))
		start(record, writer.kinds[kind].level,
		      writer.kinds[kind].description);
	return record->wanted;
}

/*
 * The length of TEXT without the character that a cut at LENGTH went
 * through.  Text that is not UTF-8 loses three bytes at most.
 */
static size_t
whole_characters(const char *text, size_t length)
{
	size_t start_of_last = length;

	for (int i = 0; i < 4 && start_of_last > 0; i++) {
		unsigned char byte = (unsigned char)text[--start_of_last];

		if (byte < 0x80)
			break;
		if (byte >= 0xc0) {
			size_t wanted = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;

			if (start_of_last + wanted > length)
				return start_of_last;
			break;
		}
	}
	return length;
}

static void tag(struct log_record *record, const char *name, const char *format,
		va_list arguments) __attribute__((format(printf, 3, 0)));

static void
tag(struct log_record *record, const char *name, const char *format,
    va_list arguments)
{
	size_t name_size = strlen(name) + 1;
	size_t room = sizeof(record->bytes) - record->length;
	size_t length;
	char *value;
	int wanted;

	/* A name that is cut would be another name. */
	if (record->header.tags >= LOG_TAGS_MAX || name_size >= room)
		return;
	append(record, name);
	room -= name_size;
	value = record->bytes + record->length;
	wanted = vsnprintf(value, room, format, arguments);
	if (wanted < 0)
		value[0] = '\0';
	/* Not what vsnprintf returned: %c may have written a NUL. */
	length = strnlen(value, room - 1);
	if (wanted > 0 && (size_t)wanted >= room)
		length = whole_characters(value, length);
	value[length] = '\0';
	record->length += (uint16_t)(length + 1);
	record->header.tags++;
}

void
log_tag(struct log_record *record, const char *name, const char *format, ...)
{
	va_list arguments;

	if (!record->wanted)
		return;
	va_start(arguments, format);
	tag(record, name, format, arguments);
	va_end(arguments);
}

/* Whether the pipe took it. */
static bool
put(struct log_record *record)
{
	int error = errno;
	ssize_t written;

	record->wanted = false;
	record->header.length = record->length;
	do {
		written = write(writer.fd, record->bytes, record->length);
	} while (written < 0 && errno == EINTR);
	errno = error;
	return written == record->length;
}

void
log_end(struct log_record *record)
{
	if (!record->wanted || put(record))
		return;
	writer.lost++;
	writer.unsaid++;
}

void
log_event(int kind, const char *name, const char *format, ...)
{
	struct log_record record;
	va_list arguments;

	if (!log_begin(&record, kind))
		return;
	va_start(arguments, format);
	tag(&record, name, format, arguments);
	va_end(arguments);
	log_end(&record);
}

/* Both go past level and rate: the log must not be silent about its gaps. */

static bool
say_lost(void)
{
	struct log_record record;

	start(&record, LOG_LEVEL_WARNING, "log records lost");
	log_tag(&record, "count", "%llu", (unsigned long long)writer.unsaid);
	return put(&record);
}

static bool
say_left_out(int kind)
{
	struct log_record record;

	start(&record, LOG_LEVEL_WARNING, "log records left out");
	log_tag(&record, "event", "%s", writer.kinds[kind].description);
	log_tag(&record, "count", "%llu",
		(unsigned long long)writer.buckets[kind].left_out);
	return put(&record);
}

void
log_flush(void)
{
	if (writer.fd < 0)
		return;
	if (writer.unsaid) {
		if (!say_lost())
			return;
		writer.unsaid = 0;
	}
	for (int i = 0; i < writer.count; i++) {
		if (writer.buckets[i].left_out == 0)
			continue;
		if (!say_left_out(i))
			return;
		writer.buckets[i].left_out = 0;
	}
}

uint64_t
log_lost(void)
{
	return writer.lost;
}

uint64_t
log_limited(void)
{
	return writer.limited;
}
