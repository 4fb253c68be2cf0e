/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Symbolic links on the way, as the kernel bounds them. */
enum {
	LINKS_MAX = 40
};

struct walk {
	uid_t self;
	int links;
	char *why;
	size_t size;
};

static bool walk_along(struct walk *walk, const char *path);

static bool
fault(const struct walk *walk, const char *path, const char *what)
{
	snprintf(walk->why, walk->size, "%s: %s", path, what);
	return false;
}

static bool
follow(struct walk *walk, const char *path)
{
	char target[PATH_MAX], whole[2 * PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	int directory = (int)(strrchr(path, '/') - path);

	if (length < 0)
		return fault(walk, path, strerror(errno));
	target[length] = '\0';
	if (++walk->links > LINKS_MAX)
		return fault(walk, path, strerror(ELOOP));
	if (*target == '/')
		return walk_along(walk, target);
	snprintf(whole, sizeof(whole), "%.*s/%s", directory, path, target);
	if (strlen(whole) >= PATH_MAX)
		return fault(walk, path, strerror(ENAMETOOLONG));
	return walk_along(walk, whole);
}

/* The last component of PATH, whose others were looked at before. */
static bool
look_at(struct walk *walk, const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return fault(walk, path, strerror(errno));
	if (status.st_uid != 0 && status.st_uid != walk->self)
		return fault(walk, path, "belongs to another user");
	if (S_ISLNK(status.st_mode))
		return follow(walk, path);
	if (S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX))
		return true;
	if (status.st_mode & (S_IWGRP | S_IWOTH))
		return fault(walk, path,
			     status.st_mode & S_IWOTH
				     ? "others can write it"
				     : "its group can write it");
	return true;
}

static bool
walk_along(struct walk *walk, const char *path)
{
	char part[PATH_MAX] = "/";
	size_t end = 0;

	while (look_at(walk, part)) {
		end += strspn(path + end, "/");
		if (path[end] == '\0')
			return true;
		end += strcspn(path + end, "/");
		if (end >= sizeof(part))
			return fault(walk, "/", strerror(ENAMETOOLONG));
		memcpy(part, path, end);
		part[end] = '\0';
	}
	return false;
}

bool
trust_file(const char *path, char *why, size_t size)
{
	struct walk walk = { .self = geteuid(), .why = why, .size = size };
	struct stat status;

	if (!walk_along(&walk, path))
		return false;
	if (stat(path, &status) < 0)
		return fault(&walk, path, strerror(errno));
	return S_ISREG(status.st_mode)
		       ? true
		       : fault(&walk, path, "is not a plain file");
}

bool
trust_program(const char *path, char *why, size_t size)
{
	struct walk walk = { .why = why, .size = size };

	if (!trust_file(path, why, size))
		return false;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return fault(&walk, path, strerror(errno));
	return true;
}

bool
trust_directory(const char *path, char *why, size_t size)
{
	struct walk walk = { .self = geteuid(), .why = why, .size = size };
	struct stat status;

	/* Who is not root is left the ways that he has made for himself. */
	if (walk.self == 0 && !walk_along(&walk, path))
		return false;
	if (stat(path, &status) < 0)
		return fault(&walk, path, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return fault(&walk, path, strerror(ENOTDIR));
	if (status.st_uid != 0 && status.st_uid != walk.self)
		return fault(&walk, path, "belongs to another user");
	if (status.st_mode & S_IWOTH)
		return fault(&walk, path, "others can write it");
	return status.st_mode & S_IWGRP
		       ? fault(&walk, path, "its group can write it")
		       : true;
}

bool
trust_empty(const char *path, char *why, size_t size)
{
	struct walk walk = { .why = why, .size = size };
	DIR *directory = opendir(path);
	const struct dirent *entry;
	int others = 0;

	if (!directory)
		return fault(&walk, path, strerror(errno));
	while ((entry = readdir(directory)))
		others += strcmp(entry->d_name, ".") != 0 &&
			  strcmp(entry->d_name, "..") != 0;
	closedir(directory);
	return others ? fault(&walk, path, "is not empty") : true;
}
