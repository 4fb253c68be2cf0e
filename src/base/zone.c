/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/zonerule.h"

enum {
	FILE_MAX = 1 << 16, /* bytes; the largest real one has under 5,000 */
	HEADER = 44,	    /* bytes, RFC 8536 3.1 */
	TYPES_MAX = 256,    /* a transition names its type with one byte */
	DAY = 86400,
};

struct zone {
	size_t changes;
	int64_t *when;	/* ascending */
	uint8_t *which; /* the type from then on */
	struct zonerule_type *types;
	bool ruled; /* after the last change, RULE */
	struct zonerule rule;
};

/* The counts of a header, each to be believed only as far as bytes follow. */
struct layout {
	char version;
	uint32_t isut, isstd, leap, time, type, chars;
	size_t width; /* bytes of a time: 4 or 8 */
};

static int64_t
big_endian(const uint8_t *bytes, size_t width)
{
	uint64_t value = 0;

	for (size_t i = 0; i < width; i++)
		value = value << 8 | bytes[i];
	return width == 4 ? (int32_t)(uint32_t)value : (int64_t)value;
}

static bool
read_layout(const uint8_t *data, size_t size, size_t width,
	    struct layout *layout)
{
	uint32_t counts[6];

	if (size < HEADER || memcmp(data, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < 6; i++)
		counts[i] = (uint32_t)big_endian(data + 20 + 4 * i, 4);
	*layout = (struct layout){
		.version = (char)data[4],
		.isut = counts[0],
		.isstd = counts[1],
		.leap = counts[2],
		.time = counts[3],
		.type = counts[4],
		.chars = counts[5],
		.width = width,
	};
	return true;
}

/* The bytes of the data block; 64 bits hold the sum of any 32-bit counts. */
static uint64_t
block_size(const struct layout *layout)
{
	uint64_t times = (uint64_t)layout->time * (layout->width + 1);
	uint64_t leaps = (uint64_t)layout->leap * (layout->width + 4);

	return times + leaps + (uint64_t)layout->type * 6 + layout->chars +
	       layout->isstd + layout->isut;
}

static const char *
check_layout(const struct layout *layout, size_t size)
{
	if (layout->type == 0 || layout->type > TYPES_MAX || layout->chars == 0)
		return "it has no types of local time";
	if ((layout->isut != 0 && layout->isut != layout->type) ||
	    (layout->isstd != 0 && layout->isstd != layout->type))
		return "its counts contradict each other";
	if (block_size(layout) > size)
		return "it is cut short";
	if (layout->leap != 0)
		return "it counts leap seconds, as the system's clock does not";
	return NULL;
}

static bool
copy_name(char name[ZONERULE_NAME], const uint8_t *text, size_t room)
{
	size_t length = strnlen((const char *)text, room);

	if (length == room || length >= ZONERULE_NAME)
		return false;
	/* It goes out to clients and into logs as it is. */
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	memcpy(name, text, length + 1);
	return true;
}

static const char *
read_types(struct zone *zone, const struct layout *layout, const uint8_t *data)
{
	const uint8_t *names = data + (size_t)layout->type * 6;

	zone->types = calloc(layout->type, sizeof(*zone->types));
	if (!zone->types)
		return "out of memory";
	for (uint32_t i = 0; i < layout->type; i++) {
		struct zonerule_type *type = &zone->types[i];
		const uint8_t *record = data + (size_t)i * 6;

		type->offset = (int32_t)big_endian(record, 4);
		if (type->offset < ZONERULE_OFFSET_MIN ||
		    type->offset > ZONERULE_OFFSET_MAX || record[4] > 1)
			return "a type of local time is out of range";
		type->summer = record[4];
		if (record[5] >= layout->chars ||
		    !copy_name(type->name, names + record[5],
			       layout->chars - record[5]))
			return "an abbreviation is out of range";
	}
	return NULL;
}

static const char *
read_changes(struct zone *zone, const struct layout *layout,
	     const uint8_t *data)
{
	const uint8_t *which = data + layout->time * layout->width;

	if (layout->time == 0)
		return NULL;
	zone->when = calloc(layout->time, sizeof(*zone->when));
	zone->which = calloc(layout->time, sizeof(*zone->which));
	if (!zone->when || !zone->which)
		return "out of memory";
	for (size_t i = 0; i < layout->time; i++) {
		zone->when[i] =
			big_endian(data + i * layout->width, layout->width);
		zone->which[i] = which[i];
		if (which[i] >= layout->type)
			return "a transition names no type";
		if (i > 0 && zone->when[i] <= zone->when[i - 1])
			return "its transitions are out of order";
	}
	zone->changes = layout->time;
	return NULL;
}

static const char *
read_block(struct zone *zone, const struct layout *layout, const uint8_t *data,
	   size_t size)
{
	const char *wrong = check_layout(layout, size);

	if (!wrong)
		wrong = read_changes(zone, layout, data);
	if (!wrong)
		wrong = read_types(zone, layout,
				   data + layout->time * (layout->width + 1));
	return wrong;
}

/* RFC 8536 3.3: a line feed, the rule or nothing, a line feed. */
static const char *
read_footer(struct zone *zone, const uint8_t *data, size_t size)
{
	const uint8_t *end;

	if (size < 2 || data[0] != '\n')
		return "its footer is missing";
	end = memchr(data + 1, '\n', size - 1);
	if (!end)
		return "its footer is cut short";
	zone->ruled = end > data + 1;
	if (zone->ruled && !zonerule_parse(&zone->rule, (const char *)data + 1,
					   (size_t)(end - data - 1)))
		return "its footer is not a rule";
	return NULL;
}

/* NULL, or what is wrong with the file. */
static const char *
read_zone(struct zone *zone, const uint8_t *data, size_t size)
{
	struct layout layout;
	const char *wrong;
	uint64_t block;

	if (!read_layout(data, size, 4, &layout))
		return "it is not a zone file";
	if (layout.version == '\0')
		return read_block(zone, &layout, data + HEADER, size - HEADER);
	block = HEADER + block_size(&layout);
	if (block > size ||
	    !read_layout(data + block, size - block, 8, &layout))
		return "it is cut short";
	data += block + HEADER;
	size -= block + HEADER;
	wrong = read_block(zone, &layout, data, size);
	if (wrong)
		return wrong;
	block = block_size(&layout);
	return read_footer(zone, data + block, size - block);
}

/* Read SIZE bytes at most; how many there were, or -1 with errno. */
static ssize_t
read_all(int fd, uint8_t *data, size_t size)
{
	size_t done = 0;
	ssize_t n = 1;

	while (done < size && n > 0) {
		n = read(fd, data + done, size - done);
		if (n > 0)
			done += (size_t)n;
	}
	return n < 0 ? -1 : (ssize_t)done;
}

/*
 * The bytes of the file at PATH, for the caller to free, or NULL with errno;
 * EINVAL: it cannot be a zone file.
 */
static uint8_t *
read_file(const char *path, size_t *size)
{
	/* A fifo must not hold up the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t *data = NULL;
	struct stat status;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	errno = EINVAL;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size > 0 && status.st_size <= FILE_MAX)
		data = malloc((size_t)status.st_size);
	if (data)
		n = read_all(fd, data, (size_t)status.st_size);
	if (n < 0) {
		int reason = errno;

		free(data);
		close(fd);
		errno = reason;
		return NULL;
	}
	close(fd);
	*size = (size_t)n;
	return data;
}

/* Fill ZONE from PATH: 0, ENOENT with no text, or EINVAL with a text. */
static int
load_file(struct zone *zone, const char *path, char *error, size_t size)
{
	size_t length;
	uint8_t *data = read_file(path, &length);
	const char *wrong;

	if (data)
		wrong = read_zone(zone, data, length);
	else if (errno == ENOENT || errno == ENOTDIR)
		return ENOENT;
	else
		wrong = errno == EINVAL ? "it is not a zone file"
					: strerror(errno);
	free(data);
	if (!wrong)
		return 0;
	snprintf(error, size, "%s: %s", path, wrong);
	return EINVAL;
}

static bool
load_rule(struct zone *zone, const char *text)
{
	zone->ruled = zonerule_parse(&zone->rule, text, strlen(text));
	return zone->ruled;
}

/*
 * A name may lead nowhere but down: no empty part, no "." and no "..".  It
 * also goes into error texts, and so has no odd characters.
 */
static bool
is_name(const char *name)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz"
				   "0123456789_+-./";

	if (name[strspn(name, good)] != '\0')
		return false;
	for (const char *part = name;; part++) {
		size_t length = strcspn(part, "/");

		if (length == 0 || strncmp(part, ".", length) == 0 ||
		    strncmp(part, "..", length) == 0)
			return false;
		part += length;
		if (*part == '\0')
			return true;
	}
}

/* Fill ZONE from a file below the zone directory, as load_file() does. */
static int
load_name(struct zone *zone, const char *name, char *error, size_t size)
{
	const char *directory = getenv("TZDIR");
	char path[PATH_MAX];
	int length;

	if (!directory || !*directory)
		directory = "/usr/share/zoneinfo";
	length = snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (length < 0 || (size_t)length >= sizeof(path))
		return ENOENT;
	return load_file(zone, path, error, size);
}

/* $TZ as tzset(3) reads it: a path, a name or else a rule. */
static bool
load_environment(struct zone *zone, const char *text, char *error, size_t size)
{
	int status = ENOENT;

	if (*text == ':')
		text++;
	if (*text == '\0' || strcmp(text, "UTC") == 0)
		return load_rule(zone, "UTC0");
	if (*text == '/')
		status = load_file(zone, text, error, size);
	else if (is_name(text))
		status = load_name(zone, text, error, size);
	if (status != ENOENT)
		return status == 0;
	if (load_rule(zone, text))
		return true;
	snprintf(error, size, "TZ in the environment is no zone and no rule");
	return false;
}

static bool
load_local(struct zone *zone, char *error, size_t size)
{
	const char *text = getenv("TZ");
	int status;

	if (text)
		return load_environment(zone, text, error, size);
	status = load_file(zone, "/etc/localtime", error, size);
	if (status == ENOENT)
		return load_rule(zone, "UTC0");
	return status == 0;
}

static bool
load(struct zone *zone, const char *name, char *error, size_t size)
{
	int status;

	if (strcmp(name, "UTC") == 0)
		return load_rule(zone, "UTC0");
	if (strcmp(name, "local") == 0)
		return load_local(zone, error, size);
	if (!is_name(name)) {
		snprintf(error, size, "that is not the name of a time zone");
		return false;
	}
	status = load_name(zone, name, error, size);
	if (status == ENOENT)
		snprintf(error, size, "there is no time zone %s", name);
	return status == 0;
}

struct zone *
zone_load(const char *name, char *error, size_t size)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (!zone) {
		snprintf(error, size, "out of memory");
		return NULL;
	}
	if (!load(zone, name, error, size)) {
		zone_free(zone);
		return NULL;
	}
	return zone;
}

