/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log pipe: whatever a worker writes to it, the journal passes over it or
 * makes one line of it, in which nothing is left that a terminal obeys.
 */
#include "base/log.h"
#include "journal/line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct line *line)
{
	if (line->length == 0 || line->length > sizeof(line->bytes))
		abort();
	for (size_t i = 0; i < line->length; i++)
		if ((unsigned char)line->bytes[i] < ' ' ||
		    line->bytes[i] == 0x7f)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct line line;
	static int open;
	/* Of its own, so that what reads beyond it is caught. */
	char *bytes = malloc(size + !size);
	size_t at = 0;

	if (!open)
		line_open(&line);
	open = 1;
	memcpy(bytes, data, size);
	while (at < size) {
		struct log_parsed record;
		int length = log_parse(bytes + at, size - at, &record);

		if (length > 0) {
			line_make(&line, &record);
			check(&line);
		}
		if (length > (int)(size - at))
			abort();
		at += length > 0 ? (size_t)length : 1;
	}
	free(bytes);
	return 0;
}
