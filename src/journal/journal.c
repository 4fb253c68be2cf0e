/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal/journal.h"

#include "base/loop.h"
#include "base/signals.h"
#include "ipc/answer.h"
#include "ipc/events.h"
#include "ipc/passing.h"
#include "journal/output.h"
#include "journal/readers.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/*
 * What one read may bring: as much as a pipe holds unless it was enlarged,
 * so that a read as a rule ends where a record does.
 */
enum {
	JOURNAL_READ = 64 * 1024
};

struct journal_source {
	struct loop_source source;
	struct journal *journal;
};

struct journal {
	struct loop loop;
	struct signals signals;
	struct journal_source records;
	struct journal_source orders;
	struct output output;
	struct readers readers;
	int status;
	bool leaving;
	uint64_t skipped; /* bytes that were no record, not yet said */
	/* Of a call that was refused, not yet said: NULL is none. */
	const char *volatile refused;
	volatile int refused_number;
	size_t used;
	char bytes[JOURNAL_READ + LOG_RECORD_MAX];
};

/*
 * The master says what to do through the socket.  A signal to the whole
 * group, Ctrl-C say, must not end the journal before the others had their
 * last word; and SIGXFSZ is one more way for a file to be full.
 */
static const struct signals_action ignored[] = {
	{ SIGINT, NULL },  { SIGHUP, NULL },  { SIGTERM, NULL },
	{ SIGPIPE, NULL }, { SIGUSR1, NULL }, { SIGUSR2, NULL },
	{ SIGXFSZ, NULL }, { 0, NULL },
};

/* ---- Records ------------------------------------------------------------ */

static void
say_skipped(struct journal *journal)
{
	struct log_parsed record;
	char count[24];

	if (journal->skipped == 0)
		return;
	snprintf(count, sizeof(count), "%llu",
		 (unsigned long long)journal->skipped);
	journal->skipped = 0;
	output_own(&record, LOG_LEVEL_WARNING, "log bytes skipped");
	output_own_tag(&record, "count", count);
	output_record(&journal->output, &record);
}

/*
 * It may have been in the midst of writing a line: that is no time for another.
 * Of several it is the last that is said.
 */
static void
call_refused(void *context, int number, const char *name)
{
	struct journal *journal = context;

	journal->refused_number = number;
	journal->refused = name;
}

static void
say_refused(struct journal *journal)
{
	const struct log_kind *kind = &event_kinds[EVENT_CALL_REFUSED];
	const char *name = journal->refused;
	struct log_parsed record;
	char number[12];

	if (!name)
		return;
	journal->refused = NULL;
	snprintf(number, sizeof(number), "%d", journal->refused_number);
	output_own(&record, kind->level, kind->description);
	output_own_tag(&record, "call", name);
	output_own_tag(&record, "number", number);
	output_record(&journal->output, &record);
}

/*
 * How many of LENGTH bytes to pass over until a record may begin, the first
 * one at least.  Looks for the first byte of LOG_MAGIC alone, since the rest
 * may not have come yet; log_parse() looks at them.
 */
static size_t
next_start(const char *bytes, size_t length)
{
	const uint32_t magic = LOG_MAGIC;
	char first;
	const char *next;

	memcpy(&first, &magic, 1);
	next = memchr(bytes + 1, first, length - 1);
	return next ? (size_t)(next - bytes) : length;
}

/*
 * Write the records that are whole.  An unfinished one stays, unless this is
 * the LAST time: then it never will be whole, and may only look like one,
 * with another behind it.
 */
static void
consume(struct journal *journal, bool last)
{
	size_t at = 0;

	while (at < journal->used) {
		const char *bytes = journal->bytes + at;
		size_t left = journal->used - at;
		struct log_parsed record;
		int length = log_parse(bytes, left, &record);

		if (length == 0 && !last)
			break;
		if (length > 0) {
			say_skipped(journal);
			output_record(&journal->output, &record);
			at += (size_t)length;
		} else {
			size_t skip = next_start(bytes, left);

			journal->skipped += skip;
			at += skip;
		}
	}
	journal->used -= at;
	memmove(journal->bytes, journal->bytes + at, journal->used);
}

static void
finish(struct journal *journal, int status)
{
	consume(journal, true);
	say_skipped(journal);
	journal->status = status;
	loop_stop(&journal->loop);
}

/* Told to, and with nothing in hand: the next one reads on from here. */
static void
leave(struct journal *journal)
{
	if (journal->leaving && journal->used == 0)
		finish(journal, 0);
}

static void
records_ready(struct loop_source *source, uint32_t events)
{
	struct journal *journal = ((struct journal_source *)source)->journal;
	ssize_t n = read(source->fd, journal->bytes + journal->used,
			 sizeof(journal->bytes) - journal->used);

	(void)events;
	readers_turn(&journal->readers);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		journal->used += (size_t)n;
		consume(journal, false);
		leave(journal);
	} else {
		finish(journal, n == 0 ? 0 : EX_IOERR);
	}
	say_refused(journal);
	output_flush(&journal->output);
	readers_wake(&journal->readers);
}

/* ---- Orders ------------------------------------------------------------- */

