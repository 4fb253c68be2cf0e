/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NTP's formats: timestamps on both sides of the rollover of 2036, the short
 * format, the first byte, and what may follow a header.
 */
#include "base/clock.h"
#include "base/ntp_packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const int64_t S = CLOCK_SECOND;
/* 2036-02-07 06:28:16 UTC, where era 1 begins. */
static const int64_t ERA_1 = INT64_C(2085978496);

static void
timestamps(void **state)
{
	static const struct {
		int64_t time; /* seconds since 1970 */
		uint64_t seconds;
	} cases[] = {
		/* RFC 5905, figure 4 */
		{ -2208988800, 0 },
		{ 0, 2208988800 },
		{ 63072000, 2272060800 },
		{ ERA_1 - 1, UINT32_MAX },
		{ ERA_1, 0 },
		{ ERA_1 + 1, 1 },
		{ 4102444800, 2016466304 }, /* 2100-01-01 */
		{ 1483228799, 3692217599 }, /* before the leap second */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t time = cases[i].time * S;

		assert_true(ntp_packet_timestamp(time) == cases[i].seconds
								  << 32);
		assert_true(ntp_packet_timestamp(time + S / 2) ==
			    (cases[i].seconds << 32 | 0x80000000));
	}
}

static void
every_nanosecond_comes_back(void **state)
{
	static const int64_t times[] = { -S, 0, ERA_1 * S - S, ERA_1 * S,
					 ERA_1 * S + 7 * S };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint64_t before = 0;

		for (int64_t n = 0; n < S; n += n < 10000 ? 1 : 99991) {
			int64_t time = times[i] + n;
			uint64_t stamp = ntp_packet_timestamp(time);

			assert_true(ntp_packet_time(stamp, time) == time);
			assert_true(n == 0 || stamp > before);
			before = stamp;
		}
		assert_true(
			ntp_packet_time(ntp_packet_timestamp(times[i] + S - 1),
					times[i]) == times[i] + S - 1);
	}
}

/* The same bits are 136 years apart; what they are near to decides. */
static void
the_era_is_that_of_a_near_time(void **state)
{
	const int64_t era = (INT64_C(1) << 32) * S;
	const int64_t now = INT64_C(1795275000) * S;
	const uint64_t stamp = ntp_packet_timestamp(now);

	(void)state;
	assert_true(ntp_packet_time(stamp, now + 60 * 365 * 86400 * S) == now);
	assert_true(ntp_packet_time(stamp, now - 60 * 365 * 86400 * S) == now);
	assert_true(ntp_packet_time(stamp, now + era) == now + era);
	/* Asked before the rollover, answered after it, and the reverse. */
	assert_true(ntp_packet_time(0, ERA_1 * S - 1) == ERA_1 * S);
	assert_true(ntp_packet_time(UINT64_MAX, ERA_1 * S + 1) ==
		    ERA_1 * S - 1);
}

static void
short_format(void **state)
{
	static const struct {
		int64_t time;
		uint32_t value;
	} cases[] = {
		{ INT64_MIN, 0 },
		{ -1, 0 },
		{ 0, 0 },
		{ 1, 1 },
		{ 15258, 1 },
		{ 15259, 2 },
		{ CLOCK_SECOND / 2, 0x8000 },
		{ CLOCK_SECOND, 0x10000 },
		{ 16 * CLOCK_SECOND, 0x100000 },
		{ 65535 * CLOCK_SECOND, 0xffff0000 },
		{ 65536 * CLOCK_SECOND - 1, 0xffffffff },
		{ 65536 * CLOCK_SECOND, 0xffffffff },
		{ INT64_MAX, 0xffffffff },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ntp_packet_short(cases[i].time),
				 cases[i].value);
	for (uint32_t v = 0; v < 0xfff00000; v += 0xfffff)
		assert_int_equal(ntp_packet_short(ntp_packet_interval(v)), v);
}

static void
first_byte(void **state)
{
	(void)state;
	assert_int_equal(ntp_packet_lvm(0, 4, NTP_MODE_CLIENT), 0x23);
	assert_int_equal(ntp_packet_lvm(3, 4, NTP_MODE_SERVER), 0xe4);
	assert_int_equal(ntp_packet_lvm(1, 3, NTP_MODE_SERVER), 0x5c);
	for (unsigned byte = 0; byte < 256; byte++)
		assert_int_equal(
			ntp_packet_lvm(ntp_packet_leap((uint8_t)byte),
				       ntp_packet_version((uint8_t)byte),
				       ntp_packet_mode((uint8_t)byte)),
			byte);
}

/* Bytes of a packet of VERSION with extension fields of these lengths. */
static size_t
with_fields(uint8_t *bytes, unsigned version, const uint16_t *fields)
{
	size_t length = NTP_HEADER;

	memset(bytes, 0, 2048);
	bytes[0] = ntp_packet_lvm(0, version, NTP_MODE_CLIENT);
	for (; *fields; fields++) {
		bytes[length + 2] = (uint8_t)(*fields >> 8);
		bytes[length + 3] = (uint8_t)*fields;
		length += *fields;
	}
	return length;
}

static void
lengths(void **state)
{
	static const uint16_t none[] = { 0 };
	static const uint16_t one[] = { 28, 0 };
	static const uint16_t two[] = { 16, 1200, 0 };
	static const uint16_t odd[] = { 30, 0 };
	static const uint16_t small[] = { 12, 40, 0 };
	uint8_t bytes[2048];

	(void)state;
	assert_int_equal(with_fields(bytes, 4, none), 48);
	for (size_t length = 0; length <= sizeof(bytes); length++)
		assert_int_equal(ntp_packet_length(bytes, length),
				 length == 48 ? 48 : 0);
	with_fields(bytes, 4, one);
	assert_int_equal(ntp_packet_length(bytes, 76), 76);
	/* With half a field, a crypto-NAK and two kinds of MAC behind it. */
	assert_int_equal(ntp_packet_length(bytes, 75), 0);
	assert_int_equal(ntp_packet_length(bytes, 80), 0);
	assert_int_equal(ntp_packet_length(bytes, 96), 0);
	assert_int_equal(ntp_packet_length(bytes, 100), 0);
	assert_int_equal(with_fields(bytes, 4, two), 1264);
	assert_int_equal(ntp_packet_length(bytes, 1264), 1264);
	with_fields(bytes, 4, odd);
	assert_int_equal(ntp_packet_length(bytes, 78), 0);
	with_fields(bytes, 4, small);
	assert_int_equal(ntp_packet_length(bytes, 100), 0);
	/* Older versions have no fields. */
	with_fields(bytes, 3, one);
	assert_int_equal(ntp_packet_length(bytes, 76), 0);
	assert_int_equal(ntp_packet_length(bytes, 48), 48);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timestamps),
		cmocka_unit_test(every_nanosecond_comes_back),
		cmocka_unit_test(the_era_is_that_of_a_near_time),
		cmocka_unit_test(short_format),
		cmocka_unit_test(first_byte),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("ntp_packet", tests, NULL, NULL);
}
