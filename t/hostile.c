/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A timed whose worker 0 has been taken over: it has all that a worker has,
 * and does with it what no worker does.  All others are as ever.  For
 * t/hostile.bats.
 *
 *	HOSTILE_KIND	what it does: a row of the table below
 *	HOSTILE_SEED	of its random numbers
 *	HOSTILE_UNTIL	when it ends, in hundredths of a second since the
 *			system was booted; whoever comes after that is honest
 *
 * It begins when somebody is connected to one of the others, and ends at the
 * latest when CROWD are.  Once a second it beats, so that nobody takes it for
 * hung.  What it is denied goes to the pipe HOSTILE_SAYS, since it may write to
 * no file.
 */
#include "base/clock.h"
#include "base/fds.h"
#include "base/log.h"
#include "ipc/handoff.h"
#include "ipc/keeper_wire.h"
#include "ipc/passing.h"
#include "ipc/report.h"
#include "ipc/ring.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	CROWD = 8
};

struct hostile {
	const struct worker_plan *plan;
	struct scoreboard board;
	struct report_writer report;
	uint64_t random;
	uint64_t until;	 /* hundredths of a second since the boot */
	uint64_t beaten; /* CLOCK_MONOTONIC, nanoseconds */
	int keeper;	 /* -1: none */
	bool accepted;	 /* its generation serves */
	bool over;
};

struct kind {
	const char *name;
	void (*begin)(
		struct hostile *hostile); /* before it is ready; or NULL */
	void (*attack)(struct hostile *hostile); /* again and again; or NULL */
	bool at_once; /* whether or not there are clients */
};

int __real_worker_run(const struct worker_plan *plan);
int __wrap_worker_run(const struct worker_plan *plan);

/* --- noise --- */

static uint64_t
draw(struct hostile *hostile)
{
	/* xorshift64* */
	hostile->random ^= hostile->random >> 12;
	hostile->random ^= hostile->random << 25;
	hostile->random ^= hostile->random >> 27;
	return hostile->random * UINT64_C(2685821657736338717);
}

static void
fill(struct hostile *hostile, void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((unsigned char *)bytes)[i] = (unsigned char)draw(hostile);
}

static void
say(const char *what, bool allowed)
{
	dprintf(STDERR_FILENO, "hostile: %s: %s\n", what,
		allowed ? "allowed" : "denied");
}

/* A file that can only be had for reading: is it so? */
static void
try_to_write(const char *what, void *map, size_t length)
{
	bool allowed = mprotect(map, length, PROT_READ | PROT_WRITE) == 0;

	say(what, allowed);
	if (allowed)
		mprotect(map, length, PROT_READ);
}

/* --- reports --- */

static void
beat(struct hostile *hostile)
{
	struct report_beat none = { 0 };

	hostile->beaten = clock_monotonic();
	(void)report_beat(&hostile->report, &none);
}

/* One of another worker, of no type, of a wrong length, or mere noise. */
static void
send_nonsense(struct hostile *hostile)
{
	union report report;
	size_t length = sizeof(report.beat);

	fill(hostile, &report, sizeof(report));
	report.header.type = (uint16_t)(draw(hostile) % 6);
	report.header.length = (uint16_t)length;
	report.header.slot = hostile->report.slot;
	report.header.generation = hostile->report.generation;
	switch (draw(hostile) % 5) {
	case 0:
		report.header.slot = (uint32_t)draw(hostile) % SCOREBOARD_SLOTS;
		break;
	case 1:
		report.header.generation++;
		break;
	case 2:
		report.header.length = (uint16_t)draw(hostile);
		break;
	case 3:
		length = draw(hostile) % length;
		break;
	default:
		fill(hostile, &report.header, sizeof(report.header));
	}
	(void)!write(hostile->report.fd, &report, length);
}

