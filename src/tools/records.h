/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte stream cut into records.
 *
 * A server that sends newlines sends lines.  One that sends none is known by
 * its pauses: bytes, and then 100 ms of silence, are a record; its length is
 * kept, so that records that came in one piece or in several are cut right.
 * The first newline settles that there are lines.
 *
 * The caller reads, keeps the time and tells of silence; nothing here waits
 * or allocates, and no more than RECORDS_MAX bytes are ever held.
 */
#ifndef TIMED_TOOLS_RECORDS_H
#define TIMED_TOOLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

enum {
	RECORDS_MAX = 4096,
	RECORDS_SILENCE_MS = 100
};

enum records_form {
	RECORDS_UNKNOWN,
	RECORDS_LINES, /* each ends in a newline */
	RECORDS_BARE,  /* each is `length` bytes long */
};

struct records {
	/*
	 * LENGTH bytes of a record, without its newline.  END: the record
	 * ends here; a line of more than RECORDS_MAX bytes comes in parts.
	 */
	void (*emit)(void *context, const char *bytes, size_t length, bool end);
	void *context;
	enum records_form form;
	bool waited;   /* a piece was held over a silence: the rest may come */
	bool uneven;   /* the reads of this burst differ in size */
	size_t chunk;  /* the size of its first read */
	size_t burst;  /* bytes since the last silence */
	size_t length; /* of a bare record */
	size_t held;
	char bytes[RECORDS_MAX];
};

/* Start anew, as for a new connection. */
void records_open(struct records *records,
		  void (*emit)(void *context, const char *bytes, size_t length,
			       bool end),
		  void *context);

/* LENGTH bytes arrived, in one read. */
void records_bytes(struct records *records, const char *bytes, size_t length);

/*
 * Whether a silence would tell something: call records_silence() when
 * nothing has come for RECORDS_SILENCE_MS after the last bytes.
 */
bool records_waiting(const struct records *records);

void records_silence(struct records *records);

/* The stream ended: what is held is a record, whole or not. */
void records_end(struct records *records);

#endif
