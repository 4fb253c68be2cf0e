/* SPDX-License-Identifier: BSD-2-Clause */
/* The numbers of connections, as text and back. */
#include "ipc/serial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
each_is_read_as_it_is_written(void **state)
{
	static const struct {
		unsigned generation;
		int slot;
		uint32_t number;
		const char *text;
	} cases[] = {
		{ 0, 0, 0, "0.0.0" },
		{ 1, 0, 1, "1.0.1" },
		{ 5, 255, 17, "5.255.17" },
		{ 1000000, 7, UINT32_MAX, "1000000.7.4294967295" },
		{ (1u << 24) - 1, 255, UINT32_MAX, "16777215.255.4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t serial =
			serial_first(cases[i].generation, cases[i].slot) +
			cases[i].number;
		char text[SERIAL_TEXT];
		uint64_t again;

		serial_format(serial, text);
		assert_string_equal(text, cases[i].text);
		assert_true(serial_parse(text, &again));
		assert_true(serial == again);
	}
}

static void
nothing_else_is_one(void **state)
{
	static const char *const texts[] = {
		"",
		"1",
		"1.",
		"1.2",
		"1.2.",
		"1.2.3.",
		"1.2.3.4",
		"1.2.3 ",
		" 1.2.3",
		"+1.2.3",
		"-1.2.3",
		"1.-2.3",
		"1.2.-3",
		"01.2.3",
		"1.02.3",
		"1.2.0x3",
		"1.256.3",
		"1.2.4294967296",
		"16777216.0.1",
		"4294967296.0.1",
		"99999999999999999999.1.1",
		"1.2.3\n",
		"1..3",
		"a.b.c",
		"1111111111.1111111111.1111111111",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		uint64_t serial;

		if (serial_parse(texts[i], &serial))
			fail_msg("\"%s\" is none", texts[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_read_as_it_is_written),
		cmocka_unit_test(nothing_else_is_one),
	};

	return cmocka_run_group_tests_name("serial", tests, NULL, NULL);
}
