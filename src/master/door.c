/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/door.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BACKLOG = 64,
	ACCEPTED_A_SECOND = 100,
	ACCEPTED_AT_ONCE = 8,
};

/* --- who comes --- */

/* The groups of who connected, not of who that is by now. */
static bool
is_member(int fd, gid_t group)
{
	gid_t few[64], *groups = few;
	socklen_t size = sizeof(few);
	bool found = false;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		if (errno != ERANGE)
			return false;
		groups = malloc(size);
		if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups,
					  &size) < 0)
			size = 0;
	}
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		found = found || groups[i] == group;
	if (groups != few)
		free(groups);
	return found;
}

static bool
is_trusted(const struct door *door, int fd, const struct ucred *who)
{
	if (who->uid == 0 || who->uid == door->user)
		return true;
	return door->has_group &&
	       (who->gid == door->group || is_member(fd, door->group));
}

static void
let_in(struct door *door, int fd)
{
	struct guest guest = { .fd = fd };
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) {
		close(fd);
		return;
	}
	guest.uid = who.uid;
	guest.pid = who.pid;
	guest.trusted = is_trusted(door, fd, &who);
	door->knocked(door, &guest);
}

static void
shut(struct door *door)
{
	loop_remove(door->loop, &door->source);
	door->shut = true;
}

static void
door_ready(struct loop_source *source, uint32_t events)
{
	struct door *door = (struct door *)source;

	(void)events;
	for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
		int fd = accept4(source->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd >= 0)
			let_in(door, fd);
		/* Out of descriptors it would be ready again at once. */
		if (fd < 0 || ++door->accepted >= ACCEPTED_A_SECOND) {
			shut(door);
			return;
		}
	}
}

/* --- the socket --- */

static void
take_rules(struct door *door, const struct config *config)
{
	const struct sandbox_identity *identity = &config->identity;

	door->user = identity->change ? identity->uid : geteuid();
	door->has_group = config->control_group[0] != '\0';
	door->group = config->control_gid;
	door->status_for_all = config->status_for_all;
}

/* PATH is in a directory that nobody else may write to. */
static int
set_owner(const struct door *door, const char *path)
{
	uid_t user = geteuid() == 0 ? door->user : (uid_t)-1;
	gid_t group = door->has_group ? door->group : getegid();
	mode_t mode = door->has_group ? 0660 : 0600;
	struct stat status;

	if (door->status_for_all)
		mode = 0666;
	if (lstat(path, &status) < 0)
		return -1;
	/* A service manager may refuse even what would change nothing. */
	if (((user != (uid_t)-1 && status.st_uid != user) ||
	     status.st_gid != group) &&
	    lchown(path, user, group) < 0)
		return -1;
	return chmod(path, mode);
}

/* Under another name first, so that it appears as it is to be. */
static int
bind_to(const struct door *door, const char *runtime_dir)
{
	struct sockaddr_un address;
	socklen_t length =
		control_address(runtime_dir, CONTROL_SOCKET ".new", &address);
	mode_t mask;
	int result;

	if (length == 0) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (unlink(address.sun_path) < 0 && errno != ENOENT)
		return -1;
	mask = umask(0177);
	result = bind(door->source.fd, (struct sockaddr *)&address, length);
	umask(mask);
	if (result < 0)
		return -1;
	if (set_owner(door, address.sun_path) == 0 &&
	    listen(door->source.fd, BACKLOG) == 0 &&
	    rename(address.sun_path, door->path) == 0)
		return 0;
	result = errno;
	unlink(address.sun_path);
	errno = result;
	return -1;
}

/* --- life --- */

static void
prepare(struct door *door, struct loop *loop, int fd, const char *runtime_dir,
	const struct config *config,
	void (*knocked)(struct door *door, const struct guest *guest))
{
	struct sockaddr_un address;

	*door = (struct door){ .loop = loop, .knocked = knocked };
	door->source.fd = fd;
	door->source.ready = door_ready;
	take_rules(door, config);
	if (control_address(runtime_dir, CONTROL_SOCKET, &address) > 0)
		strlcpy(door->path, address.sun_path, sizeof(door->path));
}

static int
fail(struct door *door, const char *runtime_dir, struct problem *problem)
{
	problem_errno(problem, errno, "%s/%s", runtime_dir, CONTROL_SOCKET);
	if (door->source.fd >= 0)
		close(door->source.fd);
	door->source.fd = -1;
	return -1;
}

int
door_open(struct door *door, struct loop *loop, const char *runtime_dir,
	  const struct config *config,
	  void (*knocked)(struct door *door, const struct guest *guest),
	  struct problem *problem)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	prepare(door, loop, fd, runtime_dir, config, knocked);
	if (fd < 0 || bind_to(door, runtime_dir) < 0)
		return fail(door, runtime_dir, problem);
	if (loop_add(loop, &door->source, EPOLLIN) == 0)
		return 0;
	unlink(door->path);
	return fail(door, runtime_dir, problem);
}

int
door_restore(struct door *door, struct loop *loop, int fd,
	     const char *runtime_dir, const struct config *config,
	     void (*knocked)(struct door *door, const struct guest *guest),
	     struct problem *problem)
{
	prepare(door, loop, fd, runtime_dir, config, knocked);
	if (loop_add(loop, &door->source, EPOLLIN) == 0)
		return 0;
	return fail(door, runtime_dir, problem);
}

/* Somebody removed it: another one in its place. */
static int
replace(struct door *door, const char *runtime_dir)
{
	struct door next = *door;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	next.source.fd = fd;
	if (bind_to(&next, runtime_dir) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	if (!door->shut)
		loop_remove(door->loop, &door->source);
	close(door->source.fd);
	door->source.fd = fd;
	door->shut = loop_add(door->loop, &door->source, EPOLLIN) < 0;
	return 0;
}

int
door_configure(struct door *door, const char *runtime_dir,
	       const struct config *config, struct problem *problem)
{
	take_rules(door, config);
	if (set_owner(door, door->path) == 0 ||
	    (errno == ENOENT && replace(door, runtime_dir) == 0))
		return 0;
	problem_errno(problem, errno, "%s", door->path);
	return -1;
}

void
door_check(struct door *door)
{
	door->accepted = 0;
	if (door->shut && loop_add(door->loop, &door->source, EPOLLIN) == 0)
		door->shut = false;
}

void
door_close(struct door *door)
{
	if (door->source.fd < 0)
		return;
	if (!door->shut)
		loop_remove(door->loop, &door->source);
	close(door->source.fd);
	door->source.fd = -1;
	unlink(door->path);
}
