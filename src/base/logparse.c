/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader's side of base/log.h, and the names of the levels.  What comes
 * through the pipe was written by other processes, which may be out of their
 * minds: nothing in a record is believed before it was checked.
 */
#include "base/log.h"

#include <string.h>

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",   [LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_NOTICE] = "notice", [LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

enum {
	LEVELS = sizeof(level_names) / sizeof(level_names[0])
};

const char *
log_level_name(enum log_level level)
{
	/* The enum may be unsigned; a negative number is then a big one. */
	return (unsigned)level < LEVELS ? level_names[level] : NULL;
}

int
log_level_parse(const char *name)
{
	for (int i = 0; i < LEVELS; i++)
		if (level_names[i] && strcmp(name, level_names[i]) == 0)
			return i;
	return -1;
}

static bool
header_valid(const struct log_header *header)
{
	return header->length > sizeof(*header) &&
	       header->length <= LOG_RECORD_MAX &&
	       header->tags <= LOG_TAGS_MAX &&
	       log_level_name((enum log_level)header->level) &&
	       memchr(header->role, '\0', sizeof(header->role));
}

/* The string at *BYTES, which is moved behind it; NULL if END comes first. */
static const char *
next_string(const char **bytes, const char *end)
{
	const char *string = *bytes;
	const char *nul = memchr(string, '\0', (size_t)(end - string));

	if (!nul)
		return NULL;
	*bytes = nul + 1;
	return string;
}

/* 0, or -1 when the strings are not exactly those that were announced. */
static int
parse_strings(const char *bytes, const char *end, struct log_parsed *parsed)
{
	parsed->tags = parsed->header.tags;
	parsed->description = next_string(&bytes, end);
	if (!parsed->description)
		return -1;
	for (int i = 0; i < parsed->tags; i++) {
		parsed->names[i] = next_string(&bytes, end);
		if (!parsed->names[i])
			return -1;
		parsed->values[i] = next_string(&bytes, end);
		if (!parsed->values[i])
			return -1;
	}
	return bytes == end ? 0 : -1;
}

int
log_parse(const char *bytes, size_t length, struct log_parsed *parsed)
{
	const uint32_t magic = LOG_MAGIC;
	const size_t known = length < sizeof(magic) ? length : sizeof(magic);

	if (memcmp(bytes, &magic, known) != 0)
		return -1;
	if (length < sizeof(parsed->header))
		return 0;
	memcpy(&parsed->header, bytes, sizeof(parsed->header));
	if (!header_valid(&parsed->header))
		return -1;
	if (length < parsed->header.length)
		return 0;
	if (parse_strings(bytes + sizeof(parsed->header),
			  bytes + parsed->header.length, parsed) < 0)
		return -1;
	return parsed->header.length;
}
