/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/limits.h"

#include "base/bucket.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	SETS = LIMITS_SOURCES / BUCKET_WAYS,
};

struct limits {
	struct bucket_set sets[SETS];
	uint64_t key[2];
	uint64_t random; /* state of the generator; not 0 */
	struct bucket_rate rate;
	uint64_t leak;
};

struct limits *
limits_new(const struct limits_rate *rate)
{
	struct limits *limits = aligned_alloc(64, sizeof(*limits));

	if (!limits)
		return NULL;
	memset(limits, 0, sizeof(*limits));
	if (getrandom(limits->key, sizeof(limits->key), 0) < 0 ||
	    getrandom(&limits->random, sizeof(limits->random), 0) < 0) {
		free(limits);
		return NULL;
	}
	limits->random |= 1;
	limits->rate = bucket_rate(rate->per_second, rate->burst);
	limits->leak = (uint64_t)rate->leak;
	return limits;
}

void
limits_free(struct limits *limits)
{
	free(limits);
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
	uint64_t source = addr_source(from);
	struct bucket_set *set =
		&limits->sets[siphash(limits->key, &source, 1) % SETS];

	return bucket_take(set, source, &limits->rate, now) || leaks(limits);
}
