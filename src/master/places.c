/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/places.h"

#include "base/fds.h"
#include "base/trust.h"

#include <bsd/libutil.h>
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/*
 * Give a directory that was made with no rights at all to its owner.  Where
 * others may write, PATH can lead to something else by now: never to what looks
 * like that.
 */
static int
give_away(const char *path, mode_t mode, const struct sandbox_identity *owner)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int error = 0;
	struct stat status;

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) < 0 || status.st_uid != geteuid() ||
	    (status.st_mode & 0777) != 0)
		error = EPERM;
	else if (fchmod(fd, mode) < 0 || fchown(fd, owner->uid, owner->gid) < 0)
		error = errno;
	close(fd);
	errno = error;
	return error ? -1 : 0;
}

/* 1: made; 0: it was there; -1 with PROBLEM. */
static int
make_directory(const char *path, mode_t mode,
	       const struct sandbox_identity *owner, struct problem *problem)
{
	bool given = owner && owner->change;
	struct stat status;

	if (mkdir(path, given ? 0 : mode) == 0) {
		if (given && give_away(path, mode, owner) < 0) {
			problem_errno(problem, errno, "%s", path);
			(void)rmdir(path);
			return -1;
		}
		return 1;
	}
	if (errno != EEXIST) {
		problem_errno(problem, errno, "cannot make directory %s%s",
			      path,
			      errno == ENOENT ? " in one that is missing" : "");
		return -1;
	}
	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode)) {
		problem_errno(problem, ENOTDIR, "%s", path);
		return -1;
	}
	return 0;
}

static bool
may_write(const struct stat *status, const struct sandbox_identity *who)
{
	if (status->st_uid == who->uid)
		return status->st_mode & S_IWUSR;
	if (status->st_gid == who->gid)
		return status->st_mode & S_IWGRP;
	return status->st_mode & S_IWOTH;
}

/*
 * The journal of another user than before cannot write the log that is there.
 * Not to be mended by a root who changes the owner of what others may have put
 * there.
 */
static int
check_log_owner(const struct config *config, struct problem *problem)
{
	const struct sandbox_identity *who = &config->identity;
	struct stat status;

	if (!who->change || who->uid == 0 ||
	    lstat(config->log.file, &status) < 0 || !S_ISREG(status.st_mode) ||
	    may_write(&status, who))
		return 0;
	problem_set(problem, EX_NOPERM,
		    "%s belongs to uid %u: uid %u, who is to write the log, "
		    "may not; chown it",
		    config->log.file, (unsigned)status.st_uid,
		    (unsigned)who->uid);
	return -1;
}

int
places_log_directory(const struct config *config, struct problem *problem)
{
	char file[PATH_MAX];

	if (!config->log.file[0])
		return 0;
	strlcpy(file, config->log.file, sizeof(file));
	if (make_directory(dirname(file), 0750, &config->identity, problem) < 0)
		return -1;
	return check_log_owner(config, problem);
}

int
places_state_directory(const struct config *config, struct problem *problem)
{
	const struct sandbox_identity *who = &config->identity;
	struct stat status;
	bool kept = false;

	for (int i = 0; i < config->service_count; i++)
		kept |= config->services[i].service->keep != NULL;
	if (!kept)
		return 0;
	if (make_directory(config->state_dir, 0750, &config->identity,
			   problem) < 0)
		return -1;
	if (!who->change || who->uid == 0 ||
	    stat(config->state_dir, &status) < 0 || may_write(&status, who))
		return 0;
	problem_set(problem, EX_NOPERM,
		    "%s belongs to uid %u: uid %u, who is to keep users and "
		    "history there, may not write to it; chown it",
		    config->state_dir, (unsigned)status.st_uid,
		    (unsigned)who->uid);
	return -1;
}

/* Another descriptor of it holds the lock as well, and can cross an exec. */
static int
keep_pidfile(struct places *places, struct pidfh *file, const char *path,
	     struct problem *problem)
{
	if (pidfile_write(file) == 0) {
		places->pidfile =
			fcntl(pidfile_fileno(file), F_DUPFD_CLOEXEC, 0);
		if (places->pidfile >= 0) {
			pidfile_close(file);
			return 0;
		}
	}
	problem_errno(problem, errno, "%s", path);
	pidfile_remove(file);
	return -1;
}

/* Who opens it follows a link, and writes into whatever that leads to. */
static bool
is_plain(const char *path, struct problem *problem)
{
	struct stat status;

	if (lstat(path, &status) < 0 || S_ISREG(status.st_mode))
		return true;
	problem_set(problem, EX_CANTCREAT, "%s: is not a plain file", path);
	return false;
}

static int
take_pidfile(struct places *places, struct problem *problem)
{
	char path[PATH_MAX];
	struct pidfh *file;
	pid_t other = 0;

	if (snprintf(path, sizeof(path), "%s/timed.pid", places->runtime_dir) >=
	    (int)sizeof(path)) {
		problem_errno(problem, ENAMETOOLONG, "%s/timed.pid",
			      places->runtime_dir);
		return -1;
	}
	if (!is_plain(path, problem))
		return -1;
	file = pidfile_open(path, 0644, &other);
	if (file)
		return keep_pidfile(places, file, path, problem);
	if ((errno == EEXIST || errno == EAGAIN) && other > 0)
		problem_set(problem, EX_CANTCREAT,
			    "%s: timed is running already, pid %d", path,
			    (int)other);
	else if (errno == EEXIST || errno == EAGAIN)
		problem_set(problem, EX_CANTCREAT,
			    "%s: another timed is starting", path);
	else
		problem_errno(problem, errno, "%s", path);
	return -1;
}

static void
remove_runtime_dir(const struct places *places)
{
	if (places->made_runtime_dir)
		rmdir(places->runtime_dir);
}

/*
 * What is made there is written, given away and removed by its name, by a
 * process that may be root: nobody else may be able to put a link there.
 */
static int
check_runtime_dir(const struct places *places, struct problem *problem)
{
	char why[PATH_MAX + 64];

	if (trust_directory(places->runtime_dir, why, sizeof(why)))
		return 0;
	problem_set(problem, EX_NOPERM, "runtime_dir: %s", why);
	return -1;
}

int
places_open(struct places *places, const struct config *config,
	    struct problem *problem)
{
	int made;

	*places = (struct places){ 0 };
	strlcpy(places->runtime_dir, config->runtime_dir,
		sizeof(places->runtime_dir));
	made = make_directory(places->runtime_dir, 0755, NULL, problem);
	if (made < 0)
		return -1;
	places->made_runtime_dir = made == 1;
	if (check_runtime_dir(places, problem) == 0 &&
	    places_log_directory(config, problem) >= 0 &&
	    places_state_directory(config, problem) >= 0 &&
	    take_pidfile(places, problem) == 0)
		return 0;
	remove_runtime_dir(places);
	return -1;
}

void
places_close(struct places *places)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/timed.pid", places->runtime_dir);
	/* Another timed may have one there, if ours was taken away. */
	if (fds_is_file(places->pidfile, path))
		unlink(path);
	close(places->pidfile);
	places->pidfile = -1;
	remove_runtime_dir(places);
}
