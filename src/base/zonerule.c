/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/zonerule.h"

#include <ctype.h>
#include <string.h>

enum {
	HOUR = 3600,
	DAY = 24 * HOUR,
	DAYS_IN_400_YEARS = 146097,
	EPOCH = 719162, /* days from 0001-01-01 to 1970-01-01 */
};

struct cursor {
	const char *at, *end;
};

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

bool
zonerule_is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int64_t
zonerule_first_day(int64_t year)
{
	int64_t past = year - 1;

	return past * 365 + floor_div(past, 4) - floor_div(past, 100) +
	       floor_div(past, 400) - EPOCH;
}

int64_t
zonerule_year(int64_t day)
{
	int64_t year = floor_div((day + EPOCH) * 400, DAYS_IN_400_YEARS) + 1;

	/* By the mean year one is never ahead, and less than two days late. */
	return year + (day >= zonerule_first_day(year + 1));
}

static char
peek(const struct cursor *cursor)
{
	return cursor->at < cursor->end ? *cursor->at : '\0';
}

static bool
accept_char(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static bool
parse_number(struct cursor *cursor, int min, int max, int *number)
{
	const char *start = cursor->at;

	*number = 0;
	while (isdigit((unsigned char)peek(cursor)) && *number <= max)
		*number = *number * 10 + (*cursor->at++ - '0');
	return cursor->at > start && *number >= min && *number <= max;
}

/* Three or more letters; digits and signs too within <>. */
static bool
parse_name(struct cursor *cursor, char name[ZONERULE_NAME])
{
	bool quoted = accept_char(cursor, '<');
	size_t n = 0;

	for (; n < ZONERULE_NAME; n++) {
		unsigned char c = (unsigned char)peek(cursor);

		if (!isalpha(c) &&
		    !(quoted && (isdigit(c) || c == '+' || c == '-')))
			break;
		name[n] = (char)c;
		cursor->at++;
	}
	if (n < 3 || n == ZONERULE_NAME)
		return false;
	name[n] = '\0';
	return !quoted || accept_char(cursor, '>');
}

/* [+-]hh[:mm[:ss]], in seconds. */
static bool
parse_time(struct cursor *cursor, int max_hours, int32_t *seconds)
{
	bool negative = accept_char(cursor, '-');
	int hours, minutes = 0, rest = 0;

	if (!negative)
		accept_char(cursor, '+');
	if (!parse_number(cursor, 0, max_hours, &hours))
		return false;
	if (accept_char(cursor, ':')) {
		if (!parse_number(cursor, 0, 59, &minutes))
			return false;
		if (accept_char(cursor, ':') &&
		    !parse_number(cursor, 0, 59, &rest))
			return false;
	}
	*seconds = hours * HOUR + minutes * 60 + rest;
	if (negative)
		*seconds = -*seconds;
	return true;
}

/* An offset is written as seconds west and kept as seconds east. */
static bool
parse_offset(struct cursor *cursor, int32_t *offset)
{
	if (!parse_time(cursor, 24, offset))
		return false;
	*offset = -*offset;
	return *offset >= ZONERULE_OFFSET_MIN && *offset <= ZONERULE_OFFSET_MAX;
}

static bool
parse_date(struct cursor *cursor, struct zonerule_date *date)
{
	bool good;

	if (accept_char(cursor, 'M')) {
		date->form = 'M';
		good = parse_number(cursor, 1, 12, &date->month) &&
		       accept_char(cursor, '.') &&
		       parse_number(cursor, 1, 5, &date->week) &&
		       accept_char(cursor, '.') &&
		       parse_number(cursor, 0, 6, &date->day);
	} else if (accept_char(cursor, 'J')) {
		date->form = 'J';
		good = parse_number(cursor, 1, 365, &date->day);
	} else {
		date->form = '0';
		good = parse_number(cursor, 0, 365, &date->day);
	}
	date->at = 2 * HOUR;
	if (good && accept_char(cursor, '/'))
		good = parse_time(cursor, 167, &date->at);
	return good;
}

static bool
parse_dates(struct zonerule *rule, struct cursor *cursor)
{
	/* What the C library takes where TZ says nothing. */
	static const struct zonerule_date march = { 'M', 3, 2, 0, 2 * HOUR };
	static const struct zonerule_date november = { 'M', 11, 1, 0,
						       2 * HOUR };

	if (cursor->at == cursor->end) {
		rule->on = march;
		rule->off = november;
		return true;
	}
	return accept_char(cursor, ',') && parse_date(cursor, &rule->on) &&
	       accept_char(cursor, ',') && parse_date(cursor, &rule->off) &&
	       cursor->at == cursor->end;
}

bool
zonerule_parse(struct zonerule *rule, const char *text, size_t length)
{
	struct cursor cursor = { text, text + length };

	memset(rule, 0, sizeof(*rule));
	if (!parse_name(&cursor, rule->standard.name) ||
	    !parse_offset(&cursor, &rule->standard.offset))
		return false;
	rule->changes = cursor.at < cursor.end;
	if (!rule->changes)
		return true;
	if (!parse_name(&cursor, rule->summer.name))
		return false;
	rule->summer.summer = true;
	rule->summer.offset = rule->standard.offset + HOUR;
	if (cursor.at < cursor.end && peek(&cursor) != ',' &&
	    !parse_offset(&cursor, &rule->summer.offset))
		return false;
	return parse_dates(rule, &cursor);
}

/* The day of the year, from 0, that is weekday DAY of WEEK in MONTH. */
static int
month_day(const struct zonerule_date *date, bool leap, int64_t first)
{
	static const int before[] = { 0,   31,	59,  90,  120, 151, 181,
				      212, 243, 273, 304, 334, 365 };
	int start = before[date->month - 1] + (leap && date->month > 2);
	int end = before[date->month] + (leap && date->month > 1);
	int64_t weekday = first + start + 4; /* 1970-01-01 was a Thursday */
	int ahead = (int)((date->day - weekday) % 7);
	int day = start + (ahead < 0 ? ahead + 7 : ahead);

	day += (date->week - 1) * 7;
	return day < end ? day : day - 7;
}

/* When DATE comes in YEAR, in seconds since the epoch. */
static int64_t
date_in(const struct zonerule_date *date, int64_t year, int32_t offset)
{
	bool leap = zonerule_is_leap(year);
	int64_t first = zonerule_first_day(year);
	int day = date->day;

	if (date->form == 'M')
		day = month_day(date, leap, first);
	else if (date->form == 'J')
		day += (leap && day > 59) - 1; /* J60 is 1 March in any year */
	return (first + day) * DAY + date->at - offset;
}

/*
 * Of the changes around SECONDS, the last one counts.  The years on either
 * side are looked at too: with up to 167 hours and an offset, a date may lie
 * outside of its own.  Where one change ends a year of summer time and the
 * next begins another at the same moment, the next year's counts, and so
 * "XXX3EDT4,0/0,J365/23" is summer time all year (RFC 8536 3.3.1).
 */
const struct zonerule_type *
zonerule_at(const struct zonerule *rule, int64_t seconds)
{
	const struct zonerule_type *now = &rule->standard;
	int64_t year;

	if (!rule->changes)
		return now;
	year = zonerule_year(floor_div(seconds, DAY));
	for (int64_t each = year - 1; each <= year + 1; each++) {
		int64_t on = date_in(&rule->on, each, rule->standard.offset);
		int64_t off = date_in(&rule->off, each, rule->summer.offset);

		if (on <= seconds && off <= seconds)
			now = on > off ? &rule->summer : &rule->standard;
		else if (on <= seconds)
			now = &rule->summer;
		else if (off <= seconds)
			now = &rule->standard;
	}
	return now;
}
