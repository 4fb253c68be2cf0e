/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces of one's own, for tests that want rights that not everybody has.
 */
#ifndef TIMED_T_UNIT_UNSHARED_H
#define TIMED_T_UNIT_UNSHARED_H

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline bool
unshared_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 &&
		    write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/*
 * Have the namespaces FLAGS (CLONE_NEWNS, CLONE_NEWNET) to oneself; who is not
 * root has all rights in them then, and keeps his name.  Once in a process.
 */
static inline bool
unshared(int flags)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (uid == 0)
		return unshare(flags) == 0;
	if (unshare(CLONE_NEWUSER | flags) < 0)
		return false;
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	if (!unshared_write("/proc/self/setgroups", "deny") ||
	    !unshared_write("/proc/self/uid_map", map))
		return false;
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	return unshared_write("/proc/self/gid_map", map);
}

/* A network with nothing but a loopback. */
static inline bool
unshared_loopback(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	bool up;
	int fd;

	if (!unshared(CLONE_NEWNET))
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	up = ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
	close(fd);
	return up;
}

#endif
