/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/inquiry.h"

#include "base/clock.h"
#include "tools/asking.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* How long timed may take to have somebody again who answers. */
static const uint64_t PATIENCE = 30 * (uint64_t)CLOCK_SECOND;

enum {
	BETWEEN = 50 /* two attempts, milliseconds */
};

/* One connection of an inquiry. */
struct attempt {
	struct asking asking;
	bool heard; /* something was told */
	json_t *last;
};

/* The next object; NULL: there is none. */
static json_t *
next(struct inquiry *inquiry, struct asking *asking)
{
	json_t *object;

	while (!(object = asking_here(asking)))
		if ((inquiry->pause && !inquiry->pause(inquiry->context)) ||
		    !asking_read(asking))
			return NULL;
	return object;
}

/* Hear the answer.  False: that was enough. */
static bool
hear(struct inquiry *inquiry, struct attempt *attempt)
{
	json_t *object;
	bool going = true;

	while (going && (object = next(inquiry, &attempt->asking))) {
		if (json_object_get(object, "ok")) {
			attempt->last = object;
			return true;
		}
		attempt->heard = true;
		if (inquiry->object)
			going = inquiry->object(inquiry->context, object);
		if (inquiry->keep)
			inquiry->keep(inquiry->request, object);
		json_decref(object);
	}
	return going;
}

/* Whether LAST says that there is nobody who answers just now. */
static bool
is_later(const json_t *last)
{
	return json_integer_value(json_object_get(last, "exit")) == EX_TEMPFAIL;
}

/* False when nobody reads what would be told. */
static bool
wait_between(void)
{
	struct pollfd output = { .fd = STDOUT_FILENO };

	return poll(&output, 1, BETWEEN) <= 0 ||
	       !(output.revents & (POLLERR | POLLHUP));
}

/* It was there, and is not any more. */
static void
fail_lost(char *error, size_t size)
{
	snprintf(error, size, "timed has ended before all was told");
	errno = ECONNABORTED;
}

json_t *
inquiry_hold(struct inquiry *inquiry, char *error, size_t size)
{
	uint64_t lost = 0; /* since when */

	for (;;) {
		struct attempt attempt = { .last = NULL };
		bool going;

		if (asking_open(&attempt.asking, inquiry->runtime_dir,
				inquiry->request, error, size) < 0) {
			if (lost)
				fail_lost(error, size);
			return NULL;
		}
		going = hear(inquiry, &attempt);
		asking_close(&attempt.asking);
		if (attempt.last && !(lost && is_later(attempt.last)))
			return attempt.last;
		json_decref(attempt.last);
		snprintf(error, size, "the answer ended too early");
		errno = going ? ECONNABORTED : ECANCELED;
		if (!going || !inquiry->keep)
			return NULL;
		if (!lost || attempt.heard)
			lost = clock_monotonic();
		if (clock_monotonic() - lost > PATIENCE || !wait_between()) {
			errno = ECONNABORTED;
			return NULL;
		}
	}
}
