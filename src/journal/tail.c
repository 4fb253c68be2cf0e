/* SPDX-License-Identifier: BSD-2-Clause */
#include "journal/tail.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a file's beginning, which says when it was begun and by whom. */
enum {
	HEAD = 64
};

void
tail_open(struct tail *tail, int fd)
{
	memset(tail, 0, sizeof(*tail));
	tail->fd = fd;
	tail->end = INT64_MAX;
}

void
tail_close(struct tail *tail)
{
	close(tail->fd);
	tail->fd = -1;
}

static off_t
size_of(const struct tail *tail)
{
	struct stat status;

	return fstat(tail->fd, &status) < 0 ? 0 : status.st_size;
}

void
tail_rewind(struct tail *tail)
{
	tail->at = 0;
	tail->back = 0;
	tail->used = 0;
	tail->next = 0;
	tail->name[0] = '\0';
	tail->named = false;
}

/* --- which file it is --- */

/* FNV-1a. */
static uint64_t
hash(const char *bytes, size_t length)
{
	uint64_t value = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)bytes[i]) *
			UINT64_C(0x100000001b3);
	return value;
}

/* Of a short file nothing is said of its beginning: it is still to grow. */
const char *
tail_name(struct tail *tail)
{
	char head[HEAD];
	struct stat status;

	if (tail->named || (tail->name[0] && tail->at < HEAD))
		return tail->name;
	if (fstat(tail->fd, &status) < 0)
		return "";
	tail->named =
		pread(tail->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head);
	snprintf(tail->name, sizeof(tail->name), "%llx:%llx:%llx",
		 (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino,
		 (unsigned long long)(tail->named ? hash(head, sizeof(head))
						  : 0));
	return tail->name;
}

/* Whether A and B, names of one file or of two, may be of one. */
static bool
is_same(const char *a, const char *b)
{
	const char *head_a = strrchr(a, ':');
	const char *head_b = strrchr(b, ':');

	if (!head_a || !head_b || head_a - a != head_b - b ||
	    memcmp(a, b, (size_t)(head_a - a)) != 0)
		return false;
	return strcmp(head_a, head_b) == 0 || strcmp(head_a, ":0") == 0;
}

bool
tail_resume(struct tail *tail, const char *name, off_t at)
{
	if (at < 0 || at > size_of(tail) || !is_same(name, tail_name(tail)))
		return false;
	tail->at = at;
	return true;
}

void
tail_limit(struct tail *tail)
{
	tail->end = size_of(tail);
}

/* --- backwards --- */

void
tail_search(struct tail *tail, uint32_t lines)
{
	tail->back = size_of(tail);
	tail->wanted = lines + 1;
}

bool
tail_found(struct tail *tail)
{
	size_t length = tail->back < TAIL_BLOCK ? (size_t)tail->back
						: (size_t)TAIL_BLOCK;
	off_t from = tail->back - (off_t)length;
	const char *end;

	tail->at = 0;
	/* Less, when it was emptied meanwhile. */
	if (pread(tail->fd, tail->bytes, length, from) != (ssize_t)length)
		return true;
	while ((end = memrchr(tail->bytes, '\n', length))) {
		length = (size_t)(end - tail->bytes);
		if (--tail->wanted == 0) {
			tail->at = from + (off_t)length + 1;
			return true;
		}
	}
	tail->back = from;
	return from == 0;
}

/* --- forwards --- */

/* Get more behind what is here.  False when there is none. */
static bool
fill(struct tail *tail)
{
	off_t from, left;
	size_t room;
	ssize_t n;

	tail->used -= tail->next;
	memmove(tail->bytes, tail->bytes + tail->next, tail->used);
	tail->next = 0;
	from = tail->at + (off_t)tail->used;
	left = tail->end - from;
	room = TAIL_BLOCK - tail->used;
	if (left < (off_t)room)
		room = left > 0 ? (size_t)left : 0;
	n = pread(tail->fd, tail->bytes + tail->used, room, from);
	if (n <= 0)
		return false;
	tail->used += (size_t)n;
	return true;
}

/* LENGTH bytes that are here are a line, followed by a newline or by none. */
static void
take(struct tail *tail, size_t length, bool ended, struct tail_line *line)
{
	size_t taken = length + ended;

	*line = (struct tail_line){ .bytes = tail->bytes + tail->next,
				    .length = length };
	tail->next += taken;
	tail->at += (off_t)taken;
}

/* Where to cut what fills a block: not within a character of UTF-8. */
static size_t
cut(const char *bytes, size_t length)
{
	size_t at = length;

	while (at > length - 4 && (bytes[at - 1] & 0xc0) == 0x80)
		at--;
	/* What begins there may go on in the next block. */
	if ((bytes[at - 1] & 0xc0) == 0xc0)
		return at - 1;
	return length;
}

bool
tail_line(struct tail *tail, bool last, struct tail_line *line)
{
	bool more = true;

	while (more) {
		char *bytes = tail->bytes + tail->next;
		size_t left = tail->used - tail->next;
		char *end = memchr(bytes, '\n', left);

		if (end) {
			take(tail, (size_t)(end - bytes), true, line);
			return true;
		}
		if (left == TAIL_BLOCK) {
			take(tail, cut(bytes, left), false, line);
			line->cut = true;
			return true;
		}
		more = fill(tail);
	}
	if (!last || tail->used == tail->next)
		return false;
	take(tail, tail->used - tail->next, false, line);
	return true;
}
