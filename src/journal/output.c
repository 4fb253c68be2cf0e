/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal/output.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* How long standard error that another made non-blocking is waited for. */
enum {
	PATIENCE = 1000 /* milliseconds */
};

void
output_own(struct log_parsed *record, enum log_level level,
	   const char *description)
{
	memset(record, 0, sizeof(*record));
	record->header.level = (uint8_t)level;
	record->header.pid = (int32_t)getpid();
	record->header.time = clock_realtime();
	strcpy(record->header.role, "journal");
	record->description = description;
}

void
output_own_tag(struct log_parsed *record, const char *name, const char *value)
{
	record->names[record->tags] = name;
	record->values[record->tags] = value;
	record->tags++;
}

/* ---- One stream of lines ------------------------------------------------ */

/*
 * A stream's bytes begin with a newline that is written only behind a torn
 * line: what must go first is then one piece with what follows.
 */
static void
stream_reset(struct output_stream *stream)
{
	stream->bytes[0] = '\n';
	stream->used = 1;
}

/* Put the line at TO as STYLE has it; the bytes it took. */
static size_t
render(char *to, enum output_style style, const struct line *line)
{
	static const char *const colours[] = {
		[LOG_LEVEL_ERROR] = "\033[31m",
		[LOG_LEVEL_WARNING] = "\033[33m",
		[LOG_LEVEL_NOTICE] = "\033[1m",
		[LOG_LEVEL_INFO] = NULL,
		[LOG_LEVEL_DEBUG] = "\033[2m",
	};
	const char *colour = colours[line->level];
	const size_t size = LINE_BYTES + OUTPUT_DECORATION;
	int length;

	if (style == OUTPUT_SYSTEMD)
		length = snprintf(to, size, "<%d>%s\n", (int)line->level,
				  line->bytes + line->body);
	else if (style == OUTPUT_COLOUR && colour)
		length = snprintf(to, size, "%s%s\033[0m\n", colour,
				  line->bytes);
	else
		length = snprintf(to, size, "%s\n", line->bytes);
	return (size_t)length;
}

static bool
writable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	return poll(&wait, 1, PATIENCE) > 0;
}

/* How many of LENGTH bytes were written; fewer: errno says why. */
static size_t
write_all(int fd, const char *bytes, size_t length)
{
	size_t written = 0;

	while (written < length) {
		ssize_t n = write(fd, bytes + written, length - written);

		if (n > 0)
			written += (size_t)n;
		else if (n == 0 || (errno == EAGAIN && !writable(fd)) ||
			 (errno != EAGAIN && errno != EINTR))
			break;
	}
	return written;
}

/*
 * Write BYTES, whose first one is the newline of stream_reset().  Returns
 * how far that went: LENGTH when all is written.
 */
static size_t
stream_put(struct output_stream *stream, const char *bytes, size_t length)
{
	size_t skip = stream->torn ? 0 : 1;
	size_t end = skip;

	errno = 0;
	end += write_all(stream->fd, bytes + skip, length - skip);
	if (end > skip)
		stream->torn = bytes[end - 1] != '\n';
	if (end < length)
		stream->reason = errno ? errno : EIO;
	return end > 0 ? end : 1;
}

/* Whether the stream takes lines again and knows what it has missed. */
static bool
stream_say_lost(struct output *output, struct output_stream *stream)
{
	char bytes[1 + LINE_BYTES + OUTPUT_DECORATION] = "\n";
	struct log_parsed record;
	char count[24];
	size_t length;

	snprintf(count, sizeof(count), "%llu",
		 (unsigned long long)stream->lost);
	output_own(&record, LOG_LEVEL_WARNING, "log lines lost");
	output_own_tag(&record, "count", count);
	output_own_tag(&record, "reason", strerror(stream->reason));
	line_make(&output->line, &record);
	length = 1 + render(bytes + 1, stream->style, &output->line);
	if (stream_put(stream, bytes, length) < length)
		return false;
	stream->lost = 0;
	return true;
}

