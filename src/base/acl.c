/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/acl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	V4_LENGTH = 96, /* of the network that all of IPv4 is mapped into */
	WHOLE_LENGTH = 128,
	/* Networks around one another: each length once. */
	DEEPEST = WHOLE_LENGTH + 1,
};

static const struct acl_address V4_FIRST = { 0, UINT64_C(0xffff) << 32 };
static const struct acl_address LAST = { UINT64_MAX, UINT64_MAX };

/* From `first` to the next range. */
struct range {
	struct acl_address first;
	enum acl_verdict verdict;
};

struct acl {
	int count; /* at least 1; the first begins at :: */
	struct range ranges[];
};

/* --- addresses as numbers --- */

static int
compare(struct acl_address a, struct acl_address b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low < b.low ? -1 : a.low > b.low;
}

static struct acl_address
after(struct acl_address address)
{
	address.low++;
	address.high += address.low == 0;
	return address;
}

/* The bits behind a prefix of so many, of 64. */
static uint64_t
behind(int length)
{
	if (length <= 0)
		return UINT64_MAX;
	return length >= 64 ? 0 : UINT64_MAX >> length;
}

static struct acl_address
first_of(const struct acl_network *network)
{
	struct acl_address first = network->first;

	first.high &= ~behind(network->length);
	first.low &= ~behind(network->length - 64);
	return first;
}

static struct acl_address
last_of(const struct acl_network *network)
{
	struct acl_address last = network->first;

	last.high |= behind(network->length);
	last.low |= behind(network->length - 64);
	return last;
}

static struct acl_address
from_v4(const struct in_addr *v4)
{
	struct acl_address address = V4_FIRST;

	address.low |= ntohl(v4->s_addr);
	return address;
}

static struct acl_address
from_v6(const struct in6_addr *v6)
{
	struct acl_address address = { 0, 0 };

	for (int i = 0; i < 8; i++) {
		address.high = address.high << 8 | v6->s6_addr[i];
		address.low = address.low << 8 | v6->s6_addr[i + 8];
	}
	return address;
}

/* As it would be written: IPv4 if V4. */
static void
show(struct acl_address address, bool v4, char *text, size_t size)
{
	struct in6_addr in6;
	struct in_addr in = { htonl((uint32_t)address.low) };

	for (int i = 0; i < 8; i++) {
		in6.s6_addr[i] = (uint8_t)(address.high >> (56 - 8 * i));
		in6.s6_addr[i + 8] = (uint8_t)(address.low >> (56 - 8 * i));
	}
	if (v4)
		inet_ntop(AF_INET, &in, text, (socklen_t)size);
	else
		inet_ntop(AF_INET6, &in6, text, (socklen_t)size);
}

/* --- parsing --- */

static bool
parse_address(const char *text, struct acl_address *address, bool *v4)
{
	struct in6_addr in6;
	struct in_addr in;

	*v4 = inet_pton(AF_INET, text, &in) == 1;
	if (*v4)
		*address = from_v4(&in);
	else if (inet_pton(AF_INET6, text, &in6) == 1)
		*address = from_v6(&in6);
	else
		return false;
	return true;
}

/* -1: it is no number from 0 to MOST. */
static int
parse_length(const char *text, int most)
{
	int length = 0;

	if (!*text || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = 10 * length + (*text - '0');
	}
	return length <= most ? length : -1;
}

static bool
check_bits(const struct acl_network *network, bool v4, char *error, size_t size)
{
	struct acl_address first = first_of(network);
	char meant[INET6_ADDRSTRLEN];

	if (compare(first, network->first) == 0)
		return true;
	show(first, v4, meant, sizeof(meant));
	snprintf(error, size,
		 "there are bits set behind the network; %s/%d may be meant, "
		 "or the address without a length",
		 meant, network->length - (v4 ? V4_LENGTH : 0));
	return false;
}

bool
acl_parse(const char *text, struct acl_network *network, char *error,
	  size_t size)
{
	char address[INET6_ADDRSTRLEN];
	size_t end = strcspn(text, "/");
	bool v4 = false;

	if (end < sizeof(address)) {
		memcpy(address, text, end);
		address[end] = '\0';
	}
	if (end >= sizeof(address) ||
	    !parse_address(address, &network->first, &v4)) {
		snprintf(error, size,
			 "is no address or network, such as 192.0.2.1, "
			 "192.0.2.0/24 or 2001:db8::/32");
		return false;
	}
	network->length = v4 ? WHOLE_LENGTH - V4_LENGTH : WHOLE_LENGTH;
	if (text[end])
		network->length = parse_length(text + end + 1, network->length);
	if (network->length < 0) {
		snprintf(error, size,
			 "the length of an %s network is a number from 0 to %d",
			 v4 ? "IPv4" : "IPv6",
			 v4 ? WHOLE_LENGTH - V4_LENGTH : WHOLE_LENGTH);
		return false;
	}
	network->length += v4 ? V4_LENGTH : 0;
	return check_bits(network, v4, error, size);
}

