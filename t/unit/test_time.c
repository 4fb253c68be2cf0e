/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The four bytes of RFC 868, in this era and in others.
 */
#include "base/clock.h"
#include "service/registry.h"
#include "worker/datagrams.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t the_time;

int64_t __wrap_clock_realtime(void);

int64_t
__wrap_clock_realtime(void)
{
	return the_time;
}

static uint32_t
number_of(const char *reply)
{
	const unsigned char *bytes = (const unsigned char *)reply;

	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* SECONDS since the epoch and NANOSECONDS are this NUMBER, either way. */
static void
is(int64_t seconds, int64_t nanoseconds, uint32_t number)
{
	const struct service *service = registry_find("time");
	struct datagram datagram = { .bytes = "", .length = 0 };
	char reply[DATAGRAM_REPLY];

	the_time = seconds * CLOCK_SECOND + nanoseconds;
	assert_int_equal(service->once(NULL, reply), 4);
	assert_int_equal(number_of(reply), number);
	assert_int_equal(service->datagram(NULL, &datagram, reply), 4);
	assert_int_equal(number_of(reply), number);
}

/* RFC 868 has these itself. */
static void
examples_of_the_rfc(void **state)
{
	(void)state;
	is(0, 0, 2208988800u);		/* 1970-01-01 */
	is(189302400, 0, 2398291200u);	/* 1976-01-01 */
	is(315532800, 0, 2524521600u);	/* 1980-01-01 */
	is(420595200, 0, 2629584000u);	/* 1983-05-01 */
	is(-1297728000, 0, 911260800u); /* 1928-11-17 */
}

static void
the_second_is_the_one_that_is_shown(void **state)
{
	(void)state;
	is(1795274519, 0, 4004263319u);
	is(1795274519, 999999999, 4004263319u);
	is(1795274520, 0, 4004263320u);
	is(-1, 999999999, 2208988799u);
}

static void
after_2036_it_begins_anew(void **state)
{
	(void)state;
	is(2085978495, 999999999, UINT32_MAX); /* 2036-02-07T06:28:15Z */
	is(2085978496, 0, 0);
	is(2085978497, 0, 1);
	is(2147483647, 0, 61505151u); /* 2038-01-19T03:14:07Z */
	is(2147483648, 0, 61505152u);
	is(4102444800, 0, 2016466304u); /* 2100-01-01 */
	is(6380945791, 0, UINT32_MAX);	/* the end of the next era */
	is(6380945792, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_rfc),
		cmocka_unit_test(the_second_is_the_one_that_is_shown),
		cmocka_unit_test(after_2036_it_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
