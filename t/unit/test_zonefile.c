/* SPDX-License-Identifier: BSD-2-Clause */
/* base/zone and the files that it reads: cut short, corrupted, made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/zone.h"
#include "base/zonerule.h"

enum {
	FLIPS = 10000,
	FILE_ROOM = 65536
};

static char directory[] = "/tmp/test_zonefile.XXXXXX";
static char error[256];

static void
assert_sane(const struct tm *tm)
{
	assert_in_range(tm->tm_sec, 0, 59);
	assert_in_range(tm->tm_min, 0, 59);
	assert_in_range(tm->tm_hour, 0, 23);
	assert_in_range(tm->tm_mday, 1, 31);
	assert_in_range(tm->tm_mon, 0, 11);
	assert_in_range(tm->tm_wday, 0, 6);
	assert_in_range(tm->tm_yday, 0, 365);
	assert_in_range(tm->tm_isdst, 0, 1);
	assert_true(tm->tm_gmtoff >= ZONERULE_OFFSET_MIN &&
		    tm->tm_gmtoff <= ZONERULE_OFFSET_MAX);
	assert_true(strlen(tm->tm_zone) < ZONERULE_NAME);
}

static void
exercise(const struct zone *zone)
{
	static const int64_t times[] = {
		INT64_MIN,
		INT64_MIN + 1,
		-(INT64_C(1) << 59),
		INT32_MIN,
		INT64_C(-2208988800),
		-1,
		0,
		1,
		1700000000,
		INT32_MAX,
		INT64_C(16725225600),
		INT64_MAX - 1,
		INT64_MAX,
	};
	struct tm tm;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		memset(&tm, 0x55, sizeof(tm));
		zone_time(zone, times[i], &tm);
		assert_sane(&tm);
	}
}

/* The zone in a file of these bytes, or NULL. */
static struct zone *
load_bytes(const uint8_t *bytes, size_t size)
{
	struct zone *zone;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/Test", directory);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
	setenv("TZDIR", directory, 1);
	error[0] = '\0';
	zone = zone_load("Test", error, sizeof(error));
	unsetenv("TZDIR");
	assert_true(zone || strlen(error) > 0);
	return zone;
}

static size_t
read_real(const char *name, uint8_t bytes[FILE_ROOM])
{
	char path[128];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	file = fopen(path, "rb");
	assert_non_null(file);
	size = fread(bytes, 1, FILE_ROOM, file);
	fclose(file);
	assert_in_range(size, 44, FILE_ROOM - 1);
	return size;
}

static void
truncated_files(void **state)
{
	static const char *const real[] = { "Europe/Berlin", "Asia/Gaza",
					    "UTC" };
	static uint8_t bytes[FILE_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
		size_t size = read_real(real[i], bytes);
		struct zone *whole = load_bytes(bytes, size);

		assert_non_null(whole);
		zone_free(whole);
		for (size_t cut = 0; cut < size; cut++)
			assert_null(load_bytes(bytes, cut));
	}
}

static void
corrupted_files(void **state)
{
	static uint8_t real[FILE_ROOM], bytes[FILE_ROOM];
	size_t size = read_real("America/New_York", real);
	int loaded = 0;

	(void)state;
	for (int i = 0; i < FLIPS; i++) {
		int flips = 1 + (int)(random() % 4);
		struct zone *zone;

		memcpy(bytes, real, size);
		/* Every other time where it hurts most: in the headers. */
		for (int j = 0; j < flips; j++)
			bytes[(size_t)random() % (i % 2 ? size : 44)] =
				(uint8_t)(random() % 3 ? random() : 255);
		zone = load_bytes(bytes, size);
		if (!zone)
			continue;
		loaded++;
		exercise(zone);
		zone_free(zone);
	}
	assert_in_range(loaded, 1, FLIPS - 1);
}

static uint8_t *
put(uint8_t *out, uint64_t value, int width)
{
	while (width-- > 0)
		*out++ = (uint8_t)(value >> 8 * width);
	return out;
}

/*
 * A block with the types DST (+1 h) and STD (0), the first of which is type
 * 0, and a change to STD at -1000 and to DST at 2000.
 */
