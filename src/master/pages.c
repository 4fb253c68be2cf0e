/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/pages.h"

#include "base/hex.h"
#include "ipc/events.h"
#include "master/halt.h"
#include "master/listen.h"

#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the sockets are to be: a page has some 50 KiB, a request is small. */
static const struct service page = {
	.type = "status",
	.transports = ADDR_TCP,
	.send_buffer = 64 * 1024,
	.receive_buffer = 16 * 1024,
	.unsent = 64 * 1024,
};

static void
log_listener(int kind, const struct page_listener *listener)
{
	struct log_record record;
	char text[ADDR_TEXT];

	if (!log_begin(&record, kind))
		return;
	addr_format(&listener->bound, text);
	log_tag(&record, "service", "status page");
	log_tag(&record, "address", "%s", text);
	log_end(&record);
}

/* Shut down, it listens no more in the process that has it open, either. */
static void
close_one(const struct page_listener *listener)
{
	shutdown(listener->fd, SHUT_RDWR);
	if (listener->bound.sa.sa_family == AF_UNIX) {
		unlink(listener->bound.un.sun_path);
		halt_forget(&listener->bound);
	}
	close(listener->fd);
}

static bool
has(const struct pages *pages, int fd)
{
	for (int i = 0; i < pages->count; i++)
		if (pages->items[i].fd == fd)
			return true;
	return false;
}

static const struct page_listener *
find(const struct pages *current, const struct pages *next,
     const struct addr *address)
{
	for (int i = 0; i < current->count; i++)
		if (!has(next, current->items[i].fd) &&
		    (addr_equal(&current->items[i].wanted, address) ||
		     addr_equal(&current->items[i].bound, address)))
			return &current->items[i];
	return NULL;
}

/* Those that are in the way of ADDRESS; whether there are any. */
static bool
share(const struct pages *current, const struct addr *address, bool on)
{
	bool any = false;

	for (int i = 0; i < current->count; i++) {
		if (!addr_collide(&current->items[i].bound, address))
			continue;
		listen_share(current->items[i].fd, on);
		any = true;
	}
	return any;
}

/* One of ours may be in its way, of which the next configuration has no use. */
static int
open_beside(const struct pages *current, const struct addr *address)
{
	int fd = listen_open(address, ADDR_TCP, &page, false, false);
	int error = errno;

	if (fd >= 0 || error != EADDRINUSE || address->sa.sa_family == AF_UNIX)
		return fd;
	if (share(current, address, true)) {
		fd = listen_open(address, ADDR_TCP, &page, true, false);
		error = errno;
		share(current, address, false);
	}
	errno = error;
	return fd;
}

/* ADDRESS is WANTED, or that with a port that was found for it. */
static int
add(struct pages *next, const struct pages *current, const struct addr *wanted,
    const struct addr *address)
{
	struct page_listener *one = &next->items[next->count];
	const struct page_listener *old = find(current, next, wanted);

	if (next->count == SCOREBOARD_PAGES) {
		errno = ENOSPC;
		return -1;
	}
	*one = (struct page_listener){ .wanted = *wanted };
	if (old) {
		one->fd = old->fd;
		one->kept = true;
	} else {
		one->fd = open_beside(current, address);
		if (one->fd < 0)
			return -1;
	}
	listen_name(one->fd, &one->bound);
	next->count++;
	return 0;
}

/* Both addresses of "*" and "localhost" have one port. */
static int
add_entry(struct pages *next, const struct pages *current,
	  const struct addr_listen *where, struct problem *problem)
{
	int first = next->count;

	for (int i = 0; i < where->count; i++) {
		struct addr address = where->addr[i];
		char text[ADDR_TEXT];

		if (i > 0 && next->count > first && addr_port(&address) == 0)
			addr_set_port(&address,
				      addr_port(&next->items[first].bound));
		if (add(next, current, &where->addr[i], &address) == 0 ||
		    (where->any && next->count > first &&
		     (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)))
			continue;
		addr_format(&address, text);
		problem_errno(problem, errno,
			      "cannot listen on %s for the status page", text);
		return -1;
	}
	return 0;
}

int
pages_open(struct pages *next, const struct config *config,
	   struct pages *current, struct problem *problem)
{
	next->count = 0;
	for (int i = 0; i < config->status.listen_count; i++)
		if (add_entry(next, current, &config->status.listen[i].where,
			      problem) < 0) {
			pages_abort(next);
			return -1;
		}
	return 0;
}

bool
pages_commit(struct pages *current, struct pages *next)
{
	bool changed = false;

	for (int i = 0; i < current->count; i++)
		if (!has(next, current->items[i].fd)) {
			changed = true;
			log_listener(EVENT_LISTENER_CLOSED, &current->items[i]);
			close_one(&current->items[i]);
		}
	for (int i = 0; i < next->count; i++)
		if (!next->items[i].kept) {
			changed = true;
			log_listener(EVENT_LISTENING, &next->items[i]);
		}
	*current = *next;
	next->count = 0;
	return changed;
}

void
pages_abort(struct pages *next)
{
	for (int i = 0; i < next->count; i++)
		if (!next->items[i].kept)
			close_one(&next->items[i]);
	next->count = 0;
}

void
pages_close(struct pages *pages)
{
	for (int i = 0; i < pages->count; i++)
		close_one(&pages->items[i]);
	pages->count = 0;
}

void
pages_publish(const struct pages *pages, struct scoreboard_master *board)
{
	scoreboard_begin(board);
	board->page_count = (uint64_t)pages->count;
	for (int i = 0; i < pages->count; i++) {
		char text[ADDR_TEXT];

		addr_format(&pages->items[i].bound, text);
		strlcpy(board->pages[i], text, sizeof(board->pages[i]));
	}
	scoreboard_end(board);
}

json_t *
pages_save(const struct pages *pages)
{
	json_t *array = json_array();

	for (int i = 0; i < pages->count; i++) {
		const struct addr *wanted = &pages->items[i].wanted;
		char text[2 * sizeof(wanted->un) + 1];

		hex_text(&wanted->un, wanted->length, text);
		json_array_append_new(array, json_pack("{s:i, s:s}", "fd",
						       pages->items[i].fd,
						       "wanted", text));
	}
	return array;
}

int
pages_restore(struct pages *pages, const json_t *array)
{
	size_t index;
	json_t *text;

	json_array_foreach(array, index, text)
	{
		struct page_listener *one = &pages->items[pages->count];
		const char *wanted;
		ssize_t length;

		if (pages->count == SCOREBOARD_PAGES ||
		    json_unpack(text, "{s:i, s:s}", "fd", &one->fd, "wanted",
				&wanted) < 0)
			return -1;
		length = hex_bytes(wanted, &one->wanted.un,
				   sizeof(one->wanted.un));
		if (length < 0)
			return -1;
		one->wanted.length = (socklen_t)length;
		listen_name(one->fd, &one->bound);
		pages->count++;
	}
	return 0;
}
