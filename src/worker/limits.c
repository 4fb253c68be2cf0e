/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/limits.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/*
 * A bucket is kept as the time at which it will be full again: a request
 * moves that on by the time that one token takes, and it may lie ahead by
 * as many tokens as the bucket holds.
 */
struct bucket {
	uint64_t source;
	uint64_t full_at; /* CLOCK_MONOTONIC, ns; 0: never used */
};

enum {
	WAYS = 4, /* places that a source could have: a line of the cache */
	SETS = LIMITS_SOURCES / WAYS,
};

struct limits {
	_Alignas(64) struct bucket sets[SETS][WAYS];
	uint64_t key[2];
	uint64_t random; /* state of the generator; not 0 */
	uint64_t token;	 /* nanoseconds for one */
	uint64_t room;	 /* the same for all that a bucket holds */
	uint64_t leak;
};

struct limits *
limits_new(const struct limits_rate *rate)
{
	struct limits *limits = aligned_alloc(64, sizeof(*limits));
	double token = (double)CLOCK_SECOND / rate->per_second;

	if (!limits)
		return NULL;
	memset(limits, 0, sizeof(*limits));
	if (getrandom(limits->key, sizeof(limits->key), 0) < 0 ||
	    getrandom(&limits->random, sizeof(limits->random), 0) < 0) {
		free(limits);
		return NULL;
	}
	limits->random |= 1;
	limits->token = token < 1 ? 1 : (uint64_t)token;
	limits->room = limits->token * (uint64_t)rate->burst;
	limits->leak = (uint64_t)rate->leak;
	return limits;
}

void
limits_free(struct limits *limits)
{
	free(limits);
}

/*
 * A number for each source.  Nobody's IPv6 address is in 0000::/16, but for
 * ::1 and those that stand for IPv4 ones: the others are free to use here.
 */
static uint64_t
source_of(const struct addr *from)
{
	const struct in6_addr *v6 = &from->in6.sin6_addr;
	uint64_t source = 0;
	uint32_t v4;

	if (from->sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(v6)) {
		for (int i = 0; i < 8; i++)
			source = source << 8 | v6->s6_addr[i];
		return source;
	}
	if (from->sa.sa_family == AF_INET)
		v4 = from->in.sin_addr.s_addr;
	else if (from->sa.sa_family == AF_INET6)
		memcpy(&v4, &v6->s6_addr[12], sizeof(v4));
	else
		return UINT64_C(1) << 32;
	return UINT64_C(2) << 32 | ntohl(v4);
}

static uint64_t
rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 of one word: cheap, and not to be foreseen without the key. */
static uint64_t
hash(const uint64_t key[2], uint64_t word)
{
	const uint64_t length = UINT64_C(8) << 56;
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};

	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[3] ^= length;
	sip_round(v);
	v[0] ^= length;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The bucket of SOURCE, or the one to give it. */
static struct bucket *
find(struct limits *limits, uint64_t source)
{
	struct bucket *set = limits->sets[hash(limits->key, source) % SETS];
	struct bucket *fullest = set;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].source == source && set[i].full_at)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	*fullest = (struct bucket){ .source = source };
	return fullest;
}

/* One in `leak`; xorshift64 is random enough for that. */
static bool
leaks(struct limits *limits)
{
	uint64_t x = limits->random;

	if (limits->leak == 0)
		return false;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	limits->random = x;
	return x % limits->leak == 0;
}

bool
limits_admit(struct limits *limits, const struct addr *from, uint64_t now)
{
	struct bucket *bucket = find(limits, source_of(from));
	uint64_t ahead = bucket->full_at > now ? bucket->full_at - now : 0;

	if (ahead > limits->room)
		ahead = limits->room;
	if (ahead + limits->token > limits->room) {
		bucket->full_at = now + ahead;
		return leaks(limits);
	}
	bucket->full_at = now + ahead + limits->token;
	return true;
}
