/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/carry.h"

#include "ipc/handoff.h"
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

/* JSON wants UTF-8, and a path may be anything: SIZE bytes as 2 * SIZE + 1. */
static const char *
hex_of(const void *bytes, size_t size, char *text)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", byte[i]);
	text[2 * size] = '\0';
	return text;
}

/* The bytes, at most SIZE of them, or -1. */
static ssize_t
bytes_of(const char *hex, void *bytes, size_t size)
{
	unsigned char *byte = bytes;
	size_t length = strlen(hex) / 2;
	unsigned value;

	if (length > size)
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			return -1;
		byte[i] = (unsigned char)value;
	}
	return (ssize_t)length;
}

static json_t *
listeners_text(const struct listeners *listeners)
{
	json_t *array = json_array();

	for (int i = 0; i < listeners->count; i++) {
		const struct listener *one = &listeners->items[i];
		char wanted[2 * sizeof(one->wanted.un) + 1];

		hex_of(&one->wanted.un, one->wanted.length, wanted);
		json_array_append_new(
			array, json_pack("{s:i, s:s, s:s, s:b}", "fd", one->fd,
					 "service", one->service_name, "wanted",
					 wanted, "passed", one->passed));
	}
	return array;
}

/* clang-format off: a name and its value belong together */
static json_t *
member_text(const struct crew_member *member, int slot)
{
	return json_pack(
		"{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, "
		"s:b, s:b, s:b}",
		"slot", slot, "pid", (int)member->pid, "report",
		member->piped ? member->report.fd : -1, "command",
		member->command, "number", (int)member->number, "generation",
		(int)member->generation, "state", (int)member->state, "heirs",
		member->heirs, "last_beat", (json_int_t)member->last_beat,
		"deadline", (json_int_t)member->deadline, "accepted",
		(json_int_t)member->accepted, "beaten", member->beaten,
		"killed", member->killed, "unwanted", member->unwanted);
}
/* clang-format on */

static json_t *
members_text(const struct crew *crew)
{
	json_t *array = json_array();

	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (crew->members[i].pid)
			json_array_append_new(
				array, member_text(&crew->members[i], i));
	return array;
}

/* clang-format off */
static json_t *
all_text(const struct master *master)
{
	const struct places *places = &master->places;
	const struct scribe *scribe = &master->scribe;
	const char *log = scribe->config.file;
	char directory[2 * sizeof(places->runtime_dir) + 1];
	char file[2 * sizeof(scribe->config.file) + 1];

	return json_pack(
		"{s:i, s:i, s:i, s:s, s:i, s:i, s:i, s:i, s:s, s:b, s:i, s:b, "
		"s:{s:i, s:i, s:i, s:i, s:i, s:s, s:b, s:b, s:i, s:i}, "
		"s:o, s:o, s:o}",
		"carry", CARRY_VERSION,
		"scoreboard_layout", SCOREBOARD_VERSION,
		"handoff", HANDOFF_VERSION,
		"version", PACKAGE_VERSION,
		"pid", (int)getpid(),
		"scoreboard", master->scoreboard.fd,
		"pidfile", places->pidfile,
		"image", master->image,
		"runtime_dir", hex_of(places->runtime_dir,
				      strlen(places->runtime_dir), directory),
		"made_runtime_dir", places->made_runtime_dir,
		"generation", (int)master->pool.last_number,
		"reload_again", master->reload_again,
		"journal",
			"pid", (int)scribe->pid,
			"read_end", scribe->read_end,
			"write_end", scribe->write_end,
			"own_end", scribe->own_end,
			"command", scribe->command,
			"file", hex_of(log, strlen(log), file),
			"syslog", scribe->config.syslog,
			"change", scribe->identity.change,
			"uid", (int)scribe->identity.uid,
			"gid", (int)scribe->identity.gid,
		"keeper", warden_save(&master->warden),
		"listeners", listeners_text(&master->listeners),
		"workers", members_text(&master->pool.crew));
}
/* clang-format on */

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
	int passed;

	*listener = (struct listener){ .service = -1 };
	if (unpacked(json_unpack_ex(text, &error, 0, "{s:i, s:s, s:s, s:b}",
				    "fd", &listener->fd, "service", &service,
				    "wanted", &wanted, "passed", &passed),
		     &error, problem) < 0)
		return -1;
	length = bytes_of(wanted, &listener->wanted.un,
			  sizeof(listener->wanted.un));
	listener->wanted.length = (socklen_t)length;
	if (length < 0) {
		problem_set(problem, EX_SOFTWARE, "a listener's address");
		return -1;
	}
	listener->passed = passed;
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
		"{s:i, s:i, s:i, s:s, s:b, s:i, s:b, s:o}",
		"scoreboard", board,
		"pidfile", &master->places.pidfile,
		"image", &master->back,
		"runtime_dir", runtime_dir,
		"made_runtime_dir", made,
		"generation", &master->carried,
		"reload_again", again,
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
	(void)bytes_of(file, journal->config.file,
		       sizeof(journal->config.file) - 1);
	journal->config.syslog = syslog;
	journal->identity.change = change;
	journal->identity.uid = (uid_t)uid;
	journal->identity.gid = (gid_t)gid;
	return 0;
}
/* clang-format on */

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
	(void)bytes_of(runtime_dir, places->runtime_dir,
		       sizeof(places->runtime_dir) - 1);
	places->made_runtime_dir = made;
	master->reload_again = again;
	if (scoreboard_adopt(&master->scoreboard, places->runtime_dir, board) <
	    0) {
		problem_errno(problem, errno, "the scoreboard");
		return -1;
	}
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
carry_read_keeper(int fd, struct warden *warden, struct problem *problem)
{
	json_t *text = load(fd, problem);
	int result = text ? 0 : -1;

	if (text &&
	    warden_restore(warden, json_object_get(text, "keeper")) < 0) {
		problem_errno(problem, errno, "the keeper");
		result = -1;
	}
	json_decref(text);
	return result;
}

