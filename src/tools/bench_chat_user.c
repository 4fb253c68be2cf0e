/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_chat_user.h"

#include "base/clock.h"
#include "tools/bench_socket.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CHUNK = 65536
};

/* --- what it sends --- */

/* LENGTH bytes more to be sent.  False: no memory. */
static bool
put(struct chat_user *user, const char *bytes, size_t length)
{
	size_t left = user->to - user->from;

	if (left + length > user->room) {
		char *larger = realloc(user->unsent, left + length + CHUNK);

		if (!larger)
			return false;
		user->unsent = larger;
		user->room = left + length + CHUNK;
	}
	memmove(user->unsent, user->unsent + user->from, left);
	memcpy(user->unsent + left, bytes, length);
	user->from = 0;
	user->to = left + length;
	return true;
}

static void
watch(struct chat_user *user)
{
	bool waits = user->from < user->to;

	if (waits == user->waits)
		return;
	user->waits = waits;
	(void)loop_modify(user->users->loop, &user->source,
			  waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/* Whoever cannot be sent to is heard of when he is read from. */
static void
flush(struct chat_user *user)
{
	ssize_t n;

	n = send(user->source.fd, user->unsent + user->from,
		 user->to - user->from, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		user->from += (size_t)n;
	watch(user);
}

static bool
put_line(struct chat_user *user, uint32_t number)
{
	const struct chat_users *users = user->users;
	char text[BENCH_ROOM_TEXT];
	int head = snprintf(text, sizeof(text), "%s%s%" PRIu32 ";",
			    users->room->before, users->tag, number);
	size_t before = strlen(users->room->before);
	size_t after = strlen(users->room->after);
	size_t length = before + users->size;

	if ((size_t)head > length)
		length = (size_t)head;
	memset(text + head, '.', length - (size_t)head);
	memcpy(text + length, users->room->after, after);
	return put(user, text, length + after);
}

bool
chat_user_say(struct chat_user *user, uint32_t count)
{
	uint64_t now = clock_monotonic();

	for (uint32_t i = 0; i < count; i++) {
		uint32_t number =
			order_say(user->users->order, user->reader.number, now);

		if (number == UINT32_MAX || !put_line(user, number))
			return false;
		user->unseen++;
	}
	flush(user);
	return true;
}

/* --- what comes --- */

/* Its connection is over. */
static void
end(struct chat_user *user, const char *why, int error)
{
	chat_user_close(user);
	user->users->gone(user->users->context, user, why, error);
}

/* The number of a line of this run; UINT32_MAX: it is none. */
static uint32_t
number_of(const struct chat_users *users, const char *text, size_t length)
{
	size_t tag = strlen(users->tag);
	const char *found = memmem(text, length, users->tag, tag);
	uint64_t number = 0;

	if (!found)
		return UINT32_MAX;
	for (found += tag; found < text + length && *found != ';'; found++)
		number = number * 10 + (uint64_t)(*found - '0');
	return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

static void
got_line(struct chat_user *user, const char *text, size_t length)
{
	struct chat_users *users = user->users;
	uint32_t number = number_of(users, text, length);

	/* Others may talk in the same room. */
	if (number == UINT32_MAX)
		return;
	if (order_hear(users->order, &user->reader, number, clock_monotonic()))
		users->complete(users->context, number);
}

static void
heard(void *context, enum dialogue_kind kind, const char *text, size_t length)
{
	struct chat_user *user = context;
	struct chat_users *users = user->users;
	char why[128];

	if (user->source.fd < 0)
		return;
	user->who.reply_length = 0;
	switch (users->room->hear(&user->who, kind, text, length)) {
	case BENCH_ROOM_IN:
		user->who.in = true;
		users->entered(users->context, user);
		break;
	case BENCH_ROOM_LINE:
		got_line(user, text, length);
		break;
	case BENCH_ROOM_REFUSED:
		snprintf(why, sizeof(why), "%.*s", (int)length, text);
		end(user, why, 0);
		return;
	case BENCH_ROOM_SLOW:
		users->told(users->context, BENCH_ROOM_SLOW, 1);
		break;
	case BENCH_ROOM_MISSED:
		users->told(users->context, BENCH_ROOM_MISSED, user->who.count);
		break;
	case BENCH_ROOM_NOTHING:
		break;
	}
	if (user->who.reply_length > 0 &&
	    put(user, user->who.reply, user->who.reply_length))
		flush(user);
}

static void
receive(struct chat_user *user)
{
	char bytes[CHUNK];
	ssize_t n = recv(user->source.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0)
		dialogue_bytes(&user->dialogue, bytes, (size_t)n);
	else if (n == 0)
		end(user, "the server closed the connection", 0);
	else if (errno != EAGAIN && errno != EINTR)
		end(user, NULL, errno);
}

static void
ready(struct loop_source *source, uint32_t events)
{
	struct chat_user *user = (struct chat_user *)source;

	if (events & EPOLLOUT)
		flush(user);
	if (events & ~(uint32_t)EPOLLOUT)
		receive(user);
}

/* --- its connection --- */

int
chat_user_connect(const struct addr *address, uint32_t number)
{
	int fd = bench_socket(address, number, 0);

	if (fd < 0 || connect(fd, &address->sa, address->length) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

int
chat_user_begin(struct chat_user *user, struct chat_users *users, int fd)
{
	user->users = users;
	user->who.name = user->name;
	dialogue_open(&user->dialogue, heard, user);
	user->source.ready = ready;
	user->source.fd = fd;
	if (users->room->begin) {
		users->room->begin(&user->who);
		if (!put(user, user->who.reply, user->who.reply_length))
			return -1;
	}
	user->waits = user->to > 0;
	return loop_add(users->loop, &user->source,
			user->waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void
chat_user_close(struct chat_user *user)
{
	if (user->source.fd < 0)
		return;
	loop_remove(user->users->loop, &user->source);
	bench_reset(user->source.fd);
	user->source.fd = -1;
	free(user->unsent);
	user->unsent = NULL;
	user->from = user->to = user->room = 0;
}