/* --- making ranges of networks --- */

/* Those around before those in them, and of two that are the same the denied
 * one last. */
static int
by_place(const void *a, const void *b)
{
	const struct acl_entry *one = a, *other = b;
	int order = compare(one->network.first, other->network.first);

	if (order == 0)
		order = one->network.length - other->network.length;
	if (order == 0)
		order = (int)one->verdict - (int)other->verdict;
	return order;
}

/* On the way through all addresses: the networks that one is in. */
struct walk {
	struct acl *acl;
	int depth;
	struct acl_entry around[DEEPEST];
};

/* From FIRST on, it is VERDICT. */
static void
turn(struct acl *acl, struct acl_address first, enum acl_verdict verdict)
{
	if (acl->count > 0 &&
	    compare(acl->ranges[acl->count - 1].first, first) == 0)
		acl->count--;
	if (acl->count > 0 && acl->ranges[acl->count - 1].verdict == verdict)
		return;
	acl->ranges[acl->count++] = (struct range){ first, verdict };
}

static bool
same(const struct acl_network *a, const struct acl_network *b)
{
	return a->length == b->length && compare(a->first, b->first) == 0;
}

static void
enter(struct walk *walk, const struct acl_entry *entry)
{
	/* The same one again takes its place. */
	if (walk->depth > 0 &&
	    same(&walk->around[walk->depth - 1].network, &entry->network))
		walk->depth--;
	walk->around[walk->depth++] = *entry;
	turn(walk->acl, entry->network.first, entry->verdict);
}

/* Leave those that end before FIRST. */
static void
leave(struct walk *walk, struct acl_address first)
{
	while (walk->depth > 1) {
		struct acl_address last =
			last_of(&walk->around[walk->depth - 1].network);

		if (compare(last, first) >= 0)
			return;
		walk->depth--;
		turn(walk->acl, after(last),
		     walk->around[walk->depth - 1].verdict);
	}
}

static void
make_ranges(struct acl *acl, struct acl_entry *entries, int count, bool closed)
{
	struct walk walk = { .acl = acl };

	qsort(entries, (size_t)count, sizeof(*entries), by_place);
	for (int i = 0; i < count; i++) {
		if (entries[i].verdict == ACL_SILENT && closed)
			entries[i].verdict = ACL_DENIED;
		leave(&walk, entries[i].network.first);
		enter(&walk, &entries[i]);
	}
	leave(&walk, LAST);
}

struct acl *
acl_new(const struct acl_entry *entries, int count, bool closed)
{
	/* What is said of whom no entry is about, and of none of IPv4. */
	const struct acl_entry nobody[] = {
		{ { { 0, 0 }, 0 }, ACL_SILENT },
		{ { V4_FIRST, V4_LENGTH }, ACL_SILENT },
	};
	size_t all = (size_t)count + 2;
	struct acl_entry *sorted = calloc(all, sizeof(*sorted));
	struct acl *acl =
		calloc(1, sizeof(*acl) + 2 * all * sizeof(*acl->ranges));
	struct acl *shrunk;

	if (!sorted || !acl) {
		free(sorted);
		free(acl);
		return NULL;
	}
	memcpy(sorted, nobody, sizeof(nobody));
	if (count > 0)
		memcpy(sorted + 2, entries, (size_t)count * sizeof(*entries));
	make_ranges(acl, sorted, (int)all, closed);
	free(sorted);
	shrunk = realloc(acl, sizeof(*acl) + (size_t)acl->count *
						     sizeof(*acl->ranges));
	if (!shrunk)
		return acl;
	return shrunk;
}

void
acl_free(struct acl *acl)
{
	free(acl);
}

enum acl_verdict
acl_look(const struct acl *acl, const struct addr *from)
{
	struct acl_address address = from->sa.sa_family == AF_INET
					     ? from_v4(&from->in.sin_addr)
					     : from_v6(&from->in6.sin6_addr);
	int low = 0, high = acl->count;

	/* The last that begins there or before. */
	while (high - low > 1) {
		int middle = low + (high - low) / 2;

		if (compare(acl->ranges[middle].first, address) <= 0)
			low = middle;
		else
			high = middle;
	}
	return acl->ranges[low].verdict;
}
