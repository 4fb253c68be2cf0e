/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that is soon full, for tests: a small tmpfs that nobody else sees.
 */
#ifndef TIMED_T_UNIT_SMALL_DISK_H
#define TIMED_T_UNIT_SMALL_DISK_H

#include "unshared.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

/* Mount one over DIRECTORY, of KILOBYTES; once in a process. */
static inline bool
small_disk_mount(const char *directory, int kilobytes)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%dk", kilobytes);
	return unshared(CLONE_NEWNS) &&
	       mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", directory, "tmpfs", 0, options) == 0;
}

/* A file in DIRECTORY that takes all that is left; *PATH is its name. */
static inline void
small_disk_fill(const char *directory, char *path, size_t size)
{
	static const char block[4096];
	FILE *file;

	snprintf(path, size, "%s/filler", directory);
	file = fopen(path, "w");
	while (file && fwrite(block, sizeof(block), 1, file) == 1 &&
	       fflush(file) == 0)
		;
	if (file)
		fclose(file);
}

#endif
