/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/carry.h"

#include "base/clock.h"
#include "base/hex.h"
#include "ipc/census.h"
#include "ipc/handoff.h"
#include "master/carry_hooks.h"
#include "master/carry_workers.h"
#include "master/listen.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

/* --- writing --- */

static json_t *
listeners_text(const struct listeners *listeners)
{
	json_t *array = json_array();

	for (int i = 0; i < listeners->count; i++) {
		const struct listener *one = &listeners->items[i];
		char wanted[2 * sizeof(one->wanted.un) + 1];

		hex_text(&one->wanted.un, one->wanted.length, wanted);
		json_array_append_new(
			array, json_pack("{s:i, s:s, s:s, s:b, s:b}", "fd",
					 one->fd, "service", one->service_name,
					 "wanted", wanted, "passed",
					 one->passed, "paused", one->paused));
	}
	return array;
}

/* clang-format off: a name and its value belong together */
static json_t *
journal_text(const struct scribe *scribe)
{
	const char *log = scribe->config.file;
	/* JSON wants UTF-8, and a path may be anything. */
	char file[2 * sizeof(scribe->config.file) + 1];

	return json_pack(
		"{s:i, s:i, s:i, s:i, s:i, s:s, s:b, s:b, s:i, s:i}", "pid",
		(int)scribe->pid, "read_end", scribe->read_end, "write_end",
		scribe->write_end, "own_end", scribe->own_end, "command",
		scribe->command, "file", hex_text(log, strlen(log), file),
		"syslog", scribe->config.syslog, "change",
		scribe->identity.change, "uid", (int)scribe->identity.uid,
		"gid", (int)scribe->identity.gid);
}

static json_t *
own_text(const struct master *master)
{
	const struct places *places = &master->places;
	char directory[2 * sizeof(places->runtime_dir) + 1];

	return json_pack(
		"{s:i, s:i, s:i, s:s, s:i, s:i, s:i, s:i, s:s, s:b, s:i, s:b, "
		"s:i, s:i, s:i}",
		"carry", CARRY_VERSION, "scoreboard_layout", SCOREBOARD_VERSION,
		"handoff", HANDOFF_VERSION, "version", PACKAGE_VERSION, "pid",
		(int)getpid(), "scoreboard", master->scoreboard.fd, "pidfile",
		places->pidfile, "image", master->image, "runtime_dir",
		hex_text(places->runtime_dir, strlen(places->runtime_dir),
			 directory),
		"made_runtime_dir", places->made_runtime_dir, "generation",
		(int)master->pool.last_number, "reload_again",
		master->reload_again, "resized", master->resized, "census",
		master->census, "census_layout", CENSUS_LAYOUT);
}
/* clang-format on */

/* Each part has its own; NULL when memory is out for one of them. */
static json_t *
all_text(const struct master *master)
{
	const struct {
		const char *name;
		json_t *text;
	} parts[] = {
		{ "control", control_save(&master->control) },
		{ "paused", paused_save(&master->paused) },
		{ "journal", journal_text(&master->scribe) },
		{ "keeper", warden_save(&master->warden) },
		{ "status", herald_save(&master->herald) },
		{ "listeners", listeners_text(&master->listeners) },
		{ "workers", carry_workers_text(&master->pool.crew) },
		{ "hooks", carry_hooks_text(&master->hooks) },
	};
	json_t *text = own_text(master);
	bool whole = text != NULL;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (json_object_set_new(text, parts[i].name, parts[i].text) < 0)
			whole = false;
	if (whole)
		return text;
	json_decref(text);
	return NULL;
}

int
carry_write(const struct master *master)
{
	json_t *text = all_text(master);
	int fd = memfd_create("timed", 0);

	if (!text)
		errno = ENOMEM;
	if (!text || fd < 0 || json_dumpfd(text, fd, 0) < 0) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		json_decref(text);
		errno = error;
		return -1;
	}
	json_decref(text);
	return fd;
}

/* --- reading --- */

static json_t *
load(int fd, struct problem *problem)
{
	json_error_t error;
	json_t *text = NULL;

	if (lseek(fd, 0, SEEK_SET) == 0)
		text = json_loadfd(fd, 0, &error);
	else
		strlcpy(error.text, strerror(errno), sizeof(error.text));
	if (!text)
		problem_set(problem, EX_SOFTWARE, "what was carried over: %s",
			    error.text);
	return text;
}

static int
unpacked(int result, const json_error_t *error, struct problem *problem)
{
	if (result < 0)
		problem_set(problem, EX_SOFTWARE, "what was carried over: %s",
			    error->text);
	return result;
}