void
zone_free(struct zone *zone)
{
	if (!zone)
		return;
	free(zone->types);
	free(zone->which);
	free(zone->when);
	free(zone);
}

static const struct zonerule_type *
type_at(const struct zone *zone, int64_t seconds)
{
	size_t low = 0, high = zone->changes;

	if (zone->ruled && (high == 0 || seconds > zone->when[high - 1]))
		return zonerule_at(&zone->rule, seconds);
	while (low < high) { /* all before LOW have come, HIGH has not */
		size_t middle = low + (high - low) / 2;

		if (zone->when[middle] <= seconds)
			low = middle + 1;
		else
			high = middle;
	}
	/* RFC 8536 3.2: until the first transition it is type 0. */
	return &zone->types[low > 0 ? zone->which[low - 1] : 0];
}

static int64_t
clamp(int64_t value, int64_t min, int64_t max)
{
	return value < min ? min : value > max ? max : value;
}

/* Years from March on have their leap day last, and need no table. */
static void
set_month(struct tm *tm, bool leap)
{
	int march = 59 + leap;
	int day = tm->tm_yday - march + (tm->tm_yday < march ? 365 + leap : 0);
	int month = (5 * day + 2) / 153;

	tm->tm_mday = day - (153 * month + 2) / 5 + 1;
	tm->tm_mon = (month + 2) % 12;
}

