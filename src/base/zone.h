/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time zones, several in one process: a TZif file (RFC 8536) read once into
 * memory, so that whoever shows time later needs neither TZ nor a file.
 * The C library knows one zone a process and reads it when it pleases.
 */
#ifndef TIMED_BASE_ZONE_H
#define TIMED_BASE_ZONE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct zone;

/*
 * Load a zone: "UTC"; "local", which is $TZ as tzset(3) reads it (a name, a
 * path after ':' or a POSIX rule) or /etc/localtime; or an IANA name such as
 * "Europe/Berlin", looked for below $TZDIR or /usr/share/zoneinfo and never
 * above it.  A missing /etc/localtime is UTC, as for the C library.
 *
 * Returns the zone, or NULL with one line of text in ERROR: no such zone, not
 * a zone file, out of memory.
 */
struct zone *zone_load(const char *name, char *error, size_t size);

void zone_free(struct zone *zone);

/*
 * Break SECONDS since the epoch down in ZONE.  All of TM is set, tm_gmtoff
 * and tm_zone too; tm_zone points into ZONE.
 */
void zone_time(const struct zone *zone, int64_t seconds, struct tm *tm);

#endif