static bool
compatible(json_t *text, struct problem *problem)
{
	int carry, layout, handoff;
	const char *version;
	json_error_t error;

	if (unpacked(json_unpack_ex(text, &error, 0, "{s:i, s:i, s:i, s:s}",
				    "carry", &carry, "scoreboard_layout",
				    &layout, "handoff", &handoff, "version",
				    &version),
		     &error, problem) < 0)
		return false;
	if (carry == CARRY_VERSION && layout == SCOREBOARD_VERSION &&
	    handoff >= HANDOFF_OLDEST && handoff <= HANDOFF_VERSION)
		return true;
	problem_set(problem, EX_SOFTWARE,
		    "timed %s cannot take over from timed %s, only be started "
		    "after it",
		    PACKAGE_VERSION, version);
	return false;
}

bool
carry_check(int fd, struct problem *problem)
{
	json_t *text = load(fd, problem);
	bool good = text && compatible(text, problem);
	int pid = getppid();

	(void)json_unpack(text, "{s?i}", "pid", &pid);
	if (good && pid != getppid()) {
		problem_set(problem, EX_SOFTWARE,
			    "it is not run by timed itself; a script in its "
			    "place has to exec it");
		good = false;
	}
	json_decref(text);
	return good;
}

static int
read_listener(json_t *text, struct listener *listener, struct problem *problem)
{
	const char *service, *wanted;
	json_error_t error;
	ssize_t length;
	int passed, paused = 0;

	*listener = (struct listener){ .service = -1 };
	if (unpacked(json_unpack_ex(
			     text, &error, 0, "{s:i, s:s, s:s, s:b, s?b}", "fd",
			     &listener->fd, "service", &service, "wanted",
			     &wanted, "passed", &passed, "paused", &paused),
		     &error, problem) < 0)
		return -1;
	length = hex_bytes(wanted, &listener->wanted.un,
			   sizeof(listener->wanted.un));
	listener->wanted.length = (socklen_t)length;
	if (length < 0) {
		problem_set(problem, EX_SOFTWARE, "a listener's address");
		return -1;
	}
	listener->passed = passed;
	listener->paused = paused;
	listener->paused_at = clock_monotonic();
	listener->transport = listen_transport(listener->fd);
	listen_name(listener->fd, &listener->bound);
	strlcpy(listener->service_name, service,
		sizeof(listener->service_name));
	return 0;
}

static int
read_listeners(json_t *array, struct listeners *listeners,
	       struct problem *problem)
{
	size_t index;
	json_t *text;

	json_array_foreach(array, index, text)
	{
		if (index == SCOREBOARD_LISTENERS)
			break;
		if (read_listener(text, &listeners->items[index], problem) < 0)
			return -1;
		listeners->count++;
	}
	return 0;
}

/* clang-format off */
static int
unpack_all(json_t *text, struct master *master, const char **runtime_dir,
	   int *board, int *made, int *again, json_t **listeners,
	   json_error_t *error)
{
	return json_unpack_ex(
		text, error, 0,
		"{s:i, s:i, s:i, s:s, s:b, s:i, s:b, s?i, s:o}",
		"scoreboard", board,
		"pidfile", &master->places.pidfile,
		"image", &master->back,
		"runtime_dir", runtime_dir,
		"made_runtime_dir", made,
		"generation", &master->carried,
		"reload_again", again,
		"resized", &master->resized,
		"listeners", listeners);
}

static int
unpack_journal(json_t *text, struct scribe_carried *journal,
	       json_error_t *error)
{
	const char *file;
	int syslog, change, uid, gid, result;

	result = json_unpack_ex(
		text, error, 0,
		"{s:{s:i, s:i, s:i, s:i, s:i, s:s, s:b, s:b, s:i, s:i}}",
		"journal",
		"pid", &journal->pid,
		"read_end", &journal->read_end,
		"write_end", &journal->write_end,
		"own_end", &journal->own_end,
		"command", &journal->command,
		"file", &file,
		"syslog", &syslog,
		"change", &change,
		"uid", &uid,
		"gid", &gid);
	if (result < 0)
		return -1;
	memset(&journal->config, 0, sizeof(journal->config));
	(void)hex_bytes(file, journal->config.file,
		       sizeof(journal->config.file) - 1);
	journal->config.syslog = syslog;
	journal->identity.change = change;
	journal->identity.uid = (uid_t)uid;
	journal->identity.gid = (gid_t)gid;
	return 0;
}
/* clang-format on */