static void
stream_flush(struct output *output, struct output_stream *stream)
{
	size_t done = 1;

	if (stream->fd < 0 || (stream->used == 1 && stream->lost == 0))
		return;
	if (stream->lost == 0 || stream_say_lost(output, stream))
		done = stream_put(stream, stream->bytes, stream->used);
	while (done < stream->used)
		if (stream->bytes[done++] == '\n')
			stream->lost++;
	stream_reset(stream);
}

static void
stream_add(struct output_stream *stream, const struct line *line)
{
	if (stream->fd < 0)
		return;
	stream->used +=
		render(stream->bytes + stream->used, stream->style, line);
}

/* ---- The log file ------------------------------------------------------- */

/* Whether FD and OTHER have the same plain file open. */
static bool
is_same_file(int fd, int other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 &&
	       S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * The file that FD has open for writing, to be read, or -1 with errno.  PATH
 * is where it was, before somebody may have moved it away; /proc knows it
 * anyhow.
 */
static int
open_reader(const char *path, int fd)
{
	char own[32];
	int reader = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (reader >= 0 && is_same_file(reader, fd))
		return reader;
	if (reader >= 0)
		close(reader);
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	return open(own, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Whether the file's last line has no end, as after a crash. */
static bool
ends_torn(const char *path, int fd)
{
	struct stat status;
	char last = '\n';
	int reader;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size == 0)
		return false;
	/* Where it cannot be looked at it is taken to be whole: that is the
	 * rule. */
	reader = open_reader(path, fd);
	if (reader < 0)
		return false;
	if (pread(reader, &last, 1, status.st_size - 1) != 1)
		last = '\n';
	close(reader);
	return last != '\n';
}

/* The file, or -1 with errno. */
static int
open_file(const char *path)
{
	/* Non-blocking for the open alone: a FIFO that nobody reads must not
	 * hold up the start. */
	int fd = open(path,
		      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
			      O_NOCTTY | O_NONBLOCK,
		      0640);
	int flags;

	if (fd < 0)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Go on in FD (-1: nowhere); what the old file missed is said in the new. */
static void
replace_file(struct output *output, const char *path, int fd)
{
	struct output_stream *stream = &output->file;

	output->opened += stream->fd < 0 || !is_same_file(stream->fd, fd);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = fd;
	stream->torn = fd >= 0 && ends_torn(path, fd);
	if (fd < 0)
		stream->lost = 0;
}

/* ---- Standard error ----------------------------------------------------- */

/* Whether it goes to the systemd journal (systemd.exec(5), JOURNAL_STREAM). */
static bool
is_systemd(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

/* Whether it is a terminal whose owner wants colours (no-color.org). */
static bool
is_colourful(void)
{
	const char *refused = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && !(refused && *refused) && term &&
	       strcmp(term, "dumb") != 0;
}

static void
configure_terminal(struct output_stream *stream,
		   const struct journal_config *config)
{
	stream->fd = config->to_stderr ? STDERR_FILENO : -1;
	stream->style = is_colourful() ? OUTPUT_COLOUR : OUTPUT_PLAIN;
	if (!is_systemd())
		return;
	stream->style = OUTPUT_SYSTEMD;
	/* syslog ends up in the same journal: each line would be there twice. */
	if (config->syslog)
		stream->fd = -1;
}

/* ---- All of them -------------------------------------------------------- */

int
output_open(struct output *output, const struct journal_config *config)
{
	int fd = -1;

	if (config->file[0]) {
		fd = open_file(config->file);
		if (fd < 0)
			return -1;
	}
	memset(output, 0, sizeof(*output));
	output->config = *config;
	line_open(&output->line);
	output->file.fd = -1;
	replace_file(output, config->file, fd);
	stream_reset(&output->file);
	configure_terminal(&output->terminal, config);
	stream_reset(&output->terminal);
	return 0;
}

void
output_close(struct output *output)
{
	output_flush(output);
	replace_file(output, "", -1);
	line_close(&output->line);
}

void
output_record(struct output *output, const struct log_parsed *record)
{
	line_make(&output->line, record);
	stream_add(&output->file, &output->line);
	stream_add(&output->terminal, &output->line);
	if (output->config.syslog)
		line_syslog(&output->line);
	if (output->file.used > OUTPUT_BATCH ||
	    output->terminal.used > OUTPUT_BATCH)
		output_flush(output);
}

void
output_flush(struct output *output)
{
	stream_flush(output, &output->file);
	stream_flush(output, &output->terminal);
}

/* The file at PATH, or -1 after a line to the old outputs that says why. */
static int
open_file_or_say(struct output *output, const char *path)
{
	int fd = open_file(path);
	struct log_parsed record;

	if (fd >= 0)
		return fd;
	output_own(&record, LOG_LEVEL_ERROR, "log file not opened");
	output_own_tag(&record, "file", path);
	output_own_tag(&record, "reason", strerror(errno));
	output_record(output, &record);
	output_flush(output);
	return -1;
}

void
output_reopen(struct output *output)
{
	const char *path = output->config.file;
	int fd;

	output_flush(output);
	if (!path[0])
		return;
	fd = open_file_or_say(output, path);
	if (fd < 0)
		return;
	replace_file(output, path, fd);
	/* What the old one missed is said now, not with the next line. */
	output_flush(output);
}

void
output_configure(struct output *output, const struct journal_config *config)
{
	int fd = -1;

	output_flush(output);
	if (config->file[0]) {
		fd = open_file_or_say(output, config->file);
		if (fd < 0)
			return;
	}
	output->config = *config;
	replace_file(output, output->config.file, fd);
	configure_terminal(&output->terminal, &output->config);
	output_flush(output);
}

/* ---- For those who read it ---------------------------------------------- */

/* How long the file is, or -1 with errno when it does not keep its lines. */
static off_t
length_of(const struct output *output)
{
	struct stat status;

	if (output->file.fd < 0) {
		errno = ENOENT;
		return -1;
	}
	if (fstat(output->file.fd, &status) < 0)
		return -1;
	if (S_ISREG(status.st_mode))
		return status.st_size;
	errno = ESPIPE;
	return -1;
}

int
output_reader(const struct output *output)
{
	if (length_of(output) < 0)
		return -1;
	return open_reader(output->config.file, output->file.fd);
}

bool
output_writes(const struct output *output, int fd)
{
	return output->file.fd >= 0 && is_same_file(fd, output->file.fd);
}

/* The first line is that it was cleared, and not what was lost before. */
static void
say_cleared(struct output *output, const char *uid, const char *pid,
	    const char *bytes)
{
	uint64_t lost = output->file.lost;
	struct log_parsed record;

	output_own(&record, LOG_LEVEL_NOTICE, "log cleared");
	output_own_tag(&record, "uid", uid);
	output_own_tag(&record, "pid", pid);
	output_own_tag(&record, "bytes", bytes);
	output->file.lost = 0;
	output_record(output, &record);
	output_flush(output);
	output->file.lost += lost;
	output_flush(output);
}

int
output_clear(struct output *output, uint32_t uid, int32_t pid, uint64_t *bytes)
{
	char by[16], in[16], had[24];
	off_t length;

	output_flush(output);
	length = length_of(output);
	if (length < 0 || ftruncate(output->file.fd, 0) < 0)
		return -1;
	output->file.torn = false;
	*bytes = (uint64_t)length;
	snprintf(by, sizeof(by), "%u", (unsigned)uid);
	snprintf(in, sizeof(in), "%d", (int)pid);
	snprintf(had, sizeof(had), "%llu", (unsigned long long)length);
	say_cleared(output, by, in, had);
	return 0;
}
