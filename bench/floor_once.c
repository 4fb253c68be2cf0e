/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * floor_once [-p PROCESSES] PORT
 *
 * The floor that timed's daytime is measured against: accept(2), send(2) and
 * close(2), and nothing else.  There is no event loop: one client is done when
 * the next one is taken.  See floor.h.
 */
#include "floor.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE = 64
};

struct answer {
	time_t shown;
	size_t length;
	char line[LINE];
};

static void
format_answer(struct answer *answer)
{
	time_t now = time(NULL);
	struct tm tm;

	if (now == answer->shown)
		return;
	answer->shown = now;
	localtime_r(&now, &tm);
	answer->length = strftime(answer->line, sizeof(answer->line),
				  "%a %b %d %H:%M:%S %Y\r\n", &tm);
}

static void
serve(const struct floor_share *share)
{
	struct answer answer = { 0 };

	for (;;) {
		int fd = accept4(share->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		format_answer(&answer);
		(void)send(fd, answer.line, answer.length,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
	}
}

int
main(int argc, char **argv)
{
	static const struct floor kind = { "floor_once", SOCK_STREAM, serve };

	return floor_main(&kind, argc, argv);
}