/* What is well made, and far too often: numbers as large as they can be. */
static void
flood_reports(struct hostile *hostile)
{
	struct report_beat huge;

	memset(&huge, 0xff, sizeof(huge));
	(void)report_beat(&hostile->report, &huge);
	(void)report_send(&hostile->report, REPORT_READY);
	(void)report_failed(&hostile->report, (int)draw(hostile), "\x1b[2J");
}

/* It has lived, it says, and dies. */
static void
die_young(struct hostile *hostile)
{
	beat(hostile);
	_exit(EXIT_FAILURE);
}

/* --- the scoreboard --- */

static void
look_at_board(struct hostile *hostile)
{
	try_to_write("the scoreboard", hostile->board.map, SCOREBOARD_SIZE);
}

static void
scribble(struct hostile *hostile)
{
	char *slot = (char *)hostile->board.mine;
	uint64_t value = draw(hostile);
	size_t at = draw(hostile) % (SCOREBOARD_SLOT_SIZE - sizeof(value));

	/* Small and large numbers, and the largest. */
	value >>= draw(hostile) % 64;
	if (draw(hostile) % 16 == 0)
		value = UINT64_MAX;
	memcpy(slot + at, &value, sizeof(value));
}

/* --- what it should not send, and to whom --- */

static void
talk_back(struct hostile *hostile)
{
	struct command command;
	int fds[3] = { STDERR_FILENO, STDERR_FILENO, STDERR_FILENO };

	fill(hostile, &command, sizeof(command));
	command.generation = hostile->plan->generation;
	if (passing_send(hostile->plan->command, &command, sizeof(command), fds,
			 (int)(draw(hostile) % 4)) == 0)
		say("an answer", true);
}

static void
spoil_log(struct hostile *hostile)
{
	char bytes[512];
	const uint32_t magic = LOG_MAGIC;

	fill(hostile, bytes, sizeof(bytes));
	if (draw(hostile) % 2)
		memcpy(bytes, &magic, sizeof(magic));
	(void)!write(hostile->plan->log, bytes, draw(hostile) % sizeof(bytes));
	poll(NULL, 0, 1);
}

/* Shut, blocking, deaf: what all who share a listener have of it. */
static void
spoil_listeners(struct hostile *hostile)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { 1, code };

	for (int i = 0; i < hostile->plan->listener_count; i++) {
		int fd = hostile->plan->listeners[i].fd;

		(void)fcntl(fd, F_SETFL, 0);
		(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
				 sizeof(program));
		(void)shutdown(fd, SHUT_RD);
	}
}

/* --- the hand-off --- */

/* Descriptors that are no connections, for a batch. */
static int
strange_fd(struct hostile *hostile)
{
	int ends[2];

	switch (draw(hostile) % 4) {
	case 0:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1:
		return fcntl(hostile->plan->listeners[0].fd, F_DUPFD_CLOEXEC,
			     0);
	case 2:
		return memfd_create("strange", MFD_CLOEXEC);
	default:
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
			return -1;
		close(ends[0]);
		return ends[1];
	}
}

/* Well formed; but nothing in it is so. */
static void
send_batch(struct hostile *hostile, int to)
{
	static struct handoff_batch batch;
	char bytes[256];
	int fds[8];
	int count = (int)(draw(hostile) % 8);

	handoff_begin(&batch);
	for (int i = 0; i < count; i++) {
		struct handoff_conn conn;

		fill(hostile, &conn, sizeof(conn));
		fill(hostile, bytes, sizeof(bytes));
		conn.owed = (uint16_t)(draw(hostile) % sizeof(bytes));
		conn.state = (uint32_t)(draw(hostile) % sizeof(bytes));
		if (draw(hostile) % 2)
			conn.service = (uint32_t)(draw(hostile) % 4);
		fds[i] = strange_fd(hostile);
		(void)handoff_add(&batch, fds[i], &conn, bytes, bytes);
	}
	(void)handoff_send(to, &batch);
	passing_close(fds, count);
}

