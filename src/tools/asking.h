/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's end of the control socket (ipc/control.h): one request, the
 * objects that it is answered with, the last one of which has `ok`.
 */
#ifndef TIMED_TOOLS_ASKING_H
#define TIMED_TOOLS_ASKING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct asking {
	int fd; /* ready to be read when there is more */
	char *bytes;
	size_t used;
	size_t size;
	size_t looked; /* bytes in which there is no newline */
};

/*
 * Send REQUEST to the timed in RUNTIME_DIR.  0, or -1 with one line of text in
 * ERROR and errno: ENOENT and ECONNREFUSED when no timed runs there, EACCES.
 */
int asking_open(struct asking *asking, const char *runtime_dir,
		const json_t *request, char *error, size_t size);

/*
 * The next object of what is here already.  NULL: nothing whole, or what came
 * was no object.
 */
json_t *asking_here(struct asking *asking);

/* Read what there is, at least once; false when the connection has ended. */
bool asking_read(struct asking *asking);

void asking_close(struct asking *asking);

#endif
