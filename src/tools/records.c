/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/records.h"

#include <string.h>

void
records_open(struct records *records,
	     void (*emit)(void *context, const char *bytes, size_t length,
			  bool end),
	     void *context)
{
	records->emit = emit;
	records->context = context;
	records->form = RECORDS_UNKNOWN;
	records->waited = false;
	records->uneven = false;
	records->chunk = 0;
	records->burst = 0;
	records->length = 0;
	records->held = 0;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
finish(struct records *records)
{
	records->emit(records->context, records->bytes, records->held, true);
	records->held = 0;
}

static void
hold(struct records *records, const char *bytes, size_t length)
{
	while (length > 0) {
		size_t room = RECORDS_MAX - records->held;
		size_t n = smaller(room, length);

		memcpy(records->bytes + records->held, bytes, n);
		records->held += n;
		bytes += n;
		length -= n;
		if (length == 0)
			break;
		/* No bare record is that long: a line, passed on in parts. */
		records->form = RECORDS_LINES;
		records->emit(records->context, records->bytes, records->held,
			      false);
		records->held = 0;
	}
}

static void
cut_lines(struct records *records, const char *bytes, size_t length)
{
	const char *end = bytes + length;
	const char *newline;

	while (bytes < end &&
	       (newline = memchr(bytes, '\n', (size_t)(end - bytes)))) {
		hold(records, bytes, (size_t)(newline - bytes));
		finish(records);
		bytes = newline + 1;
	}
	hold(records, bytes, (size_t)(end - bytes));
}

static void
cut_bare(struct records *records, const char *bytes, size_t length)
{
	while (length > 0) {
		size_t n = smaller(records->length - records->held, length);

		hold(records, bytes, n);
		bytes += n;
		length -= n;
		if (records->held == records->length)
			finish(records);
	}
}

void
records_bytes(struct records *records, const char *bytes, size_t length)
{
	if (length == 0)
		return;
	if (records->burst == 0) {
		records->chunk = length;
		records->uneven = false;
	} else if (length != records->chunk) {
		records->uneven = true;
	}
	records->burst += length;
	if (memchr(bytes, '\n', length))
		records->form = RECORDS_LINES;
	switch (records->form) {
	case RECORDS_UNKNOWN:
		hold(records, bytes, length);
		break;
	case RECORDS_LINES:
		cut_lines(records, bytes, length);
		break;
	case RECORDS_BARE:
		cut_bare(records, bytes, length);
		break;
	}
}

bool
records_waiting(const struct records *records)
{
	return records->form != RECORDS_LINES && records->burst > 0;
}

/*
 * The first burst of a server without newlines.  Reads of one size are
 * records that came close to one another: the first, and a boundary just
 * after it.
 */
static void
learn(struct records *records)
{
	char first[RECORDS_MAX];
	size_t length = records->held;

	memcpy(first, records->bytes, length);
	records->form = RECORDS_BARE;
	records->length = records->uneven ? length : records->chunk;
	records->held = 0;
	cut_bare(records, first, length);
}

void
records_silence(struct records *records)
{
	size_t burst = records->burst;

	records->burst = 0;
	if (burst == 0 || records->form == RECORDS_LINES)
		return;
	if (records->form == RECORDS_UNKNOWN) {
		learn(records);
		return;
	}
	if (records->held == 0) {
		records->waited = false;
		return;
	}
	/*
	 * What is left over is the first piece of a torn record, unless the
	 * burst shows that the length is another: longer, or a fraction of
	 * one that was learnt from several records in one piece, or the rest
	 * did not fit either.
	 */
	if (!records->waited && burst < records->length &&
	    records->length % burst != 0) {
		records->waited = true;
		return;
	}
	records->waited = false;
	records->length = smaller(burst, RECORDS_MAX);
	finish(records);
}

void
records_end(struct records *records)
{
	if (records->held > 0)
		finish(records);
}