/* As many descriptors as a message holds, and no word of what they are. */
static void
send_descriptors(struct hostile *hostile, int to)
{
	int fds[PASSING_FDS];
	char bytes[64];

	for (int i = 0; i < PASSING_FDS; i++)
		fds[i] = STDERR_FILENO;
	fill(hostile, bytes, sizeof(bytes));
	(void)passing_send(to, bytes, sizeof(bytes), fds, PASSING_FDS);
}

/* To an honest successor: it drops us at once, or takes what is no client. */
static void
hand_over(struct hostile *hostile, const int *fds, int count)
{
	for (int i = 0; i < count; i++) {
		(void)handoff_acknowledge(fds[i], (int)draw(hostile));
		for (int k = 0; k < 20; k++)
			send_batch(hostile, fds[i]);
		send_descriptors(hostile, fds[i]);
		close(fds[i]);
	}
}

/* From an honest predecessor: whom he gives he does not get rid of. */
static void
take_over(struct hostile *hostile, int from)
{
	for (int i = 0; i < 8; i++)
		(void)handoff_acknowledge(from, (int)draw(hostile));
	send_descriptors(hostile, from);
	close(from);
}

/* --- the keeper --- */

static void
meet_keeper(struct hostile *hostile, const int fds[3])
{
	char path[32];
	void *ring = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds[2], 0);
	int again;

	if (ring != MAP_FAILED) {
		try_to_write("the ring", ring, 4096);
		munmap(ring, 4096);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[2]);
	again = open(path, O_RDWR | O_CLOEXEC);
	say("the ring's file", again >= 0);
	if (again >= 0)
		close(again);
	if (hostile->keeper >= 0)
		close(hostile->keeper);
	hostile->keeper = fds[0];
	close(fds[1]);
	close(fds[2]);
}

/* In the name of others, of lines that nobody said, and mere noise. */
static void
ask_keeper(struct hostile *hostile)
{
	char bytes[KEEPER_REQUEST_MOST + 8], text[64];
	struct keeper_asked asked = { .name = "ada",
				      .text = text,
				      .more = text };
	size_t length;

	if (hostile->keeper < 0)
		return;
	fill(hostile, text, sizeof(text));
	fill(hostile, &asked.head, sizeof(asked.head));
	asked.head.type = (uint16_t)(1 + draw(hostile) % (KEEPER_TYPES - 1));
	asked.head.session %= 8;
	asked.head.name_length = draw(hostile) % 2 ? 3 : 0;
	asked.head.text_length %= sizeof(text);
	asked.head.more_length %= sizeof(text);
	length = keeper_wire_request(&asked, bytes);
	/* One that is none ends it: there is no other way to the keeper. */
	if (draw(hostile) % (1 << 20) == 0)
		fill(hostile, bytes, length);
	(void)!send(hostile->keeper, bytes, length,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)!recv(hostile->keeper, bytes, sizeof(bytes), MSG_DONTWAIT);
}

/* --- a worker's life --- */

static const struct kind kinds[] = {
	{ "reports", NULL, send_nonsense, false },
	{ "flood", NULL, flood_reports, false },
	{ "young", NULL, die_young, false },
	{ "board", look_at_board, scribble, false },
	{ "commands", NULL, talk_back, false },
	{ "log", NULL, spoil_log, false },
	{ "listeners", NULL, spoil_listeners, true },
	{ "handoff", NULL, NULL, false },
	{ "keeper", NULL, ask_keeper, false },
};

static uint64_t
since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 100 + (uint64_t)now.tv_nsec / 10000000;
}

static void
obey(struct hostile *hostile, const struct command *command, const int *fds,
     int count)
{
	switch (command->type) {
	case COMMAND_ACCEPT:
		hostile->accepted = true;
		break;
	case COMMAND_STOP:
		hostile->over = true;
		break;
	case COMMAND_HAND_OVER:
		hand_over(hostile, fds, count);
		hostile->over = true;
		break;
	case COMMAND_TAKE_OVER:
		if (count == 1)
			take_over(hostile, fds[0]);
		break;
	case COMMAND_KEEPER:
		if (count == 3)
			meet_keeper(hostile, fds);
		break;
	default:
		passing_close(fds, count);
	}
}

