/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	BYTES_MAX = 1 << 20,
	DEPTH_MAX = 10, /* as the parser has it */
	NULL_MAJOR = 1,
	NULL_MINOR = 3,
};

/* What is wrong with what FD has open, or NULL. */
static const char *
fault_of(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return strerror(errno);
	if (S_ISCHR(status.st_mode) && major(status.st_rdev) == NULL_MAJOR &&
	    minor(status.st_rdev) == NULL_MINOR)
		return NULL;
	if (!S_ISREG(status.st_mode))
		return "is not a plain file";
	return status.st_size > BYTES_MAX ? "is larger than 1 MiB" : NULL;
}

/* The name in an include directive, in place; NULL when LINE is none. */
static char *
included(char *line)
{
	static const char directive[] = "@include";
	char *end;

	line += strspn(line, " \t");
	if (strncmp(line, directive, strlen(directive)) != 0)
		return NULL;
	line += strlen(directive);
	line += strspn(line, " \t");
	if (*line++ != '"')
		return NULL;
	end = strchr(line, '"');
	if (!end)
		return NULL;
	*end = '\0';
	return line;
}

static bool check(const char *file, const char *directory, int depth,
		  struct complaints *complaints);

static bool
check_included(FILE *stream, const char *directory, int depth,
	       struct complaints *complaints)
{
	char path[PATH_MAX];
	char *line = NULL;
	size_t room = 0;
	bool good = true;

	while (good && getline(&line, &room, stream) > 0) {
		const char *name = included(line);

		if (!name)
			continue;
		if (*name == '/')
			snprintf(path, sizeof(path), "%s", name);
		else
			snprintf(path, sizeof(path), "%s/%s", directory, name);
		good = check(path, directory, depth, complaints);
	}
	free(line);
	return good;
}

static bool
check(const char *file, const char *directory, int depth,
      struct complaints *complaints)
{
	/* Non-blocking: a FIFO must not hold up even this look at it. */
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	const char *fault;
	FILE *stream;
	bool good;

	if (fd < 0 && depth > 0)
		return true; /* the parser names the line of that */
	fault = fd < 0 ? strerror(errno) : fault_of(fd);
	if (fault) {
		complain(complaints, NULL, "%s: %s", file, fault);
		if (fd >= 0)
			close(fd);
		return false;
	}
	stream = fdopen(fd, "r");
	if (!stream) {
		complain(complaints, NULL, "%s: %s", file, strerror(errno));
		close(fd);
		return false;
	}
	/* Deeper ones the parser refuses itself. */
	good = depth > DEPTH_MAX ||
	       check_included(stream, directory, depth + 1, complaints);
	fclose(stream);
	return good;
}

bool
files_check(const char *file, const char *directory,
	    struct complaints *complaints)
{
	return check(file, directory, 0, complaints);
}
