/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pattern is taken apart here and each conversion given to strftime(3)
 * alone: so a byte that one of them wrote is never read as a pattern again,
 * and strftime's 0, which means both "empty" and "no room", can be told apart.
 */
#include "base/pattern.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/zonerule.h"

enum {
	SPEC_MAX = 16,	/* bytes of a conversion: "%_10Ey" */
	WIDTH_MAX = 99, /* the widest field; strftime(3) has no limit */
	PIECE_MAX = 256 /* bytes that one conversion may become */
};

enum spec_kind {
	SPEC_OK,
	SPEC_LONE,    /* the pattern ends within it */
	SPEC_UNKNOWN, /* strftime(3) does not know it */
	SPEC_WIDE,
	SPEC_FLAGGED, /* %f or %s with something in between */
};

struct spec {
	enum spec_kind kind;
	char conversion;
	size_t length;
};

static bool
one_of(const char *set, char c)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static enum spec_kind
judge(char conversion, char modifier, int width, bool plain)
{
	const char *known = "%aAbBcCdDeFgGhHIjklmMnpPrRStTuUVwWxXyYzZ";

	if (conversion == '\0')
		return SPEC_LONE;
	if (modifier == 'E')
		known = "cCxXyY";
	else if (modifier == 'O')
		known = "bBdehHImMSuUVwWy";
	if (one_of("fs", conversion))
		return plain ? SPEC_OK : SPEC_FLAGGED;
	if (!one_of(known, conversion))
		return SPEC_UNKNOWN;
	return width > WIDTH_MAX ? SPEC_WIDE : SPEC_OK;
}

/* Read the conversion at TEXT, which points at its '%'. */
static struct spec
read_spec(const char *text)
{
	struct spec spec;
	const char *at = text + 1;
	char modifier = '\0';
	int width = 0;

	at += strspn(at, "_-0^#");
	for (; *at >= '0' && *at <= '9'; at++)
		if (width <= WIDTH_MAX)
			width = width * 10 + (*at - '0');
	if (one_of("EO", *at))
		modifier = *at++;
	spec.conversion = *at;
	spec.kind = judge(*at, modifier, width, at == text + 1);
	spec.length = (size_t)(at - text) + (*at != '\0');
	if (spec.kind == SPEC_OK && spec.length >= SPEC_MAX)
		spec.kind = SPEC_UNKNOWN;
	return spec;
}

/* The length of what strftime(3) makes of one conversion; -1: too long. */
static int
convert(char piece[PIECE_MAX], const char *text, size_t length,
	const struct tm *tm)
{
	char format[SPEC_MAX + 2];
	size_t n;

	/* With a byte behind it, an empty result is not a length of zero. */
	memcpy(format, text, length);
	format[length] = '.';
	format[length + 1] = '\0';
	n = strftime(piece, PIECE_MAX, format, tm);
	return n > 0 ? (int)n - 1 : -1;
}

/* What one conversion becomes, into PIECE; the length, or -1. */
static int
expand(char piece[PIECE_MAX], const char *text, struct spec spec,
       const struct pattern_time *time)
{
	if (spec.kind != SPEC_OK)
		return -1;
	if (spec.conversion == 'f')
		return snprintf(piece, PIECE_MAX, "%06ld",
				time->nanoseconds / 1000);
	if (spec.conversion == 's')
		return snprintf(piece, PIECE_MAX, "%" PRId64, time->seconds);
	return convert(piece, text, spec.length, &time->tm);
}

int
pattern_format(char *buffer, size_t size, const char *pattern,
	       const struct pattern_time *time)
{
	char piece[PIECE_MAX];
	size_t used = 0;

	if (size == 0 || size > INT_MAX)
		return -1;
	while (*pattern) {
		size_t taken = strcspn(pattern, "%");
		const char *text = pattern;
		int length = 0;

		if (taken == 0) {
			struct spec spec = read_spec(pattern);

			taken = spec.length;
			text = piece;
			length = expand(piece, pattern, spec, time);
		} else if (taken < size) {
			length = (int)taken;
		} else {
			length = -1;
		}
		if (length < 0 || (size_t)length >= size - used)
			break;
		memcpy(buffer + used, text, (size_t)length);
		used += (size_t)length;
		pattern += taken;
	}
	buffer[used] = '\0';
	return *pattern ? -1 : (int)used;
}

bool
pattern_has_fraction(const char *pattern)
{
	while ((pattern = strchr(pattern, '%')) != NULL) {
		struct spec spec = read_spec(pattern);

		if (spec.conversion == 'f')
			return true;
		pattern += spec.length;
	}
	return false;
}

/*
 * One of the times that together show the longest of every conversion: 168
 * are all pairs of month and weekday, each before and after noon.  The years
 * are those with the most digits, and one that people use.
 */
static struct pattern_time
sample(int i, int year)
{
	struct pattern_time time = {
		.seconds = INT64_MIN,
		.nanoseconds = 999999999,
		.tm = {
			.tm_sec = 60,
			.tm_min = 59,
			.tm_hour = i % 24,
			.tm_mday = 31,
			.tm_mon = i % 12,
			.tm_year = year,
			.tm_wday = i % 7,
			.tm_yday = 365,
			.tm_gmtoff = -ZONERULE_OFFSET_MAX,
			.tm_zone = "WWWWWWWWWWWWWWW",
		},
	};

	_Static_assert(sizeof("WWWWWWWWWWWWWWW") == ZONERULE_NAME,
		       "the longest zone name there is");
	return time;
}

/* The most bytes that one conversion can become; -1: too many. */
static int
longest(const char *text, struct spec spec)
{
	static const int years[] = { INT_MIN, 126, INT_MAX };
	char piece[PIECE_MAX];
	int most = 0;

	for (size_t y = 0; y < sizeof(years) / sizeof(years[0]); y++) {
		for (int i = 0; i < 168; i++) {
			struct pattern_time time = sample(i, years[y]);
			int length = expand(piece, text, spec, &time);

			if (length < 0)
				return -1;
			if (length > most)
				most = length;
		}
	}
	return most;
}

const char *
pattern_check(const char *pattern, size_t limit)
{
	static const char *const wrong[] = {
		[SPEC_LONE] = "the pattern ends within a '%' conversion",
		[SPEC_UNKNOWN] = "the pattern has a conversion that "
				 "strftime(3) does not know",
		[SPEC_WIDE] = "the pattern has a field of more than 99 bytes",
		[SPEC_FLAGGED] = "%f and %s take no flag, width or modifier",
	};
	static const char too_long[] = "the text could become too long";
	size_t total = 0;

	while (*pattern) {
		size_t taken = strcspn(pattern, "%");

		total += taken;
		if (taken == 0) {
			struct spec spec = read_spec(pattern);
			int most;

			if (spec.kind != SPEC_OK)
				return wrong[spec.kind];
			most = longest(pattern, spec);
			if (most < 0)
				return too_long;
			total += (size_t)most;
			taken = spec.length;
		}
		if (total > limit)
			return too_long;
		pattern += taken;
	}
	return NULL;
}
