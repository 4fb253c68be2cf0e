/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator's program says: any bytes become records of the log, each of
 * which the journal understands, and at most so many of them.
 */
#include "base/log.h"
#include "ipc/events.h"
#include "master/hook_output.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(int log)
{
	static char bytes[1 << 20];
	ssize_t n = read(log, bytes, sizeof(bytes));
	struct log_parsed record;
	int length;

	for (ssize_t at = 0; at < n; at += length) {
		length = log_parse(bytes + at, (size_t)(n - at), &record);
		if (length <= 0)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hook_output output = { .name = "fuzz", .pid = 1 };
	static struct loop loop;
	static int log[2];
	int said[2];

	if (!log[0] && (pipe2(log, O_NONBLOCK) < 0 || loop_open(&loop) < 0 ||
			fcntl(log[0], F_SETPIPE_SZ, 1 << 20) < 0))
		abort();
	log_open(log[1], "fuzz", event_kinds, EVENT_COUNT, LOG_LEVEL_DEBUG, 0);
	if (size > 1 << 16 || pipe2(said, O_NONBLOCK) < 0 ||
	    hook_output_open(&output, &loop, said[0]) < 0)
		return 0;
	if (write(said[1], data, size) != (ssize_t)size)
		abort();
	output.source.ready(&output.source, 0);
	close(said[1]);
	hook_output_refill(&output);
	hook_output_finish(&output);
	if (output.source.fd != -1 ||
	    output.left_out !=
		    (output.lines > HOOK_LINES ? output.lines - HOOK_LINES : 0))
		abort();
	check(log[0]);
	return 0;
}
