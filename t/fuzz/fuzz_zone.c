/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time zone files and rules: any is refused, or tells the time of every
 * second that there is.
 */
#include "base/zone.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(const struct zone *zone)
{
	static const int64_t times[] = { 0,	      1,	  -1,
					 1800000000,  4102444800, -2208988800,
					 253402300799 };

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		struct tm tm;

		zone_time(zone, times[i], &tm);
		if (tm.tm_sec < 0 || tm.tm_sec > 60 || tm.tm_min < 0 ||
		    tm.tm_min > 59 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
		    tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
		    tm.tm_mday > 31)
			abort();
	}
}

/* What TZ is: a rule, or a file that it names. */
static void
load(const char *tz)
{
	char error[256] = "";
	struct zone *zone;

	if (setenv("TZ", tz, 1) < 0)
		abort();
	zone = zone_load("local", error, sizeof(error));
	if (zone)
		ask(zone);
	else if (!error[0])
		abort();
	zone_free(zone);
}

/* The first byte says which of the two the rest is. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	char *text;
	int fd;

	if (size == 0)
		return 0;
	if (data[0] == 'R') {
		text = calloc(1, size);
		memcpy(text, data + 1, size - 1);
		load(text);
		free(text);
		return 0;
	}
	fd = memfd_create("zone", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) < 0)
		abort();
	snprintf(path, sizeof(path), ":/proc/self/fd/%d", fd);
	load(path);
	close(fd);
	return 0;
}
