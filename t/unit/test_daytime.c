/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daytime: what the line is at any time, and when it is made anew.
 */
#include "base/clock.h"
#include "service/registry.h"
#include "worker/datagrams.h"

#include <libconfig.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t the_time;
static struct clock_state the_state;
static int asked; /* how often the kernel was */

int64_t __wrap_clock_realtime(void);
struct clock_state __wrap_clock_state(void);

int64_t
__wrap_clock_realtime(void)
{
	return the_time;
}

struct clock_state
__wrap_clock_state(void)
{
	asked++;
	return the_state;
}

/* A daytime service in one worker. */
struct daytime {
	struct service_config config;
	struct instance instance;
	struct complaints complaints;
};

static void
configure(struct daytime *daytime, const char *text)
{
	const struct service *service = registry_find("daytime");
	config_t parsed;

	*daytime = (struct daytime){ .config = { .service = service } };
	daytime->config.settings = malloc(service->settings_size);
	assert_non_null(daytime->config.settings);
	memcpy(daytime->config.settings, service->defaults,
	       service->settings_size);
	config_init(&parsed);
	assert_int_equal(config_read_string(&parsed, text), CONFIG_TRUE);
	settings_read(config_root_setting(&parsed), service->settings,
		      daytime->config.settings, NULL, NULL,
		      &daytime->complaints);
	service->configure(&daytime->config, config_root_setting(&parsed),
			   &daytime->complaints);
	config_destroy(&parsed);
	daytime->instance.config = &daytime->config;
}

static void
release(struct daytime *daytime)
{
	daytime->config.service->release(&daytime->config);
	free(daytime->config.settings);
	complaints_free(&daytime->complaints);
}

static void
open_it(struct daytime *daytime, const char *text)
{
	configure(daytime, text);
	assert_int_equal(daytime->complaints.count, 0);
	assert_int_equal(daytime->config.service->start(&daytime->instance), 0);
	the_state = (struct clock_state){ .synchronised = true };
}

static void
close_it(struct daytime *daytime)
{
	daytime->config.service->stop(&daytime->instance);
	release(daytime);
}

/* At SECONDS and NANOSECONDS the line is that, asked for in either way. */
static void
says(struct daytime *daytime, int64_t seconds, int64_t nanoseconds,
     const char *line)
{
	const struct service *service = daytime->config.service;
	const struct datagram datagram = { .bytes = "x", .length = 1 };
	char reply[DATAGRAM_REPLY];
	size_t length;

	the_time = seconds * CLOCK_SECOND + nanoseconds;
	length = service->once(&daytime->instance, reply);
	assert_in_range(length, 2, sizeof(reply) - 1);
	assert_memory_equal(reply + length - 2, "\r\n", 2);
	reply[length - 2] = '\0';
	assert_string_equal(reply, line);
	assert_int_equal(
		service->datagram(&daytime->instance, &datagram, reply),
		length);
	reply[length - 2] = '\0';
	assert_string_equal(reply, line);
}

static void
formats(void **state)
{
	static const struct {
		const char *settings, *line;
	} cases[] = {
		{ "timezone = \"UTC\";", "Sat Nov 21 15:21:59 2026" },
		{ "format = \"unix\"; timezone = \"Asia/Tokyo\";",
		  "Sun Nov 22 00:21:59 2026" },
		{ "format = \"rfc3339\"; timezone = \"UTC\";",
		  "2026-11-21T15:21:59Z" },
		{ "format = \"rfc3339\"; timezone = \"Europe/Berlin\";",
		  "2026-11-21T16:21:59+01:00" },
		{ "format = \"rfc3339\"; timezone = \"Asia/Kolkata\";",
		  "2026-11-21T20:51:59+05:30" },
		{ "format = \"rfc3339\"; timezone = \"America/St_Johns\";",
		  "2026-11-21T11:51:59-03:30" },
		{ "format = \"nist\"; timezone = \"America/Denver\";",
		  "61365 26-11-21 15:22:00 00 0 0 999.0 UTC(timed) *" },
		{ "format = \"%A, %B %d, %Y %H:%M:%S-%Z\"; "
		  "timezone = \"Europe/Berlin\";",
		  "Saturday, November 21, 2026 16:21:59-CET" },
		{ "format = \"%s.%f\";", "1795274519.001000" },
	};
	struct daytime daytime;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_it(&daytime, cases[i].settings);
		says(&daytime, 1795274519, CLOCK_MILLISECOND, cases[i].line);
		close_it(&daytime);
	}
}

static void
a_day_below_ten_as_ctime_has_it(void **state)
{
	struct daytime daytime;

	(void)state;
	open_it(&daytime, "timezone = \"UTC\";");
	says(&daytime, 0, 0, "Thu Jan  1 00:00:00 1970");
	says(&daytime, 2085978496, 0, "Thu Feb  7 06:28:16 2036");
	close_it(&daytime);
}

