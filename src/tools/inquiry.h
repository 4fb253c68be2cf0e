/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command and its whole answer: the objects before the last one as they
 * come, and then that.
 *
 * An answer that ends too early is asked for again where `keep` says from
 * where: timed replaces the process that gave it after a crash or an upgrade.
 */
#ifndef TIMED_TOOLS_INQUIRY_H
#define TIMED_TOOLS_INQUIRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct inquiry {
	const char *runtime_dir;
	json_t *request;
	/* An object before the last one.  False: that was enough. */
	bool (*object)(void *context, const json_t *object);
	/* All that is here was shown; there may be more later. */
	bool (*pause)(void *context);
	/*
	 * Make REQUEST one for what comes behind OBJECT.  NULL: an answer cannot
	 * be gone on with.
	 */
	void (*keep)(json_t *request, const json_t *object);
	void *context;
};

/*
 * Ask, and return the last object.  NULL with one line of text in ERROR and
 * errno: as of asking_open(); ECONNABORTED, the answer ended too early;
 * ECANCELED, it was enough.
 */
json_t *inquiry_hold(struct inquiry *inquiry, char *error, size_t size);

#endif
