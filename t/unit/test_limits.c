/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bound of rates, on a clock of its own.
 */
#include "base/clock.h"
#include "worker/limits.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND ((uint64_t)CLOCK_SECOND)

static const uint64_t START = 1000 * SECOND;

static struct addr
v4(uint32_t address)
{
	struct addr addr = { .length = sizeof(addr.in) };

	addr.in.sin_family = AF_INET;
	addr.in.sin_addr.s_addr = htonl(address);
	return addr;
}

static struct addr
v6(const char *text)
{
	struct addr addr = { .length = sizeof(addr.in6) };

	addr.in6.sin6_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &addr.in6.sin6_addr), 1);
	return addr;
}

static struct limits *
make(double per_second, int burst, int leak)
{
	struct limits_rate rate = { per_second, burst, leak };
	struct limits *limits = limits_new(&rate);

	assert_non_null(limits);
	return limits;
}

/* How many of COUNT requests at NOW are answered. */
static int
admitted(struct limits *limits, const struct addr *from, uint64_t now,
	 int count)
{
	int yes = 0;

	for (int i = 0; i < count; i++)
		yes += limits_admit(limits, from, now);
	return yes;
}

static void
a_burst_and_no_more(void **state)
{
	struct limits *limits = make(10, 5, 0);
	struct addr from = v4(0xc0000201);
	struct addr other = v4(0xc0000202);

	(void)state;
	assert_int_equal(admitted(limits, &from, START, 100), 5);
	/* What one does is nothing to the other. */
	assert_int_equal(admitted(limits, &other, START, 100), 5);
	assert_int_equal(admitted(limits, &from, START, 100), 0);
	limits_free(limits);
}

static void
it_fills_again(void **state)
{
	struct limits *limits = make(10, 5, 0);
	struct addr from = v4(0xc0000201);
	uint64_t now = START;

	(void)state;
	assert_int_equal(admitted(limits, &from, now, 100), 5);
	now += SECOND / 10 - 1;
	assert_int_equal(admitted(limits, &from, now, 100), 0);
	now += 1;
	assert_int_equal(admitted(limits, &from, now, 100), 1);
	now += 3 * SECOND / 10;
	assert_int_equal(admitted(limits, &from, now, 100), 3);
	/* Never more than it holds. */
	now += 3600 * SECOND;
	assert_int_equal(admitted(limits, &from, now, 100), 5);
	limits_free(limits);
}

/* Who asks as often as he may is always answered, and never more often. */
static void
the_long_run(void **state)
{
	struct limits *limits = make(100, 8, 0);
	struct addr steady = v4(0xc0000201);
	struct addr greedy = v4(0xc0000202);
	int yes = 0;

	(void)state;
	for (uint64_t i = 0; i < 10000; i++)
		assert_true(limits_admit(limits, &steady,
					 START + i * SECOND / 100));
	for (uint64_t i = 0; i < 100000; i++)
		yes += limits_admit(limits, &greedy, START + i * SECOND / 1000);
	assert_in_range(yes, 100 * 100, 100 * 100 + 8);
	limits_free(limits);
}

static void
one_in_leak(void **state)
{
	static const int leaks[] = { 1, 2, 4, 16 };
	struct addr from = v4(0xc0000201);

	(void)state;
	for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
		struct limits *limits = make(1, 1, leaks[i]);
		const int count = 160000;
		int yes = admitted(limits, &from, START, count);
		int expected = count / leaks[i];

		/* Ten standard deviations at least. */
		assert_in_range(yes, expected - expected / 10,
				expected + expected / 10 + 1);
		limits_free(limits);
	}
}

/* What leaks is no debt: the bucket fills as if it had not been asked for. */
static void
a_leak_costs_nothing(void **state)
{
	struct limits *limits = make(1, 4, 2);
	struct limits *dry = make(1, 4, 0);
	struct addr from = v4(0xc0000201);

	(void)state;
	assert_int_equal(admitted(dry, &from, START, 10000), 4);
	assert_true(admitted(limits, &from, START, 10000) > 4000);
	assert_int_equal(admitted(dry, &from, START + 2 * SECOND, 2), 2);
	assert_int_equal(admitted(limits, &from, START + 2 * SECOND, 2), 2);
	limits_free(limits);
	limits_free(dry);
}

static void
an_ipv6_source_is_its_64(void **state)
{
	struct limits *limits = make(1, 4, 0);
	struct addr a = v6("2001:db8:1:2::1");
	struct addr b = v6("2001:db8:1:2:ffff:ffff:ffff:ffff");
	struct addr c = v6("2001:db8:1:3::1");

	(void)state;
	assert_int_equal(admitted(limits, &a, START, 3), 3);
	assert_int_equal(admitted(limits, &b, START, 3), 1);
	assert_int_equal(admitted(limits, &c, START, 100), 4);
	limits_free(limits);
}

