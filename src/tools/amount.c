/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/amount.h"

#include <inttypes.h>
#include <stdio.h>

/* TENTHS of what UNIT stands for: "1.2M", "123k". */
static void
scaled(char *text, size_t size, uint64_t tenths, const char *unit)
{
	if (tenths < 1000)
		snprintf(text, size, "%" PRIu64 ".%" PRIu64 "%s", tenths / 10,
			 tenths % 10, unit);
	else
		snprintf(text, size, "%" PRIu64 "%s", tenths / 10, unit);
}

void
amount_count(char *text, size_t size, uint64_t count)
{
	static const char *const units[] = { "k", "M", "G", "T", "P", "E" };
	int unit = 0;

	if (count < 100000) {
		snprintf(text, size, "%" PRIu64, count);
		return;
	}
	/* Tenths of a thousand, then of a million ... */
	for (count /= 100; count >= 10000; count /= 1000)
		unit++;
	scaled(text, size, count, units[unit]);
}

void
amount_rate(char *text, size_t size, double rate)
{
	if (rate < 0)
		snprintf(text, size, "-");
	else if (!(rate > 0))
		snprintf(text, size, "0");
	else if (rate < 9.95)
		snprintf(text, size, "%.1f", rate);
	else if (rate < 1e18)
		amount_count(text, size, (uint64_t)(rate + 0.5));
	else
		snprintf(text, size, "much");
}

void
amount_time(char *text, size_t size, uint64_t microseconds)
{
	if (microseconds == AMOUNT_NO_TIME)
		snprintf(text, size, "-");
	else if (microseconds < 1000)
		snprintf(text, size, "%" PRIu64 "us", microseconds);
	else if (microseconds < 10000)
		scaled(text, size, microseconds / 100, "ms");
	else if (microseconds < 1000000)
		snprintf(text, size, "%" PRIu64 "ms", microseconds / 1000);
	else if (microseconds < 100000000)
		scaled(text, size, microseconds / 100000, "s");
	else if (microseconds < UINT64_C(10000) * 1000000)
		snprintf(text, size, "%" PRIu64 "s", microseconds / 1000000);
	else
		snprintf(text, size, "hours");
}
