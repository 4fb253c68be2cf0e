/* SPDX-License-Identifier: BSD-2-Clause */
/* The text that a record becomes, with evtlog and without it. */
#include "journal/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <cmocka.h>

/* The text of a record with one tag, behind "worker 0[1234]: ". */
static const char *
text_of(struct line *line, const char *description, const char *name,
	const char *value)
{
	struct log_parsed record = { .header.level = LOG_LEVEL_ERROR,
				     .header.pid = 1234,
				     .header.time = -1,
				     .header.role = "worker 0",
				     .description = description,
				     .names[0] = name,
				     .values[0] = value,
				     .tags = name != NULL };
	const char *head = "1969-12-31T23:59:59.999Z error worker 0[1234]: ";

	line_make(line, &record);
	assert_memory_equal(line->bytes, head, strlen(head));
	return line->bytes + strlen(head);
}

static void
text_is_escaped(void **state)
{
	static const char *const values[][2] = {
		{ "", "" },
		{ "a, b; \"c\" = d", "a, b; \"c\" = d" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x95\x90",
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x95\x90" },
		{ "\001\t\r\n\033[31m\177",
		  "\\x01\\x09\\x0d\\x0a\\x1b[31m\\x7f" },
		{ "it's C:\\", "it\\x27s C:\\x5c" },
		/* Stray, cut short, overlong, a surrogate, out of range, and
		 * a control above ASCII. */
		{ "\x80 \xe2\x82", "\\x80 \\xe2\\x82" },
		{ "\xc0\xaf \xe0\x80\xaf", "\\xc0\\xaf \\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80 \xff", "\\xed\\xa0\\x80 \\xff" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xc2\x9b", "\\xc2\\x9b" },
	};
	static struct line line;
	char expected[128];

	(void)state;
	line_open(&line);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(expected, sizeof(expected), "said; n='%s'",
			 values[i][1]);
		assert_string_equal(text_of(&line, "said", "n", values[i][0]),
				    expected);
	}
	assert_string_equal(text_of(&line, "a;b\\\n", "n='\n", ""),
			    "a\\x3bb\\x5c\\x0a; n\\x3d\\x27\\x0a=''");
	assert_string_equal(text_of(&line, "stopped", NULL, NULL), "stopped;");
	line_close(&line);
}

/* All of the bytes that grow most, and more of them than a record holds. */
static void
the_longest_record_is_whole(void **state)
{
	static struct line line;
	static char value[LOG_RECORD_MAX];
	const size_t length = sizeof(value) - 1;
	const char *text;

	(void)state;
	memset(value, 1, length);
	line_open(&line);
	text = text_of(&line, "", "", value) + strlen("; ='");
	for (size_t i = 0; i < length; i++, text += 4)
		assert_memory_equal(text, "\\x01", 4);
	assert_string_equal(text, "'");
	line_close(&line);
}

static const char *
random_string(char *string, size_t size)
{
	size_t length = (size_t)random() % size;

	for (size_t i = 0; i < length; i++)
		string[i] = (char)(random() % 255 + 1);
	string[length] = '\0';
	return string;
}

/* What a build with evtlog and one without are both held to. */
static void
assert_text(const struct line *line)
{
	static char expected[LINE_BYTES];
	char *end = expected;

	end += sprintf(end, "%s;", line->description);
	for (int i = 0; i < line->tags; i++)
		end += sprintf(end, "%s %s='%s'", i ? "," : "", line->names[i],
			       line->values[i]);
	assert_string_equal(strstr(line->bytes, "]: ") + 3, expected);
	assert_int_equal(strlen(line->bytes), line->length);
	for (const char *c = line->bytes; *c; c++)
		assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
}

static void
text_is_the_same_with_and_without_evtlog(void **state)
{
	static struct line line;
	static char strings[2 * LOG_TAGS_MAX + 1][LOG_RECORD_MAX / 64];
	struct log_parsed record = { .header.level = LOG_LEVEL_INFO };

	(void)state;
	srandom(1);
	line_open(&line);
	for (int round = 0; round < 5000; round++) {
		record.tags = (int)(random() % (LOG_TAGS_MAX + 1));
		for (int i = 0; i < record.tags; i++) {
			record.names[i] = random_string(strings[2 * i],
							sizeof(strings[0]));
			record.values[i] = random_string(strings[2 * i + 1],
							 sizeof(strings[0]));
		}
		record.description = random_string(strings[2 * LOG_TAGS_MAX],
						   sizeof(strings[0]));
		random_string(record.header.role, sizeof(record.header.role));
		line_make(&line, &record);
		assert_text(&line);
	}
	line_close(&line);
}

/*
 * What goes to syslog stops here, whoever sends it: line.c, fortified or not,
 * or evtlog, whose calls of the C library find the program's own first.
 */
static struct {
	char ident[16];
	int options;
	int facility;
	int priority;
	char text[512];
	int count;
} sent;

void
openlog(const char *ident, int options, int facility)
{
	snprintf(sent.ident, sizeof(sent.ident), "%s", ident);
	sent.options = options;
	sent.facility = facility;
}

void
closelog(void)
{
	sent.ident[0] = '\0';
}

static void
keep_sent(int priority, const char *format, va_list arguments)
{
	sent.count++;
	sent.priority = priority;
	vsnprintf(sent.text, sizeof(sent.text), format, arguments);
}

#undef syslog
void
syslog(int priority, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	keep_sent(priority, format, arguments);
	va_end(arguments);
}

void __syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	(void)flag;
	va_start(arguments, format);
	keep_sent(priority, format, arguments);
	va_end(arguments);
}

