/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/notify.h"

#include "base/clock.h"

#ifdef HAVE_SYSTEMD

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

void
notify_ready(const char *status)
{
	sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void
notify_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		   clock_monotonic() / (uint64_t)CLOCK_MICROSECOND);
}

void
notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=stopping");
}

void
notify_status(const char *status)
{
	sd_notifyf(0, "STATUS=%s", status);
}

void
notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

bool
notify_take_sockets(struct notify_sockets *sockets)
{
	int count = sd_listen_fds_with_names(1, &sockets->names);

	sockets->first = SD_LISTEN_FDS_START;
	sockets->count = count > 0 ? count : 0;
	if (count < 0)
		errno = -count;
	return count >= 0;
}

void
notify_free_sockets(struct notify_sockets *sockets)
{
	for (int i = 0; sockets->names && sockets->names[i]; i++)
		free(sockets->names[i]);
	free(sockets->names);
	sockets->names = NULL;
	sockets->count = 0;
}

#else

void
notify_ready(const char *status)
{
	(void)status;
}

void
notify_reloading(void)
{
}

void
notify_stopping(void)
{
}

void
notify_status(const char *status)
{
	(void)status;
}

void
notify_watchdog(void)
{
}

bool
notify_take_sockets(struct notify_sockets *sockets)
{
	*sockets = (struct notify_sockets){ 0 };
	return true;
}

void
notify_free_sockets(struct notify_sockets *sockets)
{
	sockets->count = 0;
}

#endif
