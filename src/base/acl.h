/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access lists: networks that are allowed and networks that are denied.
 *
 * The most specific network that an address is in decides; where the same
 * network is both allowed and denied, it is denied.  A list that is closed, as
 * one with anything allowed is, denies whoever is in none of its networks; an
 * open one is silent about him.
 *
 * An address that is mapped into IPv6 (::ffff:192.0.2.1) is the IPv4 address
 * that it stands for, in lists as in what is looked up.  A network of IPv6 that
 * would hold all of those, as ::/0 does, holds no IPv4 address.
 *
 * A list is kept as ranges that do not overlap, in order, each with what is to
 * be done, so a look is a binary search, however networks are nested.
 */
#ifndef TIMED_BASE_ACL_H
#define TIMED_BASE_ACL_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum acl_verdict {
	ACL_SILENT,
	ACL_ALLOWED,
	ACL_DENIED,
};

enum {
	ACL_ENTRIES = 65536, /* at most, in one list */
};

/* An address as a number of 128 bits; IPv4 is ::ffff:0:0/96. */
struct acl_address {
	uint64_t high;
	uint64_t low;
};

struct acl_network {
	struct acl_address first;
	int length; /* of its prefix, 0 to 128; of an IPv4 network, 96 more */
};

struct acl_entry {
	struct acl_network network;
	enum acl_verdict verdict; /* not ACL_SILENT */
};

/*
 * Parse an address, or a network as ADDRESS/LENGTH; bits behind the network
 * must be 0.  False with one line of text in ERROR (SIZE bytes) that says what
 * is wrong with it.
 */
bool acl_parse(const char *text, struct acl_network *network, char *error,
	       size_t size);

struct acl;

/* A list of COUNT entries, in any order.  NULL: no memory. */
struct acl *acl_new(const struct acl_entry *entries, int count, bool closed);

void acl_free(struct acl *acl);

/* What the list says of FROM, an address of IPv4 or IPv6. */
enum acl_verdict acl_look(const struct acl *acl, const struct addr *from);

#endif
