/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fds.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int
ascending(const void *a, const void *b)
{
	int left = *(const int *)a;
	int right = *(const int *)b;

	return (left > right) - (left < right);
}

int
fds_keep_only(int *keep, int count)
{
	unsigned first = STDERR_FILENO + 1;

	qsort(keep, (size_t)count, sizeof(*keep), ascending);
	for (int i = 0; i < count; i++) {
		if (keep[i] < (int)first)
			continue;
		if (keep[i] > (int)first &&
		    close_range(first, (unsigned)keep[i] - 1, 0) < 0)
			return -1;
		first = (unsigned)keep[i] + 1;
	}
	return close_range(first, UINT_MAX, 0);
}

int
fds_fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int
fds_detach(bool stderr_too)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int result = 0;

	if (null < 0)
		return -1;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (stderr_too && dup2(null, STDERR_FILENO) < 0))
		result = -1;
	if (null > STDERR_FILENO)
		close(null);
	return result;
}

unsigned long
fds_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = { limit.rlim_max, limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			return raised.rlim_cur;
	}
	return limit.rlim_cur;
}

unsigned long
fds_left(int highest)
{
	struct rlimit limit;
	rlim_t open = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	for (int fd = 0; fd <= highest; fd++)
		open += fcntl(fd, F_GETFD) >= 0;
	return limit.rlim_cur > open ? limit.rlim_cur - open : 0;
}

bool
fds_is_file(int fd, const char *path)
{
	struct stat opened, there;

	return fstat(fd, &opened) == 0 && lstat(path, &there) == 0 &&
	       opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
}

int
fds_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
