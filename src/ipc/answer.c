/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/answer.h"

#include <sys/socket.h>
#include <unistd.h>

size_t
answer_line(json_t *object, char *to, size_t size)
{
	size_t length = json_dumpb(object, to, size - 1, JSON_COMPACT);

	json_decref(object);
	if (length == 0 || length >= size)
		return 0;
	to[length++] = '\n';
	return length;
}

json_t *
answer_refusal(int exit, const char *text)
{
	json_t *object = json_pack("{s:b}", "ok", 0);
	json_t *error = json_string(text);

	/* A file's name in it may be no UTF-8. */
	if (!error)
		error = json_string("for a reason that is no text");
	json_object_set_new(object, "error", error);
	json_object_set_new(object, "exit", json_integer(exit));
	return object;
}

void
answer_close(int fd, json_t *object)
{
	char line[ANSWER_LINE];
	size_t length = answer_line(object, line, sizeof(line));

	/* There is room: nothing else was sent. */
	(void)!send(fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}
