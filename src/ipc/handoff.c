/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/handoff.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	ALIGNMENT = 8
};

_Static_assert(sizeof(struct handoff_header) % ALIGNMENT == 0 &&
		       sizeof(struct handoff_conn) % ALIGNMENT == 0,
	       "what follows is aligned");

int
handoff_pair(int ends[2])
{
	return socketpair(AF_UNIX,
			  SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			  ends);
}

void
handoff_begin(struct handoff_batch *batch)
{
	batch->count = 0;
	batch->next = 0;
	batch->length = sizeof(batch->header);
	batch->at = sizeof(batch->header);
}

static size_t
length_of(const struct handoff_conn *conn)
{
	size_t length = sizeof(*conn) + conn->owed + conn->state;

	return (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

bool
handoff_add(struct handoff_batch *batch, int fd,
	    const struct handoff_conn *conn, const void *owed,
	    const void *state)
{
	size_t length = length_of(conn);
	char *at = batch->bytes + batch->length;
	struct handoff_conn whole = *conn;

	if (batch->count == HANDOFF_BATCH ||
	    length > sizeof(batch->bytes) - batch->length)
		return false;
	memset(at, 0, length);
	whole.length = (uint32_t)length;
	memcpy(at, &whole, sizeof(whole));
	at += sizeof(whole);
	if (conn->owed)
		memcpy(at, owed, conn->owed);
	at += conn->owed;
	if (conn->state)
		memcpy(at, state, conn->state);
	batch->length += length;
	batch->fds[batch->count++] = fd;
	return true;
}

int
handoff_send(int fd, struct handoff_batch *batch)
{
	batch->header = (struct handoff_header){
		.magic = HANDOFF_MAGIC,
		.version = HANDOFF_VERSION,
		.count = (uint16_t)batch->count,
		.length = (uint32_t)batch->length,
	};
	return passing_send(fd, batch->bytes, batch->length, batch->fds,
			    batch->count);
}

/* Whether the connection at AT lies whole within the LENGTH bytes there are. */
static bool
fits(const struct handoff_batch *batch, size_t at)
{
	const struct handoff_conn *conn;
	size_t left = batch->length - at;

	if (left < sizeof(*conn))
		return false;
	conn = (const struct handoff_conn *)(const void *)(batch->bytes + at);
	return conn->owed <= HANDOFF_OWED && conn->state <= HANDOFF_STATE &&
	       conn->length == length_of(conn) && conn->length <= left;
}

static bool
readable(const struct handoff_batch *batch)
{
	size_t at = sizeof(batch->header);

	if (batch->length < sizeof(batch->header) ||
	    batch->header.magic != HANDOFF_MAGIC ||
	    batch->header.version < HANDOFF_OLDEST ||
	    batch->header.version > HANDOFF_VERSION ||
	    batch->header.length != batch->length ||
	    batch->header.count != batch->count)
		return false;
	for (int i = 0; i < batch->count; i++) {
		if (!fits(batch, at))
			return false;
		at += ((const struct handoff_conn
				*)(const void *)(batch->bytes + at))
			      ->length;
	}
	return at == batch->length;
}

enum handoff_got
handoff_receive(int fd, struct handoff_batch *batch)
{
	ssize_t n;

	handoff_begin(batch);
	batch->count = HANDOFF_BATCH;
	n = passing_receive(fd, batch->bytes, sizeof(batch->bytes), batch->fds,
			    &batch->count);
	if (n < 0 && errno == EAGAIN)
		return HANDOFF_NOTHING;
	if (n < 0 && errno == EMFILE) {
		handoff_discard(batch);
		return HANDOFF_NO_ROOM;
	}
	if (n < 0 && errno == EMSGSIZE)
		return HANDOFF_UNREADABLE;
	if (n <= 0)
		return HANDOFF_ENDED;
	batch->length = (size_t)n;
	if (readable(batch))
		return HANDOFF_BATCHED;
	handoff_discard(batch);
	return HANDOFF_UNREADABLE;
}

const struct handoff_conn *
handoff_next(struct handoff_batch *batch, int *fd, const char **owed,
	     const char **state)
{
	const struct handoff_conn *conn;

	if (batch->next == batch->count)
		return NULL;
	conn = (const struct handoff_conn *)(const void *)(batch->bytes +
							   batch->at);
	*fd = batch->fds[batch->next++];
	*owed = (const char *)(conn + 1);
	*state = *owed + conn->owed;
	batch->at += conn->length;
	return conn;
}

void
handoff_rewind(struct handoff_batch *batch)
{
	batch->next = 0;
	batch->at = sizeof(batch->header);
}

void
handoff_discard(struct handoff_batch *batch)
{
	passing_close(batch->fds + batch->next, batch->count - batch->next);
	batch->next = batch->count;
}

bool
handoff_acknowledge(int fd, int count)
{
	const struct handoff_receipt receipt = { HANDOFF_MAGIC,
						 (uint32_t)count };

	return passing_send(fd, &receipt, sizeof(receipt), NULL, 0) == 0;
}

int
handoff_receipt(int fd, int *count)
{
	struct handoff_receipt receipt;
	int none = 0;
	ssize_t n = passing_receive(fd, &receipt, sizeof(receipt), NULL, &none);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n != sizeof(receipt) || receipt.magic != HANDOFF_MAGIC)
		return -1;
	*count = (int)receipt.count;
	return 1;
}
