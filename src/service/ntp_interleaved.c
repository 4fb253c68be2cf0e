/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/ntp_interleaved.h"

#include <stdlib.h>
#include <string.h>

/* 256 KiB a worker, of which the kernel gives what is written to. */
enum {
	ENTRIES = 4, /* of a set; one cache line */
	SET_BITS = 12,
	SETS = 1 << SET_BITS,
};

struct entry {
	uint64_t key; /* 0: free */
	uint64_t transmit;
};

/* The newest first. */
struct set {
	_Alignas(64) struct entry entries[ENTRIES];
};

struct ntp_interleaved {
	struct set sets[SETS];
};

struct ntp_interleaved *
ntp_interleaved_new(void)
{
	struct ntp_interleaved *table =
		aligned_alloc(_Alignof(struct set), sizeof(*table));

	if (table)
		ntp_interleaved_forget(table);
	return table;
}

void
ntp_interleaved_free(struct ntp_interleaved *table)
{
	free(table);
}

static uint64_t
mix(uint64_t value)
{
	value ^= value >> 32;
	value *= UINT64_C(0x9e3779b97f4a7c15); /* 2^64 over the golden ratio */
	return value ^ value >> 32;
}

uint64_t
ntp_interleaved_key(const struct addr *from, uint64_t receive)
{
	uint64_t parts[2] = { 0, 0 };
	uint64_t key;

	if (from->sa.sa_family == AF_INET)
		memcpy(parts, &from->in.sin_addr, sizeof(from->in.sin_addr));
	else if (from->sa.sa_family == AF_INET6)
		memcpy(parts, &from->in6.sin6_addr, sizeof(parts));
	key = mix(receive ^ mix(parts[0] ^ mix(parts[1])));
	return key ? key : 1;
}

static size_t
set_of(uint64_t key)
{
	return key >> (64 - SET_BITS);
}

uint64_t
ntp_interleaved_find(const struct ntp_interleaved *table, uint64_t key)
{
	const struct set *set = &table->sets[set_of(key)];

	for (int i = 0; i < ENTRIES; i++)
		if (set->entries[i].key == key)
			return set->entries[i].transmit;
	return 0;
}

void
ntp_interleaved_put(struct ntp_interleaved *table, uint64_t key,
		    uint64_t transmit)
{
	struct entry *entries = table->sets[set_of(key)].entries;

	memmove(entries + 1, entries, (ENTRIES - 1) * sizeof(*entries));
	entries[0] = (struct entry){ key, transmit };
}

void
ntp_interleaved_forget(struct ntp_interleaved *table)
{
	memset(table, 0, sizeof(*table));
}
