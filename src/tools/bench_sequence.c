/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_sequence.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

enum {
	ZONE_STEP = 900, /* seconds: every zone's offset is a multiple */
	/* A clock may be that part of the interval before the server's. */
	EARLY_PART = 8,
};

static int
number(const char *digits, int count)
{
	int value = 0;

	for (int i = 0; i < count; i++)
		value = value * 10 + (digits[i] - '0');
	return value;
}

bool
sequence_parse(const char *text, int64_t *seconds)
{
	static const char shape[] = "0000-00-00 00:00:00";
	struct tm tm = { 0 };
	int day, month;

	for (int i = 0; i < SEQUENCE_STAMP; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (shape[i] == '0' ? !digit : text[i] != shape[i])
			return false;
	}
	tm.tm_year = number(text, 4) - 1900;
	month = tm.tm_mon = number(text + 5, 2) - 1;
	day = tm.tm_mday = number(text + 8, 2);
	tm.tm_hour = number(text + 11, 2);
	tm.tm_min = number(text + 14, 2);
	tm.tm_sec = number(text + 17, 2);
	if (tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	if (tm.tm_sec == 60)
		tm.tm_sec = 59; /* a leap second has its boundary twice */
	*seconds = timegm(&tm);
	return tm.tm_mon == month && tm.tm_mday == day;
}

/* The nearest multiple of ZONE_STEP to SECONDS. */
static int64_t
round_zone(int64_t seconds)
{
	int64_t half = seconds < 0 ? -ZONE_STEP / 2 : ZONE_STEP / 2;

	return (seconds + half) / ZONE_STEP * ZONE_STEP;
}

void
sequence_learn(struct sequence_rule *rule, int64_t interval, const char *record,
	       size_t length, bool newline, int64_t arrival)
{
	int64_t seconds = 0;

	rule->interval = interval;
	rule->length = (uint32_t)length;
	rule->newline = newline;
	rule->stamped = interval % CLOCK_SECOND == 0 &&
			length >= SEQUENCE_STAMP &&
			sequence_parse(record, &seconds);
	rule->offset = rule->stamped
			       ? round_zone(seconds - arrival / CLOCK_SECOND)
			       : 0;
}

/* The boundary that a record's first bytes stand for; false: no time. */
static bool
read_stamp(struct sequence_check *check, const char *stamp, int64_t *boundary)
{
	int64_t seconds;

	if (check->cached && memcmp(stamp, check->stamp, SEQUENCE_STAMP) == 0) {
		*boundary = check->boundary;
		return true;
	}
	if (!sequence_parse(stamp, &seconds))
		return false;
	*boundary =
		clock_boundary((seconds - check->rule.offset) * CLOCK_SECOND,
			       check->rule.interval);
	check->cached = true;
	check->boundary = *boundary;
	memcpy(check->stamp, stamp, SEQUENCE_STAMP);
	return true;
}

static void
measure(struct sequence_check *check, int64_t boundary, int64_t arrival)
{
	int64_t late = arrival - boundary;

	if (boundary <= check->from || boundary > check->until)
		return;
	check->counts->received++;
	if (late < 0) {
		check->counts->early++;
		late = 0;
	}
	histogram_add(&check->counts->lateness,
		      (uint64_t)(late / CLOCK_MICROSECOND), 1);
}

/* A whole record whose first bytes are STAMP, LENGTH bytes in all. */
static void
record(struct sequence *sequence, struct sequence_check *check,
       const char *stamp, size_t length, int64_t arrival)
{
	const struct sequence_rule *rule = &check->rule;
	struct sequence_counts *counts = check->counts;
	int64_t boundary = clock_boundary(arrival + rule->interval / EARLY_PART,
					  rule->interval);
	int64_t steps;

	if (length != rule->length ||
	    (rule->stamped && !read_stamp(check, stamp, &boundary))) {
		counts->garbled++;
		return;
	}
	steps = sequence->placed ? (boundary - sequence->last) / rule->interval
				 : 1;
	if (!sequence->started) {
		sequence->started = true;
		sequence->placed = rule->stamped;
		sequence->last = boundary;
		return;
	}
	sequence->placed = true;
	sequence->last = boundary;
	if (steps < 0) {
		counts->backwards++;
	} else if (steps == 0) {
		counts->doubled++;
	} else {
		counts->missed += (uint64_t)steps - 1;
		measure(check, boundary, arrival);
	}
}

/* Keep what is needed of a record that is not whole yet. */
static void
hold(struct sequence *sequence, const char *bytes, size_t length)
{
	uint32_t held = sequence->held;

	if (held < SEQUENCE_STAMP) {
		size_t room = SEQUENCE_STAMP - held;

		memcpy(sequence->part + held, bytes,
		       length < room ? length : room);
	}
	if (length > UINT32_MAX - held)
		length = UINT32_MAX - held;
	sequence->held += (uint32_t)length;
}

/*
 * The length of the rest of a record within LENGTH bytes, its newline not
 * counted; false when it does not end within them.
 */
static bool
find_end(const struct sequence *sequence, const struct sequence_rule *rule,
	 const char *bytes, size_t length, size_t *rest)
{
	const char *newline;

	if (!rule->newline) {
		*rest = rule->length - sequence->held;
		return *rest <= length;
	}
	newline = memchr(bytes, '\n', length);
	if (newline)
		*rest = (size_t)(newline - bytes);
	return newline != NULL;
}

void
sequence_bytes(struct sequence *sequence, struct sequence_check *check,
	       const char *bytes, size_t length, int64_t arrival)
{
	const struct sequence_rule *rule = &check->rule;
	size_t rest;

	while (length > 0 && find_end(sequence, rule, bytes, length, &rest)) {
		size_t used = rest + rule->newline;

		if (sequence->held == 0) {
			record(sequence, check, bytes, rest, arrival);
		} else {
			hold(sequence, bytes, rest);
			record(sequence, check, sequence->part, sequence->held,
			       arrival);
			sequence->held = 0;
		}
		bytes += used;
		length -= used;
	}
	hold(sequence, bytes, length);
}

void
sequence_end(const struct sequence *sequence,
	     const struct sequence_check *check, bool closed)
{
	const struct sequence_rule *rule = &check->rule;
	int64_t behind =
		clock_boundary(check->until, rule->interval) - sequence->last;

	if (closed && sequence->held > 0)
		check->counts->garbled++;
	if (sequence->started && behind > 0)
		check->counts->missed += (uint64_t)(behind / rule->interval);
}

int64_t
sequence_boundaries(int64_t from, int64_t until, int64_t interval)
{
	int64_t first = clock_boundary(from, interval);
	int64_t last = clock_boundary(until, interval);

	return last > first ? (last - first) / interval : 0;
}

void
sequence_merge(struct sequence_counts *into, const struct sequence_counts *from)
{
	into->received += from->received;
	into->missed += from->missed;
	into->doubled += from->doubled;
	into->backwards += from->backwards;
	into->garbled += from->garbled;
	into->early += from->early;
	histogram_merge(&into->lateness, &from->lateness);
}
