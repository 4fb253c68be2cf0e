/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/timer.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void
timer_ready(struct loop_source *source, uint32_t events)
{
	struct timer *timer = (struct timer *)source;
	uint64_t expirations;

	(void)events;
	if (read(source->fd, &expirations, sizeof(expirations)) > 0)
		timer->expired(timer, false);
	else if (errno == ECANCELED)
		timer->expired(timer, true);
}

int
timer_open(struct timer *timer, struct loop *loop, clockid_t clock,
	   void (*expired)(struct timer *timer, bool stepped))
{
	timer->source.ready = timer_ready;
	timer->loop = loop;
	timer->expired = expired;
	timer->clock = clock;
	timer->source.fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->source.fd < 0)
		return -1;
	if (loop_add(loop, &timer->source, EPOLLIN) < 0) {
		close(timer->source.fd);
		return -1;
	}
	return 0;
}

void
timer_close(struct timer *timer)
{
	loop_remove(timer->loop, &timer->source);
	close(timer->source.fd);
	timer->source.fd = -1;
}

static bool
set(struct timer *timer, int flags, int64_t first, int64_t interval)
{
	struct itimerspec spec = { .it_value = clock_timespec(first),
				   .it_interval = clock_timespec(interval) };

	/* With sane arguments it fails for ECANCELED alone, and is armed. */
	return timerfd_settime(timer->source.fd, flags, &spec, NULL) == 0;
}

void
timer_after(struct timer *timer, uint64_t nanoseconds)
{
	/* Zero would disarm. */
	set(timer, 0, nanoseconds ? (int64_t)nanoseconds : 1, 0);
}

void
timer_every(struct timer *timer, uint64_t nanoseconds)
{
	set(timer, 0, (int64_t)nanoseconds, (int64_t)nanoseconds);
}

bool
timer_at(struct timer *timer, int64_t nanoseconds)
{
	return set(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
		   nanoseconds > 0 ? nanoseconds : 1, 0);
}

void
timer_cancel(struct timer *timer)
{
	set(timer, 0, 0, 0);
}
