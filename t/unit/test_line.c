/* SPDX-License-Identifier: BSD-2-Clause */
/* The text that a record becomes, with evtlog and without it. */
#include "journal/line.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A /dev/log of our own, or -1 where that is not allowed. */
static int
listen_as_syslog(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX,
				       .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if ((unshare(CLONE_NEWNS) < 0 &&
	     unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/dev", "tmpfs", 0, NULL) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

/* In a child, whose /dev goes with it: 0 right, 1 wrong, 77 not possible. */
static int
syslog_child(void)
{
	static struct line line;
	char got[512];
	char expected[128];
	int fd = listen_as_syslog();
	const char *rest;
	ssize_t n;

	if (fd < 0)
		return 77;
	line_open(&line);
	text_of(&line, "worker crashed", "n", "it's");
	line_syslog(&line);
	line_close(&line);
	n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	got[n < 0 ? 0 : n] = '\0';
	snprintf(expected, sizeof(expected),
		 " timed[%d]: worker crashed; n='it\\x27s', "
		 "from='worker 0[1234]'",
		 (int)getpid());
	/* LOG_DAEMON with LOG_ERR, and a time between them. */
	rest = strstr(got, " timed[");
	return strncmp(got, "<27>", 4) || !rest || strcmp(rest, expected);
}

static void
syslog_gets_the_text_and_who_wrote_it(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(syslog_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(the_longest_record_is_whole),
		cmocka_unit_test(text_is_the_same_with_and_without_evtlog),
		cmocka_unit_test(syslog_gets_the_text_and_who_wrote_it),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
