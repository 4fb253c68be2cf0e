/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the entries begin; the header lies before them. */
enum {
	ENTRIES_AT = 4096
};

_Static_assert(sizeof(struct ring_header) <= ENTRIES_AT, "the header fits");

static bool
good_size(uint64_t size)
{
	return size >= RING_LEAST && size <= RING_MOST &&
	       (size & (size - 1)) == 0;
}

static size_t
bytes_of(uint64_t text_size)
{
	return ENTRIES_AT +
	       text_size / RING_BYTES_PER_ENTRY * sizeof(struct ring_entry) +
	       text_size;
}

/* --- the master --- */

/*
 * The same file, for reading alone.  Its mode keeps who has this from opening
 * it for more, unless he is who made it.
 */
static int
open_readable(int fd)
{
	char path[32];
	int readable;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readable = open(path, O_RDONLY | O_CLOEXEC);
	/* Without /proc it has to be the same one; readers map it so anyway. */
	if (readable < 0)
		readable = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return readable;
}

static int
prepare(int fd, uint64_t size)
{
	struct ring_header header = {
		.magic = RING_MAGIC,
		.version = RING_VERSION,
		.text_size = size,
		.entry_count = size / RING_BYTES_PER_ENTRY,
	};

	if (ftruncate(fd, (off_t)bytes_of(size)) < 0 || fchmod(fd, 0600) < 0)
		return -1;
	/* Whoever maps it can rely on its being there. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
	    0)
		return -1;
	return pwrite(fd, &header, sizeof(header), 0) == sizeof(header) ? 0
									: -1;
}

int
ring_create(uint64_t size, int *writable, int *readable)
{
	int error;

	if (!good_size(size)) {
		errno = EINVAL;
		return -1;
	}
	*writable = memfd_create("timed-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*writable < 0)
		return -1;
	if (prepare(*writable, size) == 0) {
		*readable = open_readable(*writable);
		if (*readable >= 0)
			return 0;
	}
	error = errno;
	close(*writable);
	errno = error;
	return -1;
}

/* --- mapping --- */

static int
map(struct ring *ring, int fd, int protection)
{
	struct ring_header header;
	struct stat status;
	void *at;

	*ring = (struct ring){ 0 };
	if (fstat(fd, &status) < 0)
		return -1;
	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.magic != RING_MAGIC || header.version != RING_VERSION ||
	    !good_size(header.text_size) ||
	    header.entry_count != header.text_size / RING_BYTES_PER_ENTRY ||
	    (uint64_t)status.st_size != bytes_of(header.text_size)) {
		errno = EPROTO;
		return -1;
	}
	at = mmap(NULL, (size_t)status.st_size, protection, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -1;
	ring->header = at;
	ring->mapped = (size_t)status.st_size;
	ring->text_size = header.text_size;
	ring->entry_count = header.entry_count;
	ring->entries = (struct ring_entry *)(void *)((char *)at + ENTRIES_AT);
	ring->text = (char *)(ring->entries + ring->entry_count);
	return 0;
}

void
ring_close(struct ring *ring)
{
	if (ring->header)
		munmap(ring->header, ring->mapped);
	ring->header = NULL;
}

static struct ring_entry *
entry_at(const struct ring *ring, uint64_t number)
{
	return &ring->entries[number & (ring->entry_count - 1)];
}

/* Whether the text of ENTRY is where the text of an entry can be. */
static bool
text_fits(const struct ring *ring, const struct ring_entry *entry)
{
	uint64_t place = entry->at & (ring->text_size - 1);

	return entry->length > 0 && entry->length <= RING_LINE &&
	       place + entry->length <= ring->text_size;
}

/* --- the keeper --- */

/* Go on after the last entry that was published. */
static bool
resume(struct ring *ring)
{
	const struct ring_header *header = ring->header;
	const struct ring_entry *last = entry_at(ring, header->head);

	ring->head = header->head;
	ring->seq = header->first_seq;
	if (header->entries_until < ring->head)
		return false;
	if (ring->head == 0)
		return true;
	ring->text_head = last->at + last->length;
	ring->lines = last->lines;
	ring->seq = last->seq;
	return last->number == ring->head && text_fits(ring, last) &&
	       header->text_until >= ring->text_head;
}

int
ring_open_writer(struct ring *ring, int fd)
{
	if (map(ring, fd, PROT_READ | PROT_WRITE) < 0)
		return -1;
	if (resume(ring))
		return 0;
	ring_close(ring);
	errno = EPROTO;
	return -1;
}

bool
ring_is_new(const struct ring *ring)
{
	return ring->header->started == 0;
}

uint64_t
ring_seq(const struct ring *ring)
{
	return ring->seq;
}

void
ring_start_at(struct ring *ring, uint64_t seq)
{
	ring->header->first_seq = seq;
	ring->header->started = 1;
	ring->seq = seq;
}

static void
raise_to(uint64_t *until, uint64_t value)
{
	/* Never lower: a keeper that died may have written up to there. */
	if (*until < value)
		__atomic_store_n(until, value, __ATOMIC_RELAXED);
}

void
ring_append(struct ring *ring, struct ring_entry *entry, const char *text)
{
	uint64_t at = ring->text_head;
	uint64_t left = ring->text_size - (at & (ring->text_size - 1));

	if (left < entry->length)
		at += left;
	entry->number = ring->head + 1;
	entry->at = at;
	entry->lines = ring->lines + ring_is_line(entry);
	raise_to(&ring->header->entries_until, entry->number);
	raise_to(&ring->header->text_until, at + entry->length);
	/* Readers know what is about to change before it does. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memcpy(ring->text + (at & (ring->text_size - 1)), text, entry->length);
	*entry_at(ring, entry->number) = *entry;
	ring->head = entry->number;
	ring->text_head = at + entry->length;
	ring->lines = entry->lines;
	ring->seq = entry->seq;
}

void
ring_publish(struct ring *ring)
{
	__atomic_store_n(&ring->header->head, ring->head, __ATOMIC_RELEASE);
}

/* --- readers --- */

int
ring_open_reader(struct ring *ring, int fd)
{
	return map(ring, fd, PROT_READ);
}

uint64_t
ring_head(const struct ring *ring)
{
	return __atomic_load_n(&ring->header->head, __ATOMIC_ACQUIRE);
}

/* The oldest entry that is not overwritten, as far as entries go. */
static uint64_t
oldest(const struct ring *ring)
{
	uint64_t until =
		__atomic_load_n(&ring->header->entries_until, __ATOMIC_RELAXED);

	return until >= ring->entry_count ? until - ring->entry_count + 1 : 1;
}

/* Its text is overwritten, or may be just now. */
static bool
text_gone(const struct ring *ring, const struct ring_entry *entry)
{
	uint64_t until =
		__atomic_load_n(&ring->header->text_until, __ATOMIC_RELAXED);

	return until > ring->text_size && entry->at < until - ring->text_size;
}

/* First everything is copied, then it is looked at. */
static enum ring_got
copy(const struct ring *ring, uint64_t number, struct ring_entry *entry,
     char text[RING_LINE])
{
	*entry = *entry_at(ring, number);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (number < oldest(ring))
		return RING_MISSED;
	if (entry->number != number || !text_fits(ring, entry))
		return RING_SPOILT;
	memcpy(text, ring->text + (entry->at & (ring->text_size - 1)),
	       entry->length);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return number < oldest(ring) || text_gone(ring, entry) ? RING_MISSED
							       : RING_GOT;
}

enum ring_got
ring_read(const struct ring *ring, uint64_t number, struct ring_entry *entry,
	  char text[RING_LINE])
{
	uint64_t head = ring_head(ring);
	enum ring_got got;

	if (number > head)
		return RING_NONE;
	got = copy(ring, number, entry, text);
	if (got != RING_MISSED)
		return got;
	entry->number = oldest(ring);
	if (entry->number <= number)
		entry->number = number + 1;
	/* A writer is at most one entry ahead of what it published, or as
	 * many as one that died had appended: there is always a rest. */
	return entry->number - number > UINT64_MAX / 2 ? RING_SPOILT
						       : RING_MISSED;
}