static void
syslog_gets_the_text_and_who_wrote_it(void **state)
{
	static struct line line;

	(void)state;
	sent.count = 0;
	line_open(&line);
	assert_string_equal(sent.ident, "timed");
	assert_true(sent.options & LOG_PID);
	assert_int_equal(sent.facility, LOG_DAEMON);
	text_of(&line, "worker crashed", "n", "it's 100 %s");
	line_syslog(&line);
	assert_int_equal(sent.count, 1);
	/* Without a facility it is the one of openlog(3). */
	assert_int_equal(LOG_PRI(sent.priority), LOG_ERR);
	assert_true(LOG_FAC(sent.priority) == 0 ||
		    LOG_FAC(sent.priority) == LOG_FAC(LOG_DAEMON));
	assert_string_equal(sent.text, "worker crashed; n='it\\x27s 100 %s', "
				       "from='worker 0[1234]'");
	line_close(&line);
}

/* What an old file may have is shown as what is written now. */
static void
lines_of_others_are_cleaned(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		const char *clean;
	} cases[] = {
		{ "plain, 'quoted' \\x1b", 20, "plain, 'quoted' \\x1b" },
		{ "\033[31m", 5, "\\x1b[31m" },
		{ "a\0b", 3, "a\\x00b" },
		{ "\t\r\x7f", 3, "\\x09\\x0d\\x7f" },
		{ "\xc3\xa9\xe2\x82\xac", 5, "\xc3\xa9\xe2\x82\xac" },
		{ "\xff\xc0\x80", 3, "\\xff\\xc0\\x80" },
		/* What comes behind the end is not looked at. */
		{ "a\xc3\xa9", 2, "a\\xc3" },
		{ "", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32], clean[128];
		size_t length;

		memcpy(text, cases[i].text, cases[i].length + 1);
		length = line_clean(clean, text, cases[i].length);
		assert_int_equal(length, strlen(cases[i].clean));
		assert_memory_equal(clean, cases[i].clean, length);
		assert_memory_equal(text, cases[i].text, cases[i].length + 1);
	}
}

/* Whatever a writer says that it is. */
static void
every_time_has_its_text(void **state)
{
	static const struct {
		int64_t time;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z " },
		{ 1999999999, "1970-01-01T00:00:01.999Z " },
		{ INT64_MAX, "2262-04-11T23:47:16.854Z " },
		{ -1, "1969-12-31T23:59:59.999Z " },
		{ INT64_MIN, "1677-09-21T00:12:44.145Z " },
	};
	static struct line line;

	(void)state;
	line_open(&line);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct log_parsed record = {
			.header = { .time = cases[i].time,
				    .level = LOG_LEVEL_INFO },
			.description = "said",
		};

		line_make(&line, &record);
		assert_memory_equal(line.bytes, cases[i].text,
				    strlen(cases[i].text));
	}
	line_close(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_time_has_its_text),
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(the_longest_record_is_whole),
		cmocka_unit_test(text_is_the_same_with_and_without_evtlog),
		cmocka_unit_test(syslog_gets_the_text_and_who_wrote_it),
		cmocka_unit_test(lines_of_others_are_cleaned),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
