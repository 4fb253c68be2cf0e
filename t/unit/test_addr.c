/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

static char error[256];

static void
parse(const char *text, struct addr_listen *listen)
{
	memset(listen, 0x55, sizeof(*listen));
	if (!addr_parse_listen(text, listen, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
}

static void
round_trip(void **state)
{
	static const char *const texts[] = {
		"127.0.0.1:6013", "[::1]:6013",		"0.0.0.0:0",
		"[::]:65535",	  "[2001:db8::5]:123",	"unix:/run/x/sock",
		"10.1.2.3:1",	  "[::ffff:1.2.3.4]:7", "unix:/tmp/a:b",
	};
	struct addr_listen listen;
	char text[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		parse(texts[i], &listen);
		assert_int_equal(listen.count, 1);
		assert_int_equal(listen.transports, 0);
		assert_false(listen.any);
		addr_format(&listen.addr[0], text);
		assert_string_equal(text, texts[i]);
	}
}

static void
sockaddrs(void **state)
{
	struct addr_listen listen;
	const struct addr *address = &listen.addr[0];

	(void)state;
	parse("1.2.3.4:80", &listen);
	assert_int_equal(address->length, sizeof(struct sockaddr_in));
	assert_int_equal(address->in.sin_family, AF_INET);
	assert_int_equal(ntohl(address->in.sin_addr.s_addr), 0x01020304);
	assert_int_equal(ntohs(address->in.sin_port), 80);
	parse("[::1]:80", &listen);
	assert_int_equal(address->length, sizeof(struct sockaddr_in6));
	assert_true(IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr));
	assert_int_equal(address->in6.sin6_scope_id, 0);
	parse("unix:/a", &listen);
	assert_int_equal(address->length,
			 offsetof(struct sockaddr_un, sun_path) + 3);
	assert_string_equal(address->un.sun_path, "/a");
	assert_int_equal(addr_port(address), 0);
}

static void
both_families(void **state)
{
	static const char *const texts[] = { "*:13", "localhost:13" };
	static const char *const v4[] = { "0.0.0.0:13", "127.0.0.1:13" };
	static const char *const v6[] = { "[::]:13", "[::1]:13" };
	struct addr_listen listen;
	char text[ADDR_TEXT];

	(void)state;
	for (int i = 0; i < 2; i++) {
		parse(texts[i], &listen);
		assert_int_equal(listen.count, 2);
		assert_int_equal(listen.any, 1);
		addr_format(&listen.addr[0], text);
		assert_string_equal(text, v4[i]);
		addr_format(&listen.addr[1], text);
		assert_string_equal(text, v6[i]);
	}
}

static void
transports(void **state)
{
	struct addr_listen listen;

	(void)state;
	parse("tcp:*:13", &listen);
	assert_int_equal(listen.transports, ADDR_TCP);
	assert_int_equal(listen.count, 2);
	parse("udp:[::1]:13", &listen);
	assert_int_equal(listen.transports, ADDR_UDP);
	parse("tcp:unix:/x", &listen);
	assert_int_equal(listen.transports, ADDR_TCP);
	assert_int_equal(listen.addr[0].sa.sa_family, AF_UNIX);
}

static void
scopes(void **state)
{
	char text[ADDR_TEXT], wanted[ADDR_TEXT], name[IF_NAMESIZE];
	struct addr_listen listen, again;

	(void)state;
	parse("[fe80::1%4000000000]:13", &listen);
	assert_int_equal(listen.addr[0].in6.sin6_scope_id, 4000000000u);
	addr_format(&listen.addr[0], text);
	assert_string_equal(text, "[fe80::1%4000000000]:13");
	parse("[fe80::1%3999999999]:13", &again);
	assert_false(addr_equal(&listen.addr[0], &again.addr[0]));
	if (!if_indextoname(1, name))
		return;
	snprintf(wanted, sizeof(wanted), "[fe80::1%%%s]:13", name);
	parse(wanted, &listen);
	assert_int_equal(listen.addr[0].in6.sin6_scope_id, 1);
	addr_format(&listen.addr[0], text);
	assert_string_equal(text, wanted);
}

static void
refused(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		":13",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1: 1",
		"1.2.3.4:1x",
		"127.0.0.1:000013",
		"127.1:13",
		"0x7f.0.0.1:13",
		"256.0.0.1:13",
		"example.com:13",
		"localhost.:13",
		"::1:13",
		"::1",
		"[::1]",
		"[::1]13",
		"[::1:13",
		"[]:13",
		"[1.2.3.4]:13",
		"[*]:13",
		"[localhost]:13",
		"[::g]:13",
		"[fe80::1%]:13",
		"[fe80::1%0]:13",
		"[fe80::1%no/such]:13",
		"[::1%lo]:13",
		"[fe80::1%4294967296]:13",
		"unix:",
		"unix:x",
		"unix:@x",
		"unix:/a\nb",
		"udp:",
		"tcp:udp:*:13",
		"sctp:*:13",
		"*",
		"*13",
		" *:13",
		"*:13 ",
		"127.0.0.1:99999999999999999999",
	};
	struct addr_listen listen;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error[0] = '\0';
		if (addr_parse_listen(bad[i], &listen, error, sizeof(error)))
			fail_msg("accepted: %s", bad[i]);
		assert_true(strlen(error) > 0);
		assert_null(strchr(error, '\n'));
	}
	addr_parse_listen("::1:13", &listen, error, sizeof(error));
	assert_non_null(strstr(error, "brackets"));
}

