/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * strftime(3) patterns with what it cannot do: %f, six digits of
 * microseconds, and %s without a look at $TZ.
 */
#ifndef TIMED_BASE_PATTERN_H
#define TIMED_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* One point in time, ready to be shown. */
struct pattern_time {
	struct tm tm; /* as zone_time() made it; tm_sec 60 in a leap second */
	int64_t seconds;  /* since the epoch, for %s */
	long nanoseconds; /* 0 to 999,999,999, for %f */
};

/*
 * Format TIME into BUFFER of SIZE bytes, always terminated.  Returns the
 * length, or -1 when it does not fit.  An empty result is a result.
 */
int pattern_format(char *buffer, size_t size, const char *pattern,
		   const struct pattern_time *time);

/* Whether the text changes within a second: the pattern has a %f. */
bool pattern_has_fraction(const char *pattern);

/*
 * Check a pattern before it is used: it must not end in a lone '%' nor have
 * a conversion that strftime(3) does not know, and no result may be longer
 * than LIMIT bytes.  NULL, or a constant text that says what is wrong.
 */
const char *pattern_check(const char *pattern, size_t limit);

#endif
