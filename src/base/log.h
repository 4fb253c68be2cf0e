/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer's side of the log: any process makes records, the journal
 * process reads them from one pipe and owns everything slow.
 *
 * A record is a description and name='value' tags, binary, at most PIPE_BUF
 * bytes, so that one write(2) to the non-blocking pipe puts it there whole
 * or not at all.  Nobody ever waits: a record that does not fit is counted,
 * and log_flush() says how many as soon as there is room again.  Each kind of
 * event has a rate bound of its own; what it left out is counted and said
 * once a second in the same way.
 *
 * This module holds the one log of its process in a static: everything
 * writes to it, and there is never a second.  Before log_open() records go
 * nowhere.
 *
 * The process must ignore SIGPIPE: a pipe that nobody reads any more is one
 * that cannot take the record.  A child calls log_open() anew, which forgets
 * the counts that it inherited.
 *
 * log.c is the writer, logparse.c the reader and the names of the levels.
 */
#ifndef TIMED_BASE_LOG_H
#define TIMED_BASE_LOG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As syslog(3) has them, which is what LOG_* of <syslog.h> would be. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* One kind of event; the table of all kinds comes from the caller. */
struct log_kind {
	enum log_level level;
	const char *description;
};

enum {
	LOG_MAGIC = 0x676f6c74,
	LOG_RECORD_MAX = PIPE_BUF,
	LOG_TAGS_MAX = 32,
};

/*
 * The head of a record in the pipe; there follow, each with its NUL, the
 * description and for every tag its name and its value.
 */
struct log_header {
	uint32_t magic;
	uint16_t length; /* of the whole record, bytes */
	uint8_t level;
	uint8_t tags;  /* how many name and value pairs follow */
	int32_t pid;   /* of the writer */
	int64_t time;  /* CLOCK_REALTIME, nanoseconds */
	char role[16]; /* "master", "worker 3"; terminated */
};

/* A record being made; on the writer's stack. */
struct log_record {
	bool wanted; /* false: nothing is written */
	uint16_t length;
	union {
		struct log_header header;
		char bytes[LOG_RECORD_MAX];
	};
};

/*
 * Start logging: FD is the write end of the log pipe, non-blocking; ROLE who
 * writes; KINDS the table of COUNT events (at most 64), whose indices
 * log_begin() takes; LEVEL the least important one that is written; RATE how
 * many records of one kind a second (burst: the same), 0 for no bound.
 */
void log_open(int fd, const char *role, const struct log_kind *kinds, int count,
	      enum log_level level, unsigned rate);

/* What log_open() was given, for a child that is to log as well; or -1. */
int log_fd(void);

/* From now on records go nowhere; FD is the caller's to close. */
void log_close(void);

/* Take on another level or rate, after a reload. */
void log_configure(enum log_level level, unsigned rate);

/*
 * Begin a record of KIND.  Returns record->wanted: false when its level is
 * off or its rate is used up (then it is counted), and log_tag() and
 * log_end() do nothing; callers may test it to save the work.
 */
bool log_begin(struct log_record *record, int kind);

/*
 * Add NAME='value'.  A value that does not fit is cut short, a tag whose name
 * does not fit or that is one too many (LOG_TAGS_MAX) is left out.  The
 * journal escapes control bytes, not the writer.
 */
void log_tag(struct log_record *record, const char *name, const char *format,
	     ...) __attribute__((format(printf, 3, 4)));

/* Write the record, or count it as lost.  Keeps errno. */
void log_end(struct log_record *record);

/* log_begin(), log_tag() with one tag, log_end(). */
void log_event(int kind, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Say what was lost or left out since the last time, if anything was and if
 * there is room; at any level.  Each process calls it about once a second.
 */
void log_flush(void);

/* Records of this process that the pipe could not take, since log_open(). */
uint64_t log_lost(void);

/* Records of this process that the rate bound left out, since log_open(). */
uint64_t log_limited(void);

/*
 * The reader's side: check the record that BYTES (LENGTH of them) begin with
 * and give its parts.  Returns its length; 0 when it is not whole yet; -1
 * when no record begins here (the reader then looks for the next LOG_MAGIC).
 * Never reads beyond LENGTH, and every string it gives is terminated within
 * the record.
 */
struct log_parsed {
	struct log_header header;
	const char *description;
	const char *names[LOG_TAGS_MAX];
	const char *values[LOG_TAGS_MAX];
	int tags;
};
int log_parse(const char *bytes, size_t length, struct log_parsed *parsed);

/* "error" to "debug"; NULL for another number. */
const char *log_level_name(enum log_level level);

/* The level of that name, or -1. */
int log_level_parse(const char *name);

#endif
