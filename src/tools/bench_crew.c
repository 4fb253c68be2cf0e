/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_crew.h"

#include "base/clock.h"
#include "base/fds.h"
#include "tools/bench.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SLACK = 64, /* descriptors that are no sockets of the load */
	REDRAW_MS = 100,
};

uint32_t
crew_size(uint64_t descriptors, uint32_t least)
{
	uint64_t each = fds_raise_limit();
	uint64_t needed;

	if (each <= SLACK)
		return 0;
	each -= SLACK;
	needed = (descriptors + each - 1) / each;
	if (needed < least)
		needed = least;
	if (needed > descriptors)
		needed = descriptors;
	return needed > BENCH_PROCESSES ? 0 : (uint32_t)needed;
}

uint32_t
crew_part(uint32_t total, uint32_t i, uint32_t count)
{
	return total / count + (i < total % count);
}

void
crew_gate(struct crew *crew, enum bench_gate gate)
{
	if (crew->gates[gate][1] >= 0)
		close(crew->gates[gate][1]);
	crew->gates[gate][1] = -1;
}

int
crew_open(struct crew *crew)
{
	sigset_t set;

	bench_progress_open(&crew->progress);
	for (int i = 0; i < GATES; i++)
		if (pipe2(crew->gates[i], O_CLOEXEC) < 0)
			return -1;
	if (pipe2(crew->reports, O_CLOEXEC) < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	crew->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return crew->signals < 0 ? -1 : 0;
}

static void __attribute__((noreturn))
become_load(struct crew *crew,
	    int (*work)(void *context, const struct crew_ends *ends),
	    void *context)
{
	struct crew_ends ends = { .report = crew->reports[1] };

	/* Without the main process there is nobody to report to. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int gate = 0; gate < GATES; gate++) {
		crew_gate(crew, (enum bench_gate)gate);
		ends.gates[gate] = crew->gates[gate][0];
	}
	close(crew->reports[0]);
	close(crew->signals);
	_exit(work(context, &ends));
}

int
crew_fork(struct crew *crew,
	  int (*work)(void *context, const struct crew_ends *ends),
	  void *context)
{
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (pid == 0)
		become_load(crew, work, context);
	crew->running++;
	return 0;
}

void
crew_manned(struct crew *crew)
{
	close(crew->reports[1]);
}

static void
reap(struct crew *crew)
{
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0) {
		crew->running--;
		if (crew->releasing && status == 0)
			continue;
		if (!crew->broken)
			bench_complain("a load process ended early");
		crew->broken = true;
	}
}

static void
take_signals(struct crew *crew)
{
	struct signalfd_siginfo info;

	while (read(crew->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			crew->interrupted = true;
	reap(crew);
}

static void
take_reports(struct crew *crew)
{
	char bytes[BENCH_PROCESSES];
	ssize_t n = read(crew->reports[0], bytes, sizeof(bytes));

	if (n > 0)
		crew->reported += (uint32_t)n;
}

void
crew_turn(struct crew *crew, int64_t nanoseconds)
{
	struct pollfd polled[2] = {
		{ .fd = crew->signals, .events = POLLIN },
		{ .fd = crew->reports[0], .events = POLLIN },
	};
	int64_t wait =
		(nanoseconds + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND;

	if (crew->progress.shown && (nanoseconds < 0 || wait > REDRAW_MS))
		wait = REDRAW_MS;
	else if (nanoseconds < 0)
		wait = -1;
	/* When all writers are gone there are only signals left. */
	if (crew->running == 0 || crew->releasing)
		polled[1].fd = -1;
	if (poll(polled, 2, wait > INT32_MAX ? INT32_MAX : (int)wait) <= 0)
		return;
	if (polled[1].revents)
		take_reports(crew);
	if (polled[0].revents)
		take_signals(crew);
}

bool
crew_going(const struct crew *crew)
{
	return !crew->interrupted && !crew->broken;
}

void
crew_release(struct crew *crew)
{
	crew->releasing = true;
	for (int i = 0; i < GATES; i++)
		crew_gate(crew, (enum bench_gate)i);
	reap(crew);
	while (crew->running > 0)
		crew_turn(crew, -1);
}