/* The longest of everything fits, one more byte is an error. */
static void
long_texts(void **state)
{
	struct addr_listen listen;
	struct sockaddr_un un;
	char path[1024], text[ADDR_TEXT];

	(void)state;
	memset(path, 'a', sizeof(path));
	memcpy(path, "unix:/", 6);
	path[5 + sizeof(un.sun_path) - 1] = '\0';
	parse(path, &listen);
	assert_int_equal(listen.addr[0].length, sizeof(un));
	addr_format(&listen.addr[0], text);
	assert_string_equal(text, path);
	path[5 + sizeof(un.sun_path) - 1] = 'a';
	path[5 + sizeof(un.sun_path)] = '\0';
	assert_false(addr_parse_listen(path, &listen, error, sizeof(error)));
	memset(path, '1', sizeof(path));
	memcpy(path + sizeof(path) - 4, ":13", 4);
	assert_false(addr_parse_listen(path, &listen, error, sizeof(error)));
	path[0] = '[';
	memcpy(path + sizeof(path) - 5, "]:13", 5);
	assert_false(addr_parse_listen(path, &listen, error, 8));
	assert_in_range(strlen(error), 1, 7);
}

/* What the kernel hands out: unnamed, abstract and unterminated. */
static void
odd_unix_names(void **state)
{
	struct addr address = { .un.sun_family = AF_UNIX }, same;
	char text[ADDR_TEXT];

	(void)state;
	address.length = sizeof(sa_family_t);
	addr_format(&address, text);
	assert_string_equal(text, "unix:");
	memcpy(address.un.sun_path, "\0ab\nc", 5);
	address.length = offsetof(struct sockaddr_un, sun_path) + 5;
	addr_format(&address, text);
	assert_string_equal(text, "unix:@ab?c");
	/* The kernel counts a terminating byte that it had no room for. */
	memset(&address, 'z', sizeof(address));
	address.un.sun_family = AF_UNIX;
	address.length = sizeof(address.un) + 1;
	addr_format(&address, text);
	assert_int_equal(strlen(text), 5 + sizeof(address.un.sun_path));
	same = address;
	assert_true(addr_equal(&address, &same));
	same.un.sun_path[sizeof(same.un.sun_path) - 1] = 'y';
	assert_false(addr_equal(&address, &same));
}

static void
equality(void **state)
{
	static const char *const texts[] = {
		"127.0.0.1:13", "127.0.0.2:13", "127.0.0.1:14", "[::1]:13",
		"[::2]:13",	"[::1]:14",	"unix:/a",	"unix:/ab",
	};
	const size_t n = sizeof(texts) / sizeof(texts[0]);
	struct addr_listen a, b;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			parse(texts[i], &a);
			parse(texts[j], &b);
			assert_int_equal(addr_equal(&a.addr[0], &b.addr[0]),
					 i == j);
		}
	}
	/* Bytes that nobody named do not count. */
	parse("127.0.0.1:13", &a);
	parse("127.0.0.1:13", &b);
	b.addr[0].in.sin_zero[0] = 'x';
	assert_true(addr_equal(&a.addr[0], &b.addr[0]));
	/* The kernel may count the terminating byte or not. */
	parse("unix:/a", &a);
	parse("unix:/a", &b);
	b.addr[0].length--;
	assert_true(addr_equal(&a.addr[0], &b.addr[0]));
}

static void
ports(void **state)
{
	struct addr_listen listen;
	char text[ADDR_TEXT];

	(void)state;
	parse("*:0", &listen);
	assert_int_equal(addr_port(&listen.addr[0]), 0);
	addr_set_port(&listen.addr[0], 65535);
	addr_set_port(&listen.addr[1], 1);
	assert_int_equal(addr_port(&listen.addr[0]), 65535);
	assert_int_equal(addr_port(&listen.addr[1]), 1);
	parse("unix:/a", &listen);
	addr_set_port(&listen.addr[0], 24930);
	addr_format(&listen.addr[0], text);
	assert_string_equal(text, "unix:/a");
}

/* Numbers alone: a test asks no name server. */
static void
resolving(void **state)
{
	static const struct {
		const char *text, *address;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1:6013" },
		{ "127.0.0.1:13", "127.0.0.1:13" },
		{ "[::1]:13", "[::1]:13" },
		{ "[::1]", "[::1]:6013" },
		{ "::1", "[::1]:6013" },
		{ "2001:db8::1:13", "[2001:db8::1:13]:6013" },
		{ "unix:/run/x", "unix:/run/x" },
	};
	struct addr addresses[4];
	char text[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = addr_resolve(cases[i].text, 6013, SOCK_STREAM,
				     addresses, 4, error, sizeof(error));

		if (n < 0)
			fail_msg("%s: %s", cases[i].text, error);
		assert_int_equal(n, 1);
		addr_format(&addresses[0], text);
		assert_string_equal(text, cases[i].address);
	}
}

static void
not_resolved(void **state)
{
	static const char *const bad[] = {
		"",	  ":13",	   "127.0.0.1:", "127.0.0.1:x", "[::1",
		"[::1]x", "1.2.3.4:65536", "unix:x",	 "::g",		"[]:1",
	};
	struct addr addresses[4];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		error[0] = '\0';
		assert_int_equal(addr_resolve(bad[i], 13, SOCK_DGRAM, addresses,
					      4, error, sizeof(error)),
				 -1);
		assert_true(strlen(error) > 0);
		/* Of all but one the form says so. */
		assert_int_equal(addr_check(bad[i], error, sizeof(error)),
				 strcmp(bad[i], "::g") == 0);
	}
	assert_true(addr_check("no.such.host:13", error, sizeof(error)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(sockaddrs),
		cmocka_unit_test(both_families),
		cmocka_unit_test(transports),
		cmocka_unit_test(scopes),
		cmocka_unit_test(refused),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(odd_unix_names),
		cmocka_unit_test(equality),
		cmocka_unit_test(ports),
		cmocka_unit_test(resolving),
		cmocka_unit_test(not_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
