/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/bucket.h"

#include "base/clock.h"

struct bucket_rate
bucket_rate(double per_second, int burst)
{
	double token = (double)CLOCK_SECOND / per_second;
	struct bucket_rate rate = { .token = token < 1 ? 1 : (uint64_t)token };

	rate.room = rate.token * (uint64_t)burst;
	return rate;
}

/* The bucket of SOURCE, or the one to give it. */
static struct bucket *
find(struct bucket_set *set, uint64_t source)
{
	struct bucket *ways = set->ways;
	struct bucket *fullest = ways;

	for (int i = 0; i < BUCKET_WAYS; i++) {
		if (ways[i].source == source && ways[i].full_at)
			return &ways[i];
		if (ways[i].full_at < fullest->full_at)
			fullest = &ways[i];
	}
	*fullest = (struct bucket){ .source = source };
	return fullest;
}

bool
bucket_take(struct bucket_set *set, uint64_t source,
	    const struct bucket_rate *rate, uint64_t now)
{
	struct bucket *bucket = find(set, source);
	uint64_t ahead = bucket->full_at > now ? bucket->full_at - now : 0;
	bool some;

	if (ahead > rate->room)
		ahead = rate->room;
	some = ahead + rate->token <= rate->room;
	bucket->full_at = now + ahead + (some ? rate->token : 0);
	return some;
}
