/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handoff socket: whatever an old worker sends, the new one gets
 * connections whose parts lie within the datagram, or refuses all of it.
 */
#include "ipc/handoff.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ends[2];
static struct handoff_batch batch;

static void
touch(const char *bytes, size_t length)
{
	const char *end = batch.bytes + sizeof(batch.bytes);

	if (length && (bytes < batch.bytes || bytes + length > end))
		abort();
}

static void
check(void)
{
	const struct handoff_conn *conn;
	const char *owed, *state;
	int fd;

	while ((conn = handoff_next(&batch, &fd, &owed, &state))) {
		touch(owed, conn->owed);
		touch(state, conn->state);
		close(fd);
	}
}

/* The first byte: how many descriptors come with the rest. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[8];

	if (!ends[0] && handoff_pair(ends) < 0)
		abort();
	for (int i = 0; i < 8; i++)
		fds[i] = STDERR_FILENO;
	if (size < 2 ||
	    passing_send(ends[0], data + 1, size - 1, fds, data[0] & 7) < 0)
		return 0;
	if (handoff_receive(ends[1], &batch) == HANDOFF_BATCHED)
		check();
	return 0;
}
