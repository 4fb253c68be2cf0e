/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command socket: whatever arrives, with however many descriptors, is a
 * command or the end, and no descriptor is left over.
 */
#include "ipc/command.h"
#include "ipc/passing.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FDS = COMMAND_FDS + 8
};

/* The first byte: how many descriptors come with the rest. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ends[2], next;
	int sent[FDS], got[COMMAND_FDS];
	struct command command;
	int count = 0, free_fd;

	if (!ends[0] && command_pair(ends) < 0)
		abort();
	for (int i = 0; i < FDS; i++)
		sent[i] = STDERR_FILENO;
	if (size < 2 ||
	    passing_send(ends[0], data + 1, size - 1, sent, data[0] % FDS) < 0)
		return 0;
	if (command_receive(ends[1], &command, got, &count) == 1) {
		if (count > COMMAND_FDS || size - 1 != sizeof(command))
			abort();
		passing_close(got, count);
	}
	free_fd = dup(STDERR_FILENO);
	if (next && free_fd != next)
		abort();
	next = free_fd;
	close(free_fd);
	return 0;
}