static void
it_changes_with_the_clock(void **state)
{
	struct daytime daytime;

	(void)state;
	open_it(&daytime, "format = \"%T\"; timezone = \"UTC\";");
	says(&daytime, 59, 999999999, "00:00:59");
	says(&daytime, 60, 0, "00:01:00");
	/* It was set, on or back. */
	says(&daytime, 7200, 0, "02:00:00");
	says(&daytime, 60, 0, "00:01:00");
	close_it(&daytime);
}

/* Nothing but the first request of a second makes it do any work. */
static void
it_is_made_once_a_second(void **state)
{
	struct daytime daytime;

	(void)state;
	open_it(&daytime, "timezone = \"UTC\";");
	asked = 0;
	for (int i = 0; i < 1000; i++)
		says(&daytime, 1795274519, i * CLOCK_MILLISECOND,
		     "Sat Nov 21 15:21:59 2026");
	assert_int_equal(asked, 1);
	says(&daytime, 1795274520, 0, "Sat Nov 21 15:22:00 2026");
	assert_int_equal(asked, 2);
	close_it(&daytime);
}

static void
fractions_and_advances_are_of_the_moment(void **state)
{
	struct daytime daytime;

	(void)state;
	open_it(&daytime, "format = \"%S.%f\"; timezone = \"UTC\";");
	says(&daytime, 59, 999999999, "59.999999");
	says(&daytime, 59, 1000, "59.000001");
	close_it(&daytime);
	open_it(&daytime, "format = \"nist\"; timezone = \"UTC\";");
	says(&daytime, 59, 0,
	     "40587 70-01-01 00:00:59 00 0 0   0.0 UTC(timed) *");
	says(&daytime, 59, 1,
	     "40587 70-01-01 00:01:00 00 0 0 999.9 UTC(timed) *");
	says(&daytime, 59, 999000000,
	     "40587 70-01-01 00:01:00 00 0 0   1.0 UTC(timed) *");
	says(&daytime, 60, 0,
	     "40587 70-01-01 00:01:00 00 0 0   0.0 UTC(timed) *");
	close_it(&daytime);
}

/* 59, 60 and 00, although the clock has 59 twice. */
static void
a_leap_second(void **state)
{
	const int64_t last = 1782863999; /* 2026-06-30 23:59:59 */
	struct daytime daytime;

	(void)state;
	open_it(&daytime, "format = \"%F %T\"; timezone = \"UTC\";");
	the_state.leap = 1;
	says(&daytime, last, 999999999, "2026-06-30 23:59:59");
	the_state.leap = 0;
	the_state.in_leap_second = true;
	says(&daytime, last, 0, "2026-06-30 23:59:60");
	says(&daytime, last, 999999999, "2026-06-30 23:59:60");
	the_state.in_leap_second = false;
	says(&daytime, last + 1, 0, "2026-07-01 00:00:00");
	close_it(&daytime);

	open_it(&daytime, "format = \"nist\"; timezone = \"UTC\";");
	the_state.leap = 1;
	says(&daytime, last, 500000000,
	     "61221 26-06-30 23:59:60 00 1 0 500.0 UTC(timed) *");
	the_state.leap = 0;
	the_state.in_leap_second = true;
	says(&daytime, last, 500000000,
	     "61222 26-07-01 00:00:00 00 1 0 500.0 UTC(timed) *");
	the_state.in_leap_second = false;
	says(&daytime, last + 1, 500000000,
	     "61222 26-07-01 00:00:01 00 0 0 500.0 UTC(timed) *");
	close_it(&daytime);
}

static void
is_refused(const char *format)
{
	struct daytime daytime;
	char text[256];

	snprintf(text, sizeof(text), "format = \"%s\";", format);
	configure(&daytime, text);
	assert_int_equal(daytime.complaints.count, 1);
	assert_non_null(strstr(daytime.complaints.lines[0], "format: "));
	release(&daytime);
}

static void
what_is_no_format(void **state)
{
	(void)state;
	is_refused("rfc3399");
	is_refused("NIST");
	is_refused("%H:%M%");
	is_refused("%Q");
	is_refused("%F%n%T");
	is_refused("%F\\n%T");
	is_refused("%T\\r");
	is_refused("%99a%99a");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(a_day_below_ten_as_ctime_has_it),
		cmocka_unit_test(it_changes_with_the_clock),
		cmocka_unit_test(it_is_made_once_a_second),
		cmocka_unit_test(fractions_and_advances_are_of_the_moment),
		cmocka_unit_test(a_leap_second),
		cmocka_unit_test(what_is_no_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
