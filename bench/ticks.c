/* SPDX-License-Identifier: BSD-2-Clause */
#include "ticks.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	OTHER_DESCRIPTORS = 16,
	LAST_NANOSECOND = 999999999
};

int
ticks_send(const struct ticks *ticks, int i)
{
	ssize_t n = send(ticks->fds[i], ticks->line, TICKS_LINE,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	return n == TICKS_LINE ? 0 : -1;
}

void
ticks_drop(struct ticks *ticks, int i)
{
	if (ticks->fds[i] >= 0)
		close(ticks->fds[i]);
	ticks->fds[i] = ticks->fds[--ticks->count];
}

static void
format_line(struct ticks *ticks, time_t now)
{
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(ticks->line, sizeof(ticks->line), "%Y-%m-%d %H:%M:%S\n", &tm);
}

static void
accept_some(struct ticks *ticks)
{
	while (ticks->count < ticks->room) {
		int fd = accept4(ticks->listener, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		ticks->fds[ticks->count++] = fd;
		if (ticks_send(ticks, ticks->count - 1) < 0)
			ticks_drop(ticks, ticks->count - 1);
	}
}

static void
open_room(struct ticks *ticks, const struct floor_share *share)
{
	int most = floor_descriptors() - OTHER_DESCRIPTORS;

	ticks->listener = share->fd;
	ticks->room = share->total / share->processes +
		      (share->index < share->total % share->processes);
	if (share->total == 0 || ticks->room > most)
		ticks->room = most;
	ticks->fds = calloc((size_t)ticks->room + 1, sizeof(*ticks->fds));
	if (!ticks->fds)
		exit(EXIT_FAILURE);
}

/* Until the second is over, or somebody comes for whom there is room. */
static void
wait_for_more(const struct ticks *ticks, const struct timespec *now)
{
	struct pollfd polled = { .fd = -1, .events = POLLIN };
	struct timespec left = { .tv_nsec = LAST_NANOSECOND - now->tv_nsec };

	if (ticks->count < ticks->room)
		polled.fd = ticks->listener;
	ppoll(&polled, 1, &left, NULL);
}

void
ticks_serve(const struct floor_share *share,
	    void (*fan)(struct ticks *ticks, void *context), void *context)
{
	struct ticks ticks = { 0 };
	struct timespec now;
	time_t shown;

	prctl(PR_SET_TIMERSLACK, 1);
	open_room(&ticks, share);
	clock_gettime(CLOCK_REALTIME, &now);
	shown = now.tv_sec;
	format_line(&ticks, shown);
	for (;;) {
		wait_for_more(&ticks, &now);
		clock_gettime(CLOCK_REALTIME, &now);
		if (now.tv_sec != shown) {
			shown = now.tv_sec;
			format_line(&ticks, shown);
			fan(&ticks, context);
		} else {
			accept_some(&ticks);
		}
		clock_gettime(CLOCK_REALTIME, &now);
		if (now.tv_sec != shown) /* accepted into the next second */
			now.tv_nsec = LAST_NANOSECOND;
	}
}
