/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/asking.h"

#include "ipc/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROOM = 4096,
	ROOM_MOST = 16 << 20, /* for one object */
};

static int
fail(struct asking *asking, const char *path, int number, char *error,
     size_t size)
{
	snprintf(error, size, "%s: %s", path, strerror(number));
	asking_close(asking);
	errno = number;
	return -1;
}

static bool
send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			/* It may have said why. */
			return errno == EPIPE || errno == ECONNRESET;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

static bool
send_request(int fd, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t length = line ? strlen(line) : 0;
	bool sent = false;

	if (line) {
		line[length] = '\n';
		sent = send_all(fd, line, length + 1);
	} else {
		errno = ENOMEM;
	}
	free(line);
	return sent;
}

int
asking_open(struct asking *asking, const char *runtime_dir,
	    const json_t *request, char *error, size_t size)
{
	struct sockaddr_un address;
	socklen_t length =
		control_address(runtime_dir, CONTROL_SOCKET, &address);

	*asking = (struct asking){ .fd = -1 };
	if (length == 0)
		return fail(asking, runtime_dir, ENAMETOOLONG, error, size);
	asking->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (asking->fd < 0 ||
	    connect(asking->fd, (struct sockaddr *)&address, length) < 0 ||
	    !send_request(asking->fd, request))
		return fail(asking, address.sun_path, errno, error, size);
	return 0;
}

static bool
make_room(struct asking *asking)
{
	size_t size = asking->size ? asking->size * 2 : ROOM;
	char *bytes;

	if (asking->used < asking->size)
		return true;
	bytes = size <= ROOM_MOST ? realloc(asking->bytes, size) : NULL;
	if (!bytes)
		return false;
	asking->bytes = bytes;
	asking->size = size;
	return true;
}

bool
asking_read(struct asking *asking)
{
	ssize_t n;

	if (!make_room(asking))
		return false;
	do {
		n = recv(asking->fd, asking->bytes + asking->used,
			 asking->size - asking->used, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		asking->used += (size_t)n;
	return n > 0;
}

json_t *
asking_here(struct asking *asking)
{
	char *end = NULL;
	json_t *object;
	size_t length;

	if (asking->used > asking->looked)
		end = memchr(asking->bytes + asking->looked, '\n',
			     asking->used - asking->looked);
	if (!end) {
		asking->looked = asking->used;
		return NULL;
	}
	length = (size_t)(end - asking->bytes) + 1;
	object = json_loadb(asking->bytes, length, 0, NULL);
	asking->used -= length;
	asking->looked = 0;
	memmove(asking->bytes, asking->bytes + length, asking->used);
	return object;
}

void
asking_close(struct asking *asking)
{
	if (asking->fd >= 0)
		close(asking->fd);
	free(asking->bytes);
	*asking = (struct asking){ .fd = -1 };
}