static uint8_t *
put_block(uint8_t *out, char version, int width, int leaps)
{
	memcpy(out, "TZif", 4);
	memset(out + 4, 0, 16);
	out[4] = (uint8_t)version;
	out = put(put(put(out + 20, 0, 4), 0, 4), (uint64_t)leaps, 4);
	out = put(put(put(out, 2, 4), 2, 4), 8, 4);
	out = put(put(out, (uint64_t)-1000, width), 2000, width);
	out = put(put(out, 1, 1), 0, 1);
	out = put(put(put(out, 3600, 4), 1, 1), 0, 1);
	out = put(put(put(out, 0, 4), 0, 1), 4, 1);
	memcpy(out, "DST\0STD", 8);
	return put(out + 8, 0, leaps * (width + 4));
}

static void
expect(const struct zone *zone, int64_t seconds, const char *name)
{
	struct tm tm;

	zone_time(zone, seconds, &tm);
	assert_string_equal(tm.tm_zone, name);
	assert_int_equal(tm.tm_isdst, strcmp(name, "DST") == 0);
}

static void
made_files(void **state)
{
	static const char *const footers[] = { NULL, "\n\n", "\nEND-2\n" };
	static const char *const after[] = { "DST", "DST", "END" };
	uint8_t bytes[512], *end;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct zone *zone;

		end = put_block(bytes, i > 0 ? '3' : '\0', 4, 0);
		if (i > 0) {
			end = put_block(end, '3', 8, 0);
			end = (uint8_t *)stpcpy((char *)end, footers[i]);
		}
		zone = load_bytes(bytes, (size_t)(end - bytes));
		if (!zone)
			fail_msg("%s", error);
		expect(zone, INT64_MIN, "DST");
		expect(zone, -1001, "DST");
		expect(zone, -1000, "STD");
		expect(zone, 1999, "STD");
		expect(zone, 2000, "DST");
		expect(zone, 2001, after[i]);
		expect(zone, INT64_MAX, after[i]);
		zone_free(zone);
	}
}

/* Each whole but for one thing. */
static void
wrong_files(void **state)
{
	static const struct {
		int back;      /* bytes before the end */
		uint8_t value; /* of that byte, instead */
		const char *error;
	} cases[] = {
		{ 1, 'x', "abbreviation" }, /* not terminated */
		{ 2, '\n', "abbreviation" },
		{ 9, 8, "abbreviation" },	 /* out of range */
		{ 10, 2, "type of local time" }, /* tm_isdst */
		{ 20, 1, "type of local time" }, /* offset */
		{ 21, 2, "names no type" },
		{ 30, 0, "order" }, /* far behind the second */
	};
	uint8_t bytes[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *end = put_block(bytes, '\0', 4, 0);

		end[-cases[i].back] = cases[i].value;
		assert_null(load_bytes(bytes, (size_t)(end - bytes)));
		if (!strstr(error, cases[i].error))
			fail_msg("%zu: %s", i, error);
	}
}

/* The system's clock does not count them. */
static void
leap_seconds(void **state)
{
	uint8_t bytes[512], *end = put_block(bytes, '\0', 4, 1);

	(void)state;
	assert_null(load_bytes(bytes, (size_t)(end - bytes)));
	assert_non_null(strstr(error, "leap"));
}

static void
odd_files(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/Fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	setenv("TZDIR", directory, 1);
	assert_null(zone_load("Fifo", error, sizeof(error)));
	assert_null(zone_load("Nothing", error, sizeof(error)));
	unsetenv("TZDIR");
	unlink(path);
}

/* UTC needs no file: a machine may have none. */
static void
utc_without_files(void **state)
{
	static const char *const names[] = { "UTC", "local" };

	(void)state;
	setenv("TZDIR", directory, 1);
	setenv("TZ", "UTC", 1);
	for (int i = 0; i < 2; i++) {
		struct zone *zone = zone_load(names[i], error, sizeof(error));

		assert_non_null(zone);
		expect(zone, 0, "UTC");
		zone_free(zone);
	}
	unsetenv("TZ");
	unsetenv("TZDIR");
}

static int
open_directory(void **state)
{
	(void)state;
	unsetenv("TZDIR");
	return mkdtemp(directory) ? 0 : -1;
}

static int
close_directory(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/Test", directory);
	unlink(path);
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncated_files),
		cmocka_unit_test(corrupted_files),
		cmocka_unit_test(made_files),
		cmocka_unit_test(wrong_files),
		cmocka_unit_test(leap_seconds),
		cmocka_unit_test(odd_files),
		cmocka_unit_test(utc_without_files),
	};

	srandom(20240229); /* a failure can be seen again */
	return cmocka_run_group_tests(tests, open_directory, close_directory);
}
