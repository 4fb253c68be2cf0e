/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal/readers.h"

#include "base/clock.h"
#include "ipc/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* How long the journal puts off its end to tell what there is. */
static const uint64_t LAST_WORDS = 200 * (uint64_t)CLOCK_MILLISECOND;

static const char gap[] = "the log was emptied or rotated meanwhile";

struct reader {
	struct loop_source source;
	struct readers *readers;
	struct reader **place;
	unsigned opened; /* of the output, when it opened this file */
	bool follows;
	bool searching;
	bool idle;   /* it has all that there is */
	bool ending; /* what it has still to take is the last */
	char *rest;  /* that it has still to take */
	size_t length;
	size_t told;
	struct tail tail;
};

static void
let_go(struct reader *reader)
{
	loop_remove(reader->readers->loop, &reader->source);
	close(reader->source.fd);
	tail_close(&reader->tail);
	*reader->place = NULL;
	free(reader->rest);
	free(reader);
}

/* --- to the operator --- */

/* What was kept goes out, as far as there is room.  False: it is gone. */
static bool
tell_rest(struct reader *reader)
{
	while (reader->told < reader->length) {
		ssize_t n = send(reader->source.fd, reader->rest + reader->told,
				 reader->length - reader->told,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		reader->told += (size_t)n;
	}
	free(reader->rest);
	reader->rest = NULL;
	reader->told = 0;
	reader->length = 0;
	return true;
}

/* LENGTH BYTES go out, and what does not is kept.  False: it is gone. */
static bool
tell(struct reader *reader, const char *bytes, size_t length)
{
	ssize_t n = send(reader->source.fd, bytes, length,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (n == (ssize_t)length)
		return true;
	n = n < 0 ? 0 : n;
	reader->length = length - (size_t)n;
	reader->rest = malloc(reader->length);
	if (!reader->rest)
		return false;
	memcpy(reader->rest, bytes + n, reader->length);
	return true;
}

static bool
tell_object(struct reader *reader, json_t *object)
{
	char line[ANSWER_LINE];
	size_t length = answer_line(object, line, sizeof(line));

	return length > 0 && tell(reader, line, length);
}

/* The last thing that it is told. */
static bool
conclude(struct reader *reader, json_t *object)
{
	reader->ending = true;
	return tell_object(reader, object);
}

/* Where it reads from; with WHY, what it had before is not all there was. */
static bool
tell_place(struct reader *reader, const char *why)
{
	json_t *object =
		json_pack("{s:s, s:I}", "file", tail_name(&reader->tail), "at",
			  (json_int_t)reader->tail.at);

	if (why)
		json_object_set_new(object, "gap", json_string(why));
	return tell_object(reader, object);
}

/* --- lines --- */

static json_t *
line_object(struct reader *reader, const struct tail_line *line)
{
	char *clean = reader->readers->clean;
	size_t length = line_clean(clean, line->bytes, line->length);
	json_t *object = json_pack("{s:o, s:s, s:I}", "line",
				   json_stringn_nocheck(clean, length), "file",
				   tail_name(&reader->tail), "at",
				   (json_int_t)reader->tail.at);

	if (line->cut)
		json_object_set_new(object, "cut", json_true());
	return object;
}

/*
 * About a block of lines, as *USED bytes of objects.  LAST: as of tail_line().
 * False: memory is out.
 */
static bool
gather(struct reader *reader, bool last, size_t *used)
{
	struct readers *readers = reader->readers;
	const off_t from = reader->tail.at;
	struct tail_line line;

	*used = 0;
	while (reader->tail.at - from < TAIL_BLOCK &&
	       *used + READERS_LINE <= sizeof(readers->lines) &&
	       tail_line(&reader->tail, last, &line)) {
		size_t length = answer_line(line_object(reader, &line),
					    readers->lines + *used,
					    sizeof(readers->lines) - *used);

		if (length == 0)
			return false;
		*used += length;
	}
	return true;
}

/* --- files --- */

json_t *
readers_refusal(const struct readers *readers, int error)
{
	const char *file = readers->output->config.file;
	char text[1200];

	if (error == ENOENT)
		return answer_refusal(EXIT_FAILURE, "timed writes no log file");
	snprintf(text, sizeof(text), "%.1000s: %s", file,
		 error == ESPIPE ? "not a plain file" : strerror(error));
	return answer_refusal(EXIT_FAILURE, text);
}

/* Whether another file has taken the place of the one that it reads. */
static bool
is_over(struct reader *reader)
{
	const struct output *output = reader->readers->output;

	if (reader->opened != output->opened &&
	    output_writes(output, reader->tail.fd))
		reader->opened = output->opened;
	return reader->opened != output->opened;
}

/* The file is read to its end: go on with the next. */
static bool
change_file(struct reader *reader)
{
	const struct output *output = reader->readers->output;
	int fd = output_reader(output);
	bool missed = output->opened - reader->opened > 1;

	if (fd < 0)
		return conclude(reader,
				readers_refusal(reader->readers, errno));
	tail_close(&reader->tail);
	tail_open(&reader->tail, fd);
	reader->opened = output->opened;
	return tell_place(reader, missed ? gap : NULL);
}

/* --- its turn --- */

enum turn {
	TURN_MORE,    /* there may be more to do */
	TURN_WAITS,   /* for room */
	TURN_THROUGH, /* for lines */
	TURN_GONE,
};

static enum turn
search(struct reader *reader)
{
	if (!tail_found(&reader->tail))
		return TURN_MORE;
	reader->searching = false;
	if (reader->follows && !tell_place(reader, NULL))
		return TURN_GONE;
	return TURN_MORE;
}

static enum turn
read_on(struct reader *reader)
{
	bool over = reader->follows && is_over(reader);
	size_t length;
	bool told;

	if (!gather(reader, over, &length))
		return TURN_GONE;
	if (length > 0)
		told = tell(reader, reader->readers->lines, length);
	else if (over)
		told = change_file(reader);
	else if (reader->follows)
		return TURN_THROUGH;
	else
		told = conclude(reader, json_pack("{s:b}", "ok", 1));
	return told ? TURN_MORE : TURN_GONE;
}

static enum turn
take_turn(struct reader *reader)
{
	if (!tell_rest(reader))
		return TURN_GONE;
	if (reader->rest)
		return TURN_WAITS;
	if (reader->ending)
		return TURN_GONE;
	return reader->searching ? search(reader) : read_on(reader);
}

/* So many bytes of records wait that writing them comes first. */
static bool
is_pressed(const struct readers *readers)
{
	int bytes;

	return ioctl(readers->pipe, FIONREAD, &bytes) == 0 &&
	       bytes >= READERS_PRESSED;
}

static bool
must_wait(const struct reader *reader)
{
	const struct readers *readers = reader->readers;

	return reader->place != &readers->places[readers->favoured] &&
	       is_pressed(readers);
}

static void
reader_ready(struct loop_source *source, uint32_t events)
{
	struct reader *reader = (struct reader *)source;
	enum turn turn = TURN_GONE;

	if (!(events & (EPOLLHUP | EPOLLERR))) {
		if (must_wait(reader))
			return;
		turn = take_turn(reader);
	}
	reader->idle = turn == TURN_THROUGH;
	if (turn == TURN_GONE ||
	    (reader->idle && loop_modify(reader->readers->loop, source, 0) < 0))
		let_go(reader);
}

/* --- who comes --- */

static struct reader **
place_for(struct readers *readers, bool follows)
{
	struct reader **place = NULL;
	int following = 0;

	for (int i = 0; i < READERS_MOST; i++) {
		const struct reader *reader = readers->places[i];

		if (!reader)
			place = &readers->places[i];
		else if (reader->follows)
			following++;
	}
	return follows && following == READERS_FOLLOWING ? NULL : place;
}

/* At its first lines.  False: it is gone. */
static bool
begin(struct reader *reader, const struct journal_request *request)
{
	bool there;

	if (!reader->follows)
		tail_limit(&reader->tail);
	if (!request->resume) {
		tail_search(&reader->tail, request->lines);
		reader->searching = true;
		return true;
	}
	there = tail_resume(&reader->tail, request->file, (off_t)request->at);
	return tell_place(reader, there ? NULL : gap);
}

static void
seat(struct readers *readers, struct reader **place,
     const struct journal_request *request, int fd, int file)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (!reader) {
		close(file);
		answer_close(fd, answer_refusal(EX_TEMPFAIL, "out of memory"));
		return;
	}
	*place = reader;
	reader->place = place;
	reader->readers = readers;
	reader->source = (struct loop_source){ reader_ready, fd };
	reader->opened = readers->output->opened;
	reader->follows = request->follow;
	tail_open(&reader->tail, file);
	if (loop_add(readers->loop, &reader->source, EPOLLOUT) < 0 ||
	    !begin(reader, request))
		let_go(reader);
}

void
readers_show(struct readers *readers, const struct journal_request *request,
	     int fd)
{
	struct reader **place = place_for(readers, request->follow);
	int file;

	if (!place) {
		answer_close(fd,
			     answer_refusal(EX_TEMPFAIL,
					    request->follow
						    ? "too many follow the log"
						    : "too many read the log"));
		return;
	}
	file = output_reader(readers->output);
	if (file < 0)
		answer_close(fd, readers_refusal(readers, errno));
	else
		seat(readers, place, request, fd, file);
}

void
readers_turn(struct readers *readers)
{
	for (int i = 1; i <= READERS_MOST; i++) {
		int next = (readers->favoured + i) % READERS_MOST;

		if (readers->places[next] && !readers->places[next]->idle) {
			readers->favoured = next;
			return;
		}
	}
}

void
readers_wake(struct readers *readers)
{
	for (int i = 0; i < READERS_MOST; i++) {
		struct reader *reader = readers->places[i];

		if (!reader || !reader->idle)
			continue;
		reader->idle = false;
		if (loop_modify(readers->loop, &reader->source, EPOLLOUT) < 0)
			let_go(reader);
	}
}

void
readers_rewind(struct readers *readers)
{
	for (int i = 0; i < READERS_MOST; i++) {
		struct reader *reader = readers->places[i];

		/* One that is in a file before this one has that to read. */
		if (!reader || !output_writes(readers->output, reader->tail.fd))
			continue;
		tail_rewind(&reader->tail);
		reader->searching = false;
		/* Of what there was it gets nothing, and no more is meant. */
		if (!reader->follows)
			reader->tail.end = 0;
	}
	readers_wake(readers);
}

/* --- life --- */

void
readers_open(struct readers *readers, struct loop *loop,
	     const struct output *output, int pipe)
{
	readers->pipe = pipe;
	readers->loop = loop;
	readers->output = output;
}

void
readers_close(struct readers *readers, bool last)
{
	uint64_t deadline = clock_monotonic() + LAST_WORDS;

	for (int i = 0; i < READERS_MOST; i++) {
		struct reader *reader = readers->places[i];
		enum turn turn = reader ? TURN_MORE : TURN_GONE;

		while (turn == TURN_MORE && clock_monotonic() < deadline)
			turn = take_turn(reader);
		if (turn == TURN_THROUGH && last)
			(void)conclude(reader,
				       answer_refusal(EX_UNAVAILABLE,
						      "timed has ended"));
		if (reader)
			let_go(reader);
	}
}