/* IPv4 is one source, however it is written, and no IPv6 one. */
static void
families_do_not_mix(void **state)
{
	struct limits *limits = make(1, 4, 0);
	struct addr plain = v4(0x01020304);
	struct addr mapped = v6("::ffff:1.2.3.4");
	struct addr lookalike = v6("0:0:102:304::");
	struct addr loopback = v6("::1");
	struct addr zero = v4(0);
	struct addr nameless = { .sa.sa_family = AF_UNIX };

	(void)state;
	assert_int_equal(admitted(limits, &plain, START, 3), 3);
	assert_int_equal(admitted(limits, &mapped, START, 100), 1);
	assert_int_equal(admitted(limits, &lookalike, START, 100), 4);
	assert_int_equal(admitted(limits, &loopback, START, 100), 4);
	assert_int_equal(admitted(limits, &zero, START, 100), 4);
	assert_int_equal(admitted(limits, &nameless, START, 100), 4);
	limits_free(limits);
}

/* Ports are none of its business. */
static void
a_port_is_no_source(void **state)
{
	struct limits *limits = make(1, 4, 0);
	struct addr from = v4(0xc0000201);
	int yes = 0;

	(void)state;
	for (unsigned port = 1024; port < 2048; port++) {
		addr_set_port(&from, port);
		yes += limits_admit(limits, &from, START);
	}
	assert_int_equal(yes, 4);
	limits_free(limits);
}

/*
 * Fifty times as many sources as there are places: all of them are answered,
 * because none asks too often, and whoever does is not forgotten over them.
 */
static void
a_full_table_forgets_the_harmless(void **state)
{
	struct limits *limits = make(1, 100, 0);
	struct addr greedy = v4(0xc0000201);

	(void)state;
	assert_int_equal(admitted(limits, &greedy, START, 1000), 100);
	for (uint32_t i = 0; i < 50 * LIMITS_SOURCES; i++) {
		struct addr other = v4(0x0a000000 + i);

		assert_true(limits_admit(limits, &other, START));
	}
	assert_int_equal(admitted(limits, &greedy, START, 1000), 0);
	limits_free(limits);
}

/* Nearly as many as there are places: nearly all are remembered. */
static void
a_table_has_room(void **state)
{
	struct limits *limits = make(1, 2, 0);
	int again = 0;

	(void)state;
	for (uint32_t i = 0; i < LIMITS_SOURCES / 4; i++) {
		struct addr from = v4(0x0a000000 + i * 256);

		assert_int_equal(admitted(limits, &from, START, 9), 2);
	}
	for (uint32_t i = 0; i < LIMITS_SOURCES / 4; i++) {
		struct addr from = v4(0x0a000000 + i * 256);

		again += limits_admit(limits, &from, START);
	}
	/* Four in a set of which one is expected: a set overflows at times. */
	assert_in_range(again, 0, LIMITS_SOURCES / 4 / 20);
	limits_free(limits);
}

/* Those whose bucket is full again need no place. */
static void
the_past_is_no_burden(void **state)
{
	struct limits *limits = make(1, 2, 0);
	uint64_t now = START;

	(void)state;
	for (uint32_t round = 0; round < 8; round++) {
		for (uint32_t i = 0; i < LIMITS_SOURCES; i++) {
			struct addr from = v4((round << 24) + i);

			assert_true(limits_admit(limits, &from, now));
		}
		now += 2 * SECOND;
	}
	limits_free(limits);
}

/* The extremes of rate, burst and clock. */
static void
numbers_far_apart(void **state)
{
	static const uint64_t times[] = { 1, SECOND, UINT64_C(1) << 40,
					  UINT64_C(1) << 62 };
	struct addr from = v4(0xc0000201);
	struct limits *slow = make(0.001, 1000000, 0);
	struct limits *fast = make(1000000, 1, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_int_equal(admitted(fast, &from, times[i], 10), 1);
		assert_int_equal(admitted(fast, &from, times[i] + 1000, 10), 1);
	}
	assert_int_equal(admitted(slow, &from, 1, 2000000), 1000000);
	assert_int_equal(admitted(slow, &from, 1000 * SECOND + 1, 10), 1);
	assert_int_equal(admitted(slow, &from, UINT64_C(1) << 62, 2000000),
			 1000000);
	limits_free(slow);
	limits_free(fast);
}

/* A clock that went back would lock nobody out for longer than a burst. */
static void
a_clock_that_goes_back(void **state)
{
	struct limits *limits = make(1, 4, 0);
	struct addr from = v4(0xc0000201);

	(void)state;
	assert_int_equal(admitted(limits, &from, START + 3600 * SECOND, 9), 4);
	assert_int_equal(admitted(limits, &from, START, 9), 0);
	assert_int_equal(admitted(limits, &from, START + 4 * SECOND, 9), 4);
	limits_free(limits);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_no_more),
		cmocka_unit_test(it_fills_again),
		cmocka_unit_test(the_long_run),
		cmocka_unit_test(one_in_leak),
		cmocka_unit_test(a_leak_costs_nothing),
		cmocka_unit_test(an_ipv6_source_is_its_64),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(a_port_is_no_source),
		cmocka_unit_test(a_full_table_forgets_the_harmless),
		cmocka_unit_test(a_table_has_room),
		cmocka_unit_test(the_past_is_no_burden),
		cmocka_unit_test(numbers_far_apart),
		cmocka_unit_test(a_clock_that_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
