/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server says to timec: a room's dialogue, and a stream of records.  The
 * pieces that it comes in are cut at newlines and elsewhere; what is given on
 * is within bounds, and no byte of a stream of lines is lost.
 */
#include "tools/dialogue.h"
#include "tools/records.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t bytes;
	unsigned sum;
};

static void
add(struct seen *seen, const char *text, size_t length)
{
	seen->bytes += length;
	for (size_t i = 0; i < length; i++)
		seen->sum += (unsigned char)text[i];
}

static void
heard(void *context, enum dialogue_kind kind, const char *text, size_t length)
{
	if (length > DIALOGUE_LINE || kind == DIALOGUE_NOTHING)
		abort();
	add(context, text, length);
	(void)dialogue_welcomes(text, length);
	(void)dialogue_parts(text, length);
}

static void
emitted(void *context, const char *bytes, size_t length, bool end)
{
	(void)end;
	if (length > RECORDS_MAX)
		abort();
	add(context, bytes, length);
}

/* The first byte: how long a piece is, and whether there are silences. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dialogue dialogue;
	static struct records records;
	struct seen said = { 0 }, read = { 0 };
	size_t newlines = 0, piece;
	char *bytes;

	if (size < 2)
		return 0;
	dialogue_open(&dialogue, heard, &said);
	records_open(&records, emitted, &read);
	for (size_t at = 1; at < size; at += piece) {
		piece = (data[0] & 127U) + 1;
		if (piece > size - at)
			piece = size - at;
		/* Of its own, so that what reads beyond it is caught. */
		bytes = malloc(piece);
		memcpy(bytes, data + at, piece);
		for (size_t i = 0; i < piece; i++)
			newlines += bytes[i] == '\n';
		dialogue_bytes(&dialogue, bytes, piece);
		records_bytes(&records, bytes, piece);
		free(bytes);
		if (data[0] & 128 && records_waiting(&records))
			records_silence(&records);
	}
	dialogue_end(&dialogue);
	records_end(&records);
	if (said.bytes > size || read.bytes + newlines != size - 1)
		abort();
	return 0;
}