/* clang-format off */
static int
unpack_member(json_t *text, int *slot, struct crew_member *member,
	      json_error_t *error)
{
	int number, generation, state, beaten, killed, unwanted, pid, result;
	json_int_t last_beat, deadline, accepted;

	result = json_unpack_ex(
		text, error, 0,
		"{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, "
		"s:b, s:b, s:b}",
		"slot", slot,
		"pid", &pid,
		"report", &member->report.fd,
		"command", &member->command,
		"number", &number,
		"generation", &generation,
		"state", &state,
		"heirs", &member->heirs,
		"last_beat", &last_beat,
		"deadline", &deadline,
		"accepted", &accepted,
		"beaten", &beaten,
		"killed", &killed,
		"unwanted", &unwanted);
	if (result < 0)
		return -1;
	member->pid = pid;
	member->number = (unsigned)number;
	member->generation = (unsigned)generation;
	member->state = (enum worker_state)state;
	member->last_beat = (uint64_t)last_beat;
	member->deadline = (uint64_t)deadline;
	member->accepted = (uint64_t)accepted;
	member->beaten = beaten;
	member->killed = killed;
	member->unwanted = unwanted;
	return 0;
}
/* clang-format on */

static int
read_member(json_t *text, struct crew *crew, struct problem *problem)
{
	struct crew_member member = { 0 };
	json_error_t error;
	int slot;

	if (unpacked(unpack_member(text, &slot, &member, &error), &error,
		     problem) < 0)
		return -1;
	if (crew_adopt(crew, slot, &member) == 0)
		return 0;
	problem_errno(problem, errno, "worker %u", member.number);
	return -1;
}

int
carry_read_workers(int fd, struct crew *crew, struct problem *problem)
{
	json_t *text = load(fd, problem);
	json_t *worker;
	size_t index;
	int result = text ? 0 : -1;

	json_array_foreach(json_object_get(text, "workers"), index, worker)
	{
		if (result == 0)
			result = read_member(worker, crew, problem);
	}
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

	keep_one(master->scoreboard.fd, keep);
	keep_one(master->places.pidfile, keep);
	keep_one(master->image, keep);
	keep_one(scribe->read_end, keep);
	keep_one(scribe->write_end, keep);
	keep_one(scribe->own_end, keep);
	keep_one(scribe->command, keep);
	warden_each_fd(&master->warden, keep_one, keep);
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
}
