/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that is soon full, for tests: a small tmpfs that nobody else sees.
 */
#ifndef TIMED_T_UNIT_SMALL_DISK_H
#define TIMED_T_UNIT_SMALL_DISK_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static inline bool
small_disk_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 &&
		    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Mounts of one's own; who is not root needs to be one of his own, too. */
static inline bool
small_disk_unshare(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (uid == 0)
		return unshare(CLONE_NEWNS) == 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (!small_disk_write("/proc/self/setgroups", "deny") ||
	    !small_disk_write("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return small_disk_write("/proc/self/gid_map", map);
}

/* Mount one over DIRECTORY, of KILOBYTES; once in a process. */
static inline bool
small_disk_mount(const char *directory, int kilobytes)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%dk", kilobytes);
	return small_disk_unshare() &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
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
