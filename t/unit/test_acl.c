/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access lists: what is understood, what is not, and who is in which network;
 * against a search through all of them, too.
 */
#include "base/acl.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ENTRIES = 64
};

static struct addr
address(const char *text)
{
	struct addr addr = { .length = sizeof(addr.in6) };

	if (inet_pton(AF_INET, text, &addr.in.sin_addr) == 1) {
		addr.in.sin_family = AF_INET;
		return addr;
	}
	addr.in6.sin6_family = AF_INET6;
	assert_int_equal(inet_pton(AF_INET6, text, &addr.in6.sin6_addr), 1);
	return addr;
}

static struct acl_entry
entry(const char *text)
{
	struct acl_entry entry = { .verdict = *text == '-' ? ACL_DENIED
							   : ACL_ALLOWED };
	char error[256];

	if (!acl_parse(text + 1, &entry.network, error, sizeof(error)))
		fail_msg("%s: %s", text + 1, error);
	return entry;
}

/* "+NETWORK" and "-NETWORK", with a space after each; closed if one is "+". */
static struct acl *
list(const char *text)
{
	struct acl_entry entries[ENTRIES];
	char one[64];
	int count = 0, length;

	for (const char *at = text; sscanf(at, "%63s%n", one, &length) == 1;
	     at += length)
		entries[count++] = entry(one);
	return acl_new(entries, count, strchr(text, '+') != NULL);
}

static void
expect(const char *text, const char *from, enum acl_verdict verdict)
{
	struct acl *acl = list(text);
	struct addr addr = address(from);
	enum acl_verdict got = acl_look(acl, &addr);

	acl_free(acl);
	if (got != verdict)
		fail_msg("\"%s\" says %d of %s, not %d", text, (int)got, from,
			 (int)verdict);
}

static void
expect_error(const char *text, const char *wanted)
{
	struct acl_network network;
	char error[256] = "";

	assert_false(acl_parse(text, &network, error, sizeof(error)));
	if (!strstr(error, wanted))
		fail_msg("%s: \"%s\" is not about \"%s\"", text, error, wanted);
}

