/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/files.h"

#include "base/trust.h"

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
	FILES_MAX = 100,
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

/* What an include directive has behind its first quote, or NULL: it is none. */
static char *
included(char *line)
{
	static const char directive[] = "@include";

	line += strspn(line, " \t");
	if (strncmp(line, directive, strlen(directive)) != 0)
		return NULL;
	line += strlen(directive);
	line += strspn(line, " \t");
	return *line == '"' ? line + 1 : NULL;
}

/*
 * Cut NAME off where its quote ends.  What is wrong with it, or NULL: all that
 * the parser could take for another name than we do.
 */
static const char *
take_name(char *name)
{
	char *end = strchr(name, '"');

	if (!end)
		return "the name in an @include ends on its line";
	*end = '\0';
	return strchr(name, '\\') ? "the name in an @include has no backslash"
				  : NULL;
}

struct look {
	const char *directory; /* where names start */
	int files;	       /* so far */
	char *doubt;	       /* the first one, or empty */
	size_t size;
	struct complaints *complaints;
};

static bool check(struct look *look, const char *file, int depth);

/*
 * LINE, of LENGTH bytes: what is wrong with it, or NULL; *NAME: of a file.
 * Which file an absolute name means depends on the parser's version.
 */
static const char *
look_at(char *line, size_t length, char **name)
{
	const char *fault;

	*name = NULL;
	if (memchr(line, '\0', length))
		return "a NUL byte is no text";
	*name = included(line);
	fault = *name ? take_name(*name) : NULL;
	if (!fault && *name && **name == '/')
		return "the name in an @include has no slash at its beginning";
	return fault;
}

static bool
check_included(struct look *look, FILE *stream, const char *file, int depth)
{
	char path[PATH_MAX];
	char *line = NULL, *name;
	size_t room = 0;
	ssize_t length;
	bool good = true;

	for (int number = 1;
	     good && (length = getline(&line, &room, stream)) > 0; number++) {
		const char *fault = look_at(line, (size_t)length, &name);

		if (!fault && name && look->files++ == FILES_MAX)
			fault = "too many files are included";
		if (fault) {
			complain(look->complaints, NULL, "%s:%d: %s", file,
				 number, fault);
			good = false;
		} else if (name) {
			snprintf(path, sizeof(path), "%s/%s", look->directory,
				 name);
			good = check(look, path, depth);
		}
	}
	free(line);
	return good;
}

static bool
check(struct look *look, const char *file, int depth)
{
	/* Non-blocking: a FIFO must not hold up even this look at it. */
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	const char *fault;
	FILE *stream;
	bool good;

	if (fd < 0 && depth > 0)
		return true; /* the parser names the line of that */
	fault = fd < 0 ? strerror(errno) : fault_of(fd);
	if (!*look->doubt && trust_file(file, look->doubt, look->size))
		*look->doubt = '\0';
	if (fault) {
		complain(look->complaints, NULL, "%s: %s", file, fault);
		if (fd >= 0)
			close(fd);
		return false;
	}
	stream = fdopen(fd, "r");
	if (!stream) {
		complain(look->complaints, NULL, "%s: %s", file,
			 strerror(errno));
		close(fd);
		return false;
	}
	/* Deeper ones the parser refuses itself. */
	good = depth > DEPTH_MAX ||
	       check_included(look, stream, file, depth + 1);
	fclose(stream);
	return good;
}

bool
files_check(const char *file, const char *directory, char *doubt, size_t size,
	    struct complaints *complaints)
{
	struct look look = { .directory = directory,
			     .doubt = doubt,
			     .size = size,
			     .complaints = complaints };

	*doubt = '\0';
	return check(&look, file, 0);
}
