/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A log file while somebody reads it: where its last lines begin, and then one
 * line after another.
 *
 * It has a descriptor of its own, so that it goes on where it is when the file
 * is renamed, and what it has not read yet costs nothing.  Each call reads
 * TAIL_BLOCK bytes at most, however long the file or a line is.
 */
#ifndef TIMED_JOURNAL_TAIL_H
#define TIMED_JOURNAL_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	TAIL_BLOCK = 16 * 1024,
	TAIL_NAME = 64,
};

struct tail {
	int fd;
	off_t at;	 /* what is before it was read */
	off_t end;	 /* nothing from here on is to be read */
	off_t back;	 /* of the search: what is behind was looked through */
	uint32_t wanted; /* of the search: line ends still to be found */
	char name[TAIL_NAME];
	bool named;  /* its name is whole */
	size_t used; /* of what was read last */
	size_t next; /* in it */
	char bytes[TAIL_BLOCK + 1];
};

/* Read FD, which becomes the tail's, from the beginning. */
void tail_open(struct tail *tail, int fd);

void tail_close(struct tail *tail);

/* What comes to the file from now on is not to be read. */
void tail_limit(struct tail *tail);

/* Begin to look for the last LINES lines; what is there now is the end. */
void tail_search(struct tail *tail, uint32_t lines);

/* Look on.  True once tail->at is where they begin. */
bool tail_found(struct tail *tail);

/*
 * Go on from AT of the file that was called NAME.  False when this is another
 * one or was emptied since: then it is read from the beginning.
 */
bool tail_resume(struct tail *tail, const char *name, off_t at);

/* The file was emptied: go on from its beginning. */
void tail_rewind(struct tail *tail);

/*
 * What the file is called now, and as long as nobody empties it; it says which
 * file it is and how it begins.
 */
const char *tail_name(struct tail *tail);

/* A line, or as much of it as fits a block. */
struct tail_line {
	char *bytes;   /* bytes[length] may be written to */
	size_t length; /* without the newline */
	bool cut;      /* the line goes on in the next one */
};

/*
 * The next line; tail->at is behind it.  False: there is none that has an end
 * yet, or, for the LAST time, none at all.
 */
bool tail_line(struct tail *tail, bool last, struct tail_line *line);

#endif
