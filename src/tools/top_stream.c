/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/top_stream.h"

#include "base/clock.h"
#include "base/timer.h"
#include "tools/status.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct stream {
	const struct operator_options *options;
	struct loop loop;
	struct timer second;
	struct snapshot *snapshot;
	int status;
};

/* 0, or the exit status of what went wrong and was said. */
static int
say(struct stream *stream)
{
	char error[256];
	int status;

	if (!operator_look(stream->options, stream->snapshot, error,
			   sizeof(error), &status))
		return operator_fail(stream->options, status, error);
	if (status_json(stream->snapshot, stdout))
		return EX_OK;
	operator_fail(stream->options, EXIT_FAILURE, strerror(errno));
	loop_stop(&stream->loop);
	return EXIT_FAILURE;
}

static void
is_due(struct timer *timer, bool stepped)
{
	struct stream *stream =
		(struct stream *)((char *)timer -
				  offsetof(struct stream, second));

	(void)stepped;
	stream->status = say(stream);
	if (ferror(stdout))
		loop_stop(&stream->loop);
}

/* The first one tells whether timed is there at all. */
static void
run(struct stream *stream)
{
	stream->status = say(stream);
	if (stream->status != EX_OK)
		return;
	timer_every(&stream->second, (uint64_t)CLOCK_SECOND);
	if (loop_run(&stream->loop) < 0)
		stream->status = EXIT_FAILURE;
}

int
top_stream(const struct operator_options *options)
{
	struct stream stream = { .options = options };

	stream.snapshot = malloc(sizeof(*stream.snapshot));
	if (!stream.snapshot || loop_open(&stream.loop) < 0) {
		free(stream.snapshot);
		return operator_fail(options, EXIT_FAILURE, strerror(errno));
	}
	if (timer_open(&stream.second, &stream.loop, CLOCK_MONOTONIC, is_due) ==
	    0) {
		run(&stream);
		timer_close(&stream.second);
	} else {
		stream.status =
			operator_fail(options, EXIT_FAILURE, strerror(errno));
	}
	loop_close(&stream.loop);
	free(stream.snapshot);
	return stream.status;
}