/*
 * One that this image does not understand is left to the workers that have it:
 * those that come count anew.  It stays open: there may be a way back.
 */
static int
read_census(json_t *text, struct master *master, struct problem *problem)
{
	int fd = -1, layout = 0;

	(void)json_unpack(text, "{s?i, s?i}", "census", &fd, "census_layout",
			  &layout);
	master->census =
		fd >= 0 && census_fits(fd, layout) ? fd : census_create();
	if (master->census >= 0)
		return 0;
	problem_errno(problem, errno, "the census");
	return -1;
}

static int
read_all(json_t *text, struct master *master, struct scribe_carried *journal,
	 struct problem *problem)
{
	struct places *places = &master->places;
	const char *runtime_dir;
	json_t *listeners;
	json_error_t error;
	int board, made, again;

	if (unpacked(unpack_journal(text, journal, &error), &error, problem) <
		    0 ||
	    unpacked(unpack_all(text, master, &runtime_dir, &board, &made,
				&again, &listeners, &error),
		     &error, problem) < 0)
		return -1;
	memset(places->runtime_dir, 0, sizeof(places->runtime_dir));
	(void)hex_bytes(runtime_dir, places->runtime_dir,
			sizeof(places->runtime_dir) - 1);
	places->made_runtime_dir = made;
	master->reload_again = again;
	paused_restore(&master->paused, json_object_get(text, "paused"));
	if (scoreboard_adopt(&master->scoreboard, places->runtime_dir, board) <
	    0) {
		problem_errno(problem, errno, "the scoreboard");
		return -1;
	}
	if (read_census(text, master, problem) < 0)
		return -1;
	return read_listeners(listeners, &master->listeners, problem);
}

int
carry_read(int fd, struct master *master, struct scribe_carried *journal,
	   struct problem *problem)
{
	json_t *text = load(fd, problem);
	int result = -1;

	if (text && compatible(text, problem))
		result = read_all(text, master, journal, problem);
	json_decref(text);
	return result;
}

int
carry_read_sides(int fd, struct master *master, struct problem *problem)
{
	json_t *text = load(fd, problem);
	int result = text ? 0 : -1;

	if (text && warden_restore(&master->warden,
				   json_object_get(text, "keeper")) < 0) {
		problem_errno(problem, errno, "the keeper");
		result = -1;
	} else if (text &&
		   herald_restore(&master->herald,
				  json_object_get(text, "status")) < 0) {
		problem_errno(problem, errno, "the status process");
		result = -1;
	}
	json_decref(text);
	return result;
}

int
carry_read_children(int fd, struct master *master, struct problem *problem)
{
	json_t *text = load(fd, problem);
	int result = -1;

	if (text)
		result = carry_workers_read(json_object_get(text, "workers"),
					    &master->pool.crew, problem);
	if (result == 0)
		result = carry_hooks_read(json_object_get(text, "hooks"),
					  &master->hooks, problem);
	json_decref(text);
	return result;
}

int
carry_read_control(int fd, struct master *master,
		   void (*asked)(void *context, struct control_peer *peer),
		   struct problem *problem)
{
	json_t *text = load(fd, problem);
	int result = -1;

	if (text)
		result =
			control_restore(&master->control, &master->loop,
					json_object_get(text, "control"),
					master->places.runtime_dir,
					master->config, asked, master, problem);
	json_decref(text);
	return result;
}

/* --- descriptors --- */

static void
keep_one(int fd, bool keep)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

void
carry_keep(const struct master *master, bool keep)
{
	const struct scribe *scribe = &master->scribe;

	control_each_fd(&master->control, keep_one, keep);
	keep_one(master->scoreboard.fd, keep);
	keep_one(master->census, keep);
	keep_one(master->places.pidfile, keep);
	keep_one(master->image, keep);
	keep_one(scribe->read_end, keep);
	keep_one(scribe->write_end, keep);
	keep_one(scribe->own_end, keep);
	keep_one(scribe->command, keep);
	warden_each_fd(&master->warden, keep_one, keep);
	herald_each_fd(&master->herald, keep_one, keep);
	for (int i = 0; i < master->listeners.count; i++)
		keep_one(master->listeners.items[i].fd, keep);
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		const struct crew_member *member =
			&master->pool.crew.members[i];

		if (member->pid == 0)
			continue;
		keep_one(member->command, keep);
		if (member->piped)
			keep_one(member->report.fd, keep);
	}
	for (int i = 0; i < HOOK_KINDS; i++)
		keep_one(master->hooks.places[i].hook.output.source.fd, keep);
}