/* Times beyond the years that struct tm can hold become its first or last. */
void
zone_time(const struct zone *zone, int64_t seconds, struct tm *tm)
{
	int64_t first = zonerule_first_day(INT_MIN + INT64_C(1900)) * DAY;
	int64_t last = zonerule_first_day(INT_MAX + INT64_C(1901)) * DAY - 1;
	int64_t near = clamp(seconds, first - DAY * 2, last + DAY * 2);
	const struct zonerule_type *type = type_at(zone, near);
	int64_t local = clamp(near + type->offset, first, last);
	int64_t of_day = (local % DAY + DAY) % DAY;
	int64_t day = (local - of_day) / DAY;
	int64_t year = zonerule_year(day);

	tm->tm_year = (int)(year - 1900);
	tm->tm_yday = (int)(day - zonerule_first_day(year));
	set_month(tm, zonerule_is_leap(year));
	tm->tm_wday = (int)(((day + 4) % 7 + 7) % 7); /* 1970: a Thursday */
	tm->tm_hour = (int)(of_day / 3600);
	tm->tm_min = (int)(of_day / 60 % 60);
	tm->tm_sec = (int)(of_day % 60);
	tm->tm_isdst = type->summer;
	tm->tm_gmtoff = type->offset;
	tm->tm_zone = type->name;
}