static void
listen_to_master(struct hostile *hostile, int milliseconds)
{
	struct pollfd wait = { .fd = hostile->plan->command, .events = POLLIN };
	struct command command = { 0 };
	int fds[COMMAND_FDS];
	int count;

	if (poll(&wait, 1, milliseconds) <= 0)
		return;
	switch (command_receive(hostile->plan->command, &command, fds,
				&count)) {
	case 1:
		obey(hostile, &command, fds, count);
		break;
	case -1:
		hostile->over = true;
	}
}

/* Connections of the others, as they say. */
static uint32_t
connections(const struct scoreboard *board, int slot)
{
	uint32_t sum = 0;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (i != slot)
			sum += scoreboard_slot(board, i)->connections;
	return sum;
}

static bool
has_begun(const struct hostile *hostile, const struct kind *kind)
{
	return kind->attack && hostile->accepted &&
	       (kind->at_once ||
		connections(&hostile->board, hostile->plan->slot) > 0);
}

static bool
is_over(const struct scoreboard *board, int slot, uint64_t until)
{
	return since_boot() >= until || connections(board, slot) >= CROWD;
}

/* As worker_run() begins; but no filter keeps it from calling what it likes. */
static int
start(struct hostile *hostile)
{
	const struct worker_plan *plan = hostile->plan;
	int keep[SCOREBOARD_LISTENERS + 4];
	int count = 0;

	keep[count++] = plan->report;
	keep[count++] = plan->command;
	keep[count++] = plan->log;
	keep[count++] = plan->scoreboard->fd;
	for (int i = 0; i < plan->listener_count; i++)
		keep[count++] = plan->listeners[i].fd;
	hostile->board = *plan->scoreboard;
	if (fds_keep_only(keep, count) < 0 ||
	    scoreboard_own(&hostile->board, plan->slot) < 0 ||
	    sandbox_enter(SANDBOX_WORKER, &plan->identity, plan->root) < 0)
		return -1;
	hostile->report =
		(struct report_writer){ .fd = plan->report,
					.slot = (uint32_t)plan->slot,
					.generation = plan->generation };
	return 0;
}

static int
live(struct hostile *hostile, const struct kind *kind)
{
	sigset_t all;

	if (start(hostile) < 0)
		return EXIT_FAILURE;
	/* A signal to the group is for the master. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (kind->begin)
		kind->begin(hostile);
	(void)report_send(&hostile->report, REPORT_READY);
	while (!hostile->over &&
	       !is_over(&hostile->board, hostile->plan->slot, hostile->until)) {
		bool begun = has_begun(hostile, kind);

		if (clock_monotonic() - hostile->beaten >=
		    (uint64_t)CLOCK_SECOND)
			beat(hostile);
		for (int i = 0; begun && i < 100; i++)
			kind->attack(hostile);
		listen_to_master(hostile, begun ? 0 : 10);
	}
	return EXIT_FAILURE;
}

static uint64_t
number_of(const char *variable)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : 0;
}

/* To be heard: a pipe in the place of standard error. */
static void
open_mouth(void)
{
	const char *path = getenv("HOSTILE_SAYS");
	int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	close(fd);
}

int
__wrap_worker_run(const struct worker_plan *plan)
{
	struct hostile hostile = { .plan = plan, .keeper = -1 };
	const char *name = getenv("HOSTILE_KIND");

	hostile.random = number_of("HOSTILE_SEED") * 2 + 1;
	hostile.until = number_of("HOSTILE_UNTIL");
	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (plan->number == 0 &&
		    !is_over(plan->scoreboard, plan->slot, hostile.until) &&
		    strcmp(name, kinds[i].name) == 0) {
			open_mouth();
			return live(&hostile, &kinds[i]);
		}
	return __real_worker_run(plan);
}
