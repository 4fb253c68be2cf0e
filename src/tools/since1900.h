/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seconds since 1900-01-01 00:00:00 UTC, of which the wire has the low 32
 * bits: RFC 868, and RFC 5905 section 6.  They begin anew every 136 years, for
 * the first time on 2036-02-07 at 06:28:16; which era is meant has to be known
 * from elsewhere, and that is a clock that is right to 68 years.
 */
#ifndef TIMED_TOOLS_SINCE1900_H
#define TIMED_TOOLS_SINCE1900_H

#include <stdint.h>

/* 1970-01-01 00:00:00 UTC */
#define SINCE1900_EPOCH INT64_C(2208988800)

/*
 * Seconds since the epoch (1970) whose low bits WIRE is, of all eras the one
 * nearest to NEAR, which is in seconds since the epoch.
 */
int64_t since1900_unix(uint32_t wire, int64_t near);

/* The era of a time in seconds since the epoch: 0 until 2036, then 1. */
int since1900_era(int64_t seconds);

#endif
