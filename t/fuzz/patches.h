/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that somebody hostile writes: it is as it should be, and then parts of
 * it are not.  Each patch of a fuzzer's input is a place and what is put there.
 */
#ifndef TIMED_T_FUZZ_PATCHES_H
#define TIMED_T_FUZZ_PATCHES_H

#include <stdint.h>
#include <string.h>

struct patch {
	uint32_t at;
	uint8_t value[8];
};

enum {
	PATCH_BYTES = 12
};

/* Put the patches that DATA is made of into the LENGTH bytes at MEMORY. */
static inline void
patches_apply(void *memory, size_t length, const uint8_t *data, size_t size)
{
	struct patch patch;

	for (; size >= PATCH_BYTES; data += PATCH_BYTES, size -= PATCH_BYTES) {
		memcpy(&patch.at, data, sizeof(patch.at));
		memcpy(patch.value, data + sizeof(patch.at),
		       sizeof(patch.value));
		patch.at %= (uint32_t)(length - sizeof(patch.value));
		memcpy((char *)memory + patch.at, patch.value,
		       sizeof(patch.value));
	}
}

#endif
