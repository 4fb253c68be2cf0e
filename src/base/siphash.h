/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-1-3 of whole words: cheap, and not to be foreseen without the key.
 * It spreads over a table what strangers choose.
 */
#ifndef TIMED_BASE_SIPHASH_H
#define TIMED_BASE_SIPHASH_H

#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const uint64_t *words, int count);

#endif
