/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/mend.h"

#include "base/fds.h"
#include "ipc/events.h"
#include "master/halt.h"

static void
log_mended(const struct listener *listener)
{
	struct log_record record;
	char address[ADDR_TEXT];

	if (!log_begin(&record, EVENT_LISTENER_MENDED))
		return;
	addr_format(&listener->bound, address);
	log_tag(&record, "service", "%s", listener->service_name);
	log_tag(&record, "address", "%s", address);
	log_end(&record);
}

/* It does not listen, or is deaf, and nobody paused it. */
static bool
is_spoilt(const struct listener *listener)
{
	if (listener->paused || listener->bound.sa.sa_family == AF_UNIX)
		return false;
	return halt_found(listener->fd, &listener->bound,
			  listener->transport) ||
	       (listener->transport == ADDR_TCP &&
		halt_waiting(listener->fd, &listener->bound, ADDR_TCP) < 0);
}

void
mend_listeners(const struct listeners *listeners)
{
	for (int i = 0; i < listeners->count; i++) {
		const struct listener *listener = &listeners->items[i];

		(void)fds_nonblocking(listener->fd);
		if (is_spoilt(listener) &&
		    halt_lift(listener->fd, &listener->bound,
			      listener->transport) == 0)
			log_mended(listener);
	}
}
