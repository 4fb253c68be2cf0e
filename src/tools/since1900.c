/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/since1900.h"

int64_t
since1900_unix(uint32_t wire, int64_t near)
{
	uint32_t past = wire - (uint32_t)(near + SINCE1900_EPOCH);

	return near + (int32_t)past;
}

int
since1900_era(int64_t seconds)
{
	const int64_t length = INT64_C(1) << 32;
	int64_t since = seconds + SINCE1900_EPOCH;

	return (int)((since < 0 ? since - length + 1 : since) / length);
}