static void
clear(struct journal *journal, const struct journal_request *request, int fd)
{
	uint64_t bytes;
	int error;

	if (output_clear(&journal->output, request->uid, request->pid,
			 &bytes) == 0) {
		readers_rewind(&journal->readers);
		answer_close(fd, json_pack("{s:b, s:I}", "ok", 1, "bytes",
					   (json_int_t)bytes));
		return;
	}
	error = errno;
	readers_wake(&journal->readers);
	answer_close(fd, readers_refusal(&journal->readers, error));
}

/* FD is the operator's connection; -1: it did not come. */
static void
attend(struct journal *journal, const struct journal_command *command, int fd)
{
	struct journal_request request = command->request;

	request.file[sizeof(request.file) - 1] = '\0';
	if (fd < 0)
		return;
	if (command->order == JOURNAL_SHOW)
		readers_show(&journal->readers, &request, fd);
	else if (command->order == JOURNAL_CLEAR)
		clear(journal, &request, fd);
	else
		close(fd);
}

static void
obey(struct journal *journal, const struct journal_command *command)
{
	const struct journal_config *config = &command->config;

	switch (command->order) {
	case JOURNAL_REOPEN:
		output_reopen(&journal->output);
		break;
	case JOURNAL_CONFIGURE:
		if (memchr(config->file, '\0', sizeof(config->file)))
			output_configure(&journal->output, config);
		break;
	case JOURNAL_LEAVE:
		journal->leaving = true;
		leave(journal);
		break;
	}
	readers_wake(&journal->readers);
}

static void
orders_ready(struct loop_source *source, uint32_t events)
{
	struct journal *journal = ((struct journal_source *)source)->journal;
	struct journal_command command;
	int fd = -1, count = 1;
	ssize_t n = passing_receive(source->fd, &command, sizeof(command), &fd,
				    &count);

	(void)events;
	if (n == sizeof(command)) {
		obey(journal, &command);
		attend(journal, &command, count == 1 ? fd : -1);
		return;
	}
	if (n > 0)
		passing_close(&fd, count);
	/* Without descriptors for it, an operator is lost, and no more. */
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EMFILE))
		/* The master is gone; the log pipe says when all are. */
		loop_remove(&journal->loop, source);
}

/* ---- Life --------------------------------------------------------------- */

static void
report(const struct journal_plan *plan, int error, const char *what)
{
	struct journal_ready ready = { .error = error };
	ssize_t n;

	if (plan->ready < 0)
		return;
	if (error)
		snprintf(ready.text, sizeof(ready.text), "%.400s: %s", what,
			 strerror(error));
	do {
		n = write(plan->ready, &ready, sizeof(ready));
	} while (n < 0 && errno == EINTR);
	/* Should it have failed, the master sees that the pipe ended. */
	close(plan->ready);
}

static int
watch(struct journal *journal, struct journal_source *source, int fd,
      void (*ready)(struct loop_source *source, uint32_t events))
{
	source->journal = journal;
	source->source.fd = fd;
	source->source.ready = ready;
	return loop_add(&journal->loop, &source->source, EPOLLIN);
}

/* 0, or -1 with errno.  What was opened is closed by the exit that follows. */
static int
start(struct journal *journal, const struct journal_plan *plan)
{
	int flags = fcntl(plan->log_pipe, F_GETFL);

	if (flags < 0 ||
	    fcntl(plan->log_pipe, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    loop_open(&journal->loop) < 0)
		return -1;
	if (signals_open(&journal->signals, &journal->loop, ignored, NULL) <
		    0 ||
	    watch(journal, &journal->records, plan->log_pipe, records_ready) <
		    0 ||
	    watch(journal, &journal->orders, plan->command, orders_ready) < 0) {
		int error = errno;

		loop_close(&journal->loop);
		errno = error;
		return -1;
	}
	return 0;
}

static void
stop(struct journal *journal)
{
	loop_remove(&journal->loop, &journal->orders.source);
	loop_remove(&journal->loop, &journal->records.source);
	signals_close(&journal->signals);
	loop_close(&journal->loop);
}

/* Work until the log pipe ends; the exit status. */
static int
work(struct journal *journal, const struct journal_plan *plan)
{
	if (output_open(&journal->output, &plan->config) < 0) {
		int error = errno;

		report(plan, error, plan->config.file);
		return error == EACCES || error == EPERM ? EX_NOPERM
							 : EX_CANTCREAT;
	}
	readers_open(&journal->readers, &journal->loop, &journal->output,
		     plan->log_pipe);
	if (sandbox_lock(SANDBOX_JOURNAL, call_refused, journal) < 0) {
		report(plan, errno, "filtering system calls");
		return EX_OSERR;
	}
	report(plan, 0, NULL);
	if (loop_run(&journal->loop) < 0)
		journal->status = EX_OSERR;
	output_flush(&journal->output);
	readers_close(&journal->readers, !journal->leaving);
	output_close(&journal->output);
	return journal->status;
}

int
journal_run(const struct journal_plan *plan)
{
	struct journal *journal = calloc(1, sizeof(*journal));
	int status = EX_OSERR;

	if (!journal || start(journal, plan) < 0) {
		report(plan, errno, "journal");
	} else {
		status = work(journal, plan);
		stop(journal);
	}
	free(journal);
	return status;
}
