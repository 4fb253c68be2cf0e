/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/report.h"

#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool
send_record(struct report_writer *writer, void *record, enum report_type type,
	    size_t length)
{
	struct report_header *header = record;

	header->type = (uint16_t)type;
	header->length = (uint16_t)length;
	header->slot = writer->slot;
	header->generation = writer->generation;
	header->reserved = 0;
	if (write(writer->fd, record, length) == (ssize_t)length)
		return true;
	writer->lost++;
	return false;
}

bool
report_send(struct report_writer *writer, enum report_type type)
{
	struct report_header header;

	return send_record(writer, &header, type, sizeof(header));
}

bool
report_beat(struct report_writer *writer, struct report_beat *beat)
{
	return send_record(writer, beat, REPORT_BEAT, sizeof(*beat));
}

bool
report_failed(struct report_writer *writer, int error, const char *text)
{
	struct report_failed failed = { .error = error };

	strlcpy(failed.text, text, sizeof(failed.text));
	return send_record(writer, &failed, REPORT_FAILED, sizeof(failed));
}

/* The exact length of a type's record; 0 for no type of ours. */
static size_t
length_of(uint16_t type)
{
	switch (type) {
	case REPORT_READY:
	case REPORT_DRAINED:
		return sizeof(struct report_header);
	case REPORT_BEAT:
		return sizeof(struct report_beat);
	case REPORT_FAILED:
		return sizeof(struct report_failed);
	default:
		return 0;
	}
}

/* Take one record from what is held. */
static enum report_outcome
take(struct report_reader *reader, union report *report)
{
	struct report_header header;
	size_t length;

	if (reader->held < sizeof(header))
		return REPORT_EMPTY;
	memcpy(&header, reader->bytes, sizeof(header));
	length = length_of(header.type);
	if (length == 0 || header.length != length ||
	    header.slot != reader->slot ||
	    header.generation != reader->generation) {
		reader->held = 0;
		return REPORT_REFUSED;
	}
	if (reader->held < length)
		return REPORT_EMPTY;
	memcpy(report, reader->bytes, length);
	reader->held -= (uint32_t)length;
	memmove(reader->bytes, reader->bytes + length, reader->held);
	if (header.type == REPORT_FAILED)
		report->failed.text[sizeof(report->failed.text) - 1] = '\0';
	return REPORT_GOT;
}

enum report_outcome
report_next(struct report_reader *reader, union report *report)
{
	enum report_outcome outcome = take(reader, report);
	ssize_t n;

	if (outcome != REPORT_EMPTY)
		return outcome;
	n = read(reader->fd, reader->bytes + reader->held,
		 sizeof(reader->bytes) - reader->held);
	if (n == 0)
		return REPORT_END;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? REPORT_EMPTY
							 : REPORT_END;
	reader->held += (uint32_t)n;
	return take(reader, report);
}
