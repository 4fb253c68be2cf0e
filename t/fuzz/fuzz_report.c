/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report pipe: whatever a worker writes to it, the master gets records
 * that are whole and its own, or refuses them.
 */
#include "base/fds.h"
#include "ipc/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const union report *report)
{
	if (report->header.slot != 3 || report->header.generation != 7)
		abort();
	if (report->header.type == REPORT_FAILED &&
	    !memchr(report->failed.text, '\0', sizeof(report->failed.text)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report_reader reader = { .slot = 3, .generation = 7 };
	enum report_outcome outcome = REPORT_GOT;
	union report report;
	int ends[2], turns = 0;

	if (size > 4 * PIPE_BUF || pipe(ends) < 0)
		return 0;
	fds_nonblocking(ends[0]);
	if (write(ends[1], data, size) != (ssize_t)size)
		abort();
	close(ends[1]);
	reader.fd = ends[0];
	while (outcome != REPORT_END && outcome != REPORT_EMPTY) {
		outcome = report_next(&reader, &report);
		if (outcome == REPORT_GOT)
			check(&report);
		/* It comes to an end. */
		if (++turns > (int)size + 8)
			abort();
	}
	close(ends[0]);
	return 0;
}