static void
parses_what_is_right(void **state)
{
	static const char *const good[] = {
		"+0.0.0.0",
		"+192.0.2.1",
		"+192.0.2.1/32",
		"+0.0.0.0/0",
		"+10.0.0.0/8",
		"+::",
		"+::/0",
		"+2001:db8::/32",
		"+2001:db8::1/128",
		"+::1",
		"+::ffff:10.0.0.1",
		"+::ffff:10.0.0.0/104",
		"+fe80::/10",
		"+128.0.0.0/1",
		"+8000::/1",
		"+::8000:0:0:0/65",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		(void)entry(good[i]);
}

static void
says_what_is_wrong(void **state)
{
	static const char *const nothing[] = {
		"",
		"/8",
		"localhost",
		"10.0.0",
		"10.0.0.0.0",
		"256.0.0.1",
		"[::1]",
		"fe80::1%lo",
		" 10.0.0.1",
		"10.0.0.1 ",
		"10.0.0.1:80",
		"2001:db8:::",
		"*",
		"unix:/socket",
		"010.0.0.1x",
		"1111111111111111111111111111111111111111111111111111",
	};
	static const char *const lengths[] = {
		"10.0.0.0/33", "10.0.0.0/",	   "10.0.0.0/-1",
		"10.0.0.0/+8", "10.0.0.0/8 ",	   "10.0.0.0/8/8",
		"10.0.0.0/x",  "10.0.0.0/0000000", "10.0.0.0/255.0.0.0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++)
		expect_error(nothing[i], "is no address or network");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		expect_error(lengths[i], "number from 0 to 32");
	expect_error("::/129", "number from 0 to 128");
}

static void
says_which_network_may_be_meant(void **state)
{
	(void)state;
	expect_error("10.0.0.1/8", " 10.0.0.0/8 may be meant");
	expect_error("192.0.2.255/31", " 192.0.2.254/31 may be meant");
	expect_error("192.0.2.1/0", " 0.0.0.0/0 may be meant");
	expect_error("2001:db8::1/32", " 2001:db8::/32 may be meant");
	expect_error("2001:db8:0:1::1/64", " 2001:db8:0:1::/64 may be meant");
	expect_error("::1/0", " ::/0 may be meant");
	expect_error("::ffff:10.0.0.1/104", " ::ffff:10.0.0.0/104 may be");
}

static void
is_silent_or_closed_about_others(void **state)
{
	(void)state;
	expect("", "192.0.2.1", ACL_SILENT);
	expect("", "2001:db8::1", ACL_SILENT);
	expect("-10.0.0.0/8", "11.0.0.0", ACL_SILENT);
	expect("-10.0.0.0/8", "9.255.255.255", ACL_SILENT);
	expect("-10.0.0.0/8", "::1", ACL_SILENT);
	expect("+10.0.0.0/8", "11.0.0.0", ACL_DENIED);
	expect("+10.0.0.0/8", "::1", ACL_DENIED);
	expect("+::/0", "10.0.0.1", ACL_DENIED);
	expect("+0.0.0.0/0", "::1", ACL_DENIED);
}

static void
the_most_specific_decides(void **state)
{
	static const char nested[] = "+10.0.0.0/8 -10.1.0.0/16 +10.1.2.0/24 "
				     "-10.1.2.3 -10.255.255.255";

	(void)state;
	expect(nested, "10.0.0.0", ACL_ALLOWED);
	expect(nested, "10.0.255.255", ACL_ALLOWED);
	expect(nested, "10.1.0.0", ACL_DENIED);
	expect(nested, "10.1.1.255", ACL_DENIED);
	expect(nested, "10.1.2.0", ACL_ALLOWED);
	expect(nested, "10.1.2.2", ACL_ALLOWED);
	expect(nested, "10.1.2.3", ACL_DENIED);
	expect(nested, "10.1.2.4", ACL_ALLOWED);
	expect(nested, "10.1.3.0", ACL_DENIED);
	expect(nested, "10.2.0.0", ACL_ALLOWED);
	expect(nested, "10.255.255.254", ACL_ALLOWED);
	expect(nested, "10.255.255.255", ACL_DENIED);
	expect(nested, "11.0.0.0", ACL_DENIED);
}

static void
of_the_same_deny_does(void **state)
{
	(void)state;
	expect("+10.0.0.0/8 -10.0.0.0/8", "10.0.0.1", ACL_DENIED);
	expect("-10.0.0.0/8 +10.0.0.0/8", "10.0.0.1", ACL_DENIED);
	expect("-10.0.0.1 +10.0.0.1/32 +10.0.0.0/8", "10.0.0.1", ACL_DENIED);
	expect("+::/0 -::/0", "::1", ACL_DENIED);
	expect("+10.0.0.0/8 +10.0.0.0/8 +10.0.0.0/8", "10.0.0.1", ACL_ALLOWED);
}

static void
the_ends_are_in(void **state)
{
	(void)state;
	expect("-255.255.255.255 -0.0.0.0", "255.255.255.255", ACL_DENIED);
	expect("-255.255.255.255 -0.0.0.0", "0.0.0.0", ACL_DENIED);
	expect("-255.255.255.255 -0.0.0.0", "0.0.0.1", ACL_SILENT);
	expect("-ffff::/16", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	       ACL_DENIED);
	expect("-::", "::", ACL_DENIED);
	expect("-::", "::1", ACL_SILENT);
	expect("-2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", ACL_DENIED);
	expect("-2001:db8::/64", "2001:db8:0:1::", ACL_SILENT);
}

static void
mapped_addresses_are_v4(void **state)
{
	(void)state;
	expect("-10.0.0.0/8", "::ffff:10.0.0.1", ACL_DENIED);
	expect("-::ffff:10.0.0.0/104", "10.0.0.1", ACL_DENIED);
	expect("-::ffff:0:0/96", "192.0.2.1", ACL_DENIED);
	expect("-::/0", "10.0.0.1", ACL_SILENT);
	expect("-::/0", "::ffff:10.0.0.1", ACL_SILENT);
	expect("-::/64", "10.0.0.1", ACL_SILENT);
	expect("-::/0", "::1", ACL_DENIED);
	expect("-::/0", "::fffe:ffff:ffff", ACL_DENIED);
	expect("-::/0", "::1:0:0:0", ACL_DENIED);
}

/* --- against a search --- */

static bool
bits_agree(const uint8_t a[16], const uint8_t b[16], int length)
{
	for (int i = 0; i < length; i++)
		if (((a[i / 8] ^ b[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	return true;
}

static void
agrees_with_a_search(void **state)
{
	struct acl_entry entries[ENTRIES];
	uint8_t bytes[ENTRIES][16];

	(void)state;
	srandom(1);
	for (int round = 0; round < 300; round++) {
		int count = (int)(random() % ENTRIES);
		struct acl *acl;

		/* Few bits differ, so that many are in one another. */
		for (int i = 0; i < count; i++) {
			struct acl_network *network = &entries[i].network;
			uint64_t high = (uint64_t)random() % 16 << 60;

			network->length = 1 + (int)(random() % 4);
			high &= UINT64_MAX << (64 - network->length);
			network->first = (struct acl_address){ high, 0 };
			entries[i].verdict =
				random() % 2 ? ACL_DENIED : ACL_ALLOWED;
			memset(bytes[i], 0, 16);
			bytes[i][0] = (uint8_t)(high >> 56);
		}
		acl = acl_new(entries, count, round % 2);
		assert_non_null(acl);
		for (int first = 0; first < 16; first++) {
			enum acl_verdict wanted =
				round % 2 ? ACL_DENIED : ACL_SILENT;
			struct addr from = address("1::1");
			int longest = 0;

			from.in6.sin6_addr.s6_addr[0] = (uint8_t)(first << 4);
			for (int i = 0; i < count; i++) {
				int length = entries[i].network.length;

				if (length < longest ||
				    !bits_agree(bytes[i],
						from.in6.sin6_addr.s6_addr,
						length))
					continue;
				if (length > longest ||
				    entries[i].verdict == ACL_DENIED)
					wanted = entries[i].verdict;
				longest = length;
			}
			assert_int_equal(acl_look(acl, &from), wanted);
		}
		acl_free(acl);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_is_right),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(says_which_network_may_be_meant),
		cmocka_unit_test(is_silent_or_closed_about_others),
		cmocka_unit_test(the_most_specific_decides),
		cmocka_unit_test(of_the_same_deny_does),
		cmocka_unit_test(the_ends_are_in),
		cmocka_unit_test(mapped_addresses_are_v4),
		cmocka_unit_test(agrees_with_a_search),
	};

	return cmocka_run_group_tests_name("acl", tests, NULL, NULL);
}
