/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_stream.h"

#include "base/clock.h"
#include "tools/bench_load.h"
#include "tools/bench_probe.h"
#include "tools/bench_progress.h"
#include "tools/bench_report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	SLACK = 64, /* descriptors that are no connections */
	REDRAW_MS = 100,
	EXIT_FAULTS = 1,
};

struct run {
	const struct bench_options *options;
	struct bench_shared *shared;
	struct bench_progress progress;
	int gates[GATES][2];
	int reports[2];
	int signals; /* a signalfd */
	pid_t children[BENCH_PROCESSES];
	uint32_t running;  /* children not waited for yet */
	uint32_t reported; /* bytes read from `reports` */
	bool interrupted;
	bool broken; /* a load process ended before its time */
	bool releasing;
	uint64_t connecting; /* since when, monotonic */
	struct bench_report report;
};

/* How many processes it takes; 0: more than there can be. */
static uint32_t
count_processes(const struct bench_options *options)
{
	uint64_t sockets = (uint64_t)options->connections + options->unread;
	struct rlimit limit;
	uint64_t each, needed;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_cur <= SLACK)
		return 0;
	each = limit.rlim_cur - SLACK;
	needed = (sockets + each - 1) / each;
	if (needed < options->processes)
		needed = options->processes;
	if (needed > sockets)
		needed = sockets;
	return needed > BENCH_PROCESSES ? 0 : (uint32_t)needed;
}

static void
open_gate(struct run *run, enum bench_gate gate)
{
	if (run->gates[gate][1] >= 0)
		close(run->gates[gate][1]);
	run->gates[gate][1] = -1;
}

static int
open_channels(struct run *run)
{
	sigset_t set;

	for (int i = 0; i < GATES; i++)
		if (pipe2(run->gates[i], O_CLOEXEC) < 0)
			return -1;
	if (pipe2(run->reports, O_CLOEXEC) < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals < 0 ? -1 : 0;
}

/* The part of TOTAL that process I of COUNT takes. */
static uint32_t
part(uint32_t total, uint32_t i, uint32_t count)
{
	return total / count + (i < total % count);
}

static void __attribute__((noreturn))
become_load(struct run *run, uint32_t i, struct bench_share *share)
{
	int status;

	/* Without the main process there is nobody to report to. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int gate = 0; gate < GATES; gate++) {
		open_gate(run, (enum bench_gate)gate);
		share->gates[gate] = run->gates[gate][0];
	}
	share->report = run->reports[1];
	close(run->reports[0]);
	close(run->signals);
	status =
		bench_load(&run->shared->plan, share, &run->shared->results[i]);
	_exit(status);
}

/* Fork the load processes; the first one takes the probe's connection. */
static int
start(struct run *run, int probe_fd, const struct sequence *probe)
{
	uint32_t count = run->shared->plan.processes;
	uint32_t first = 0;

	run->connecting = clock_monotonic();
	for (uint32_t i = 0; i < count; i++) {
		struct bench_share share = {
			.first = first,
			.connections =
				part(run->options->connections, i, count),
			.unread = part(run->options->unread, i, count),
			.probe_fd = i == 0 ? probe_fd : -1,
			.probe = *probe,
		};
		pid_t pid = fork();

		if (pid < 0)
			return -1;
		if (pid == 0)
			become_load(run, i, &share);
		run->children[i] = pid;
		run->running++;
		first += share.connections + share.unread;
	}
	close(run->reports[1]);
	close(probe_fd);
	return 0;
}

static void
reap(struct run *run)
{
	int status;

	while (waitpid(-1, &status, WNOHANG) > 0) {
		run->running--;
		if (run->releasing && status == 0)
			continue;
		if (!run->broken)
			bench_complain("a load process ended early");
		run->broken = true;
	}
}

static void
take_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			run->interrupted = true;
	reap(run);
}

static void
take_reports(struct run *run)
{
	char bytes[BENCH_PROCESSES];
	ssize_t n = read(run->reports[0], bytes, sizeof(bytes));

	if (n > 0)
		run->reported += (uint32_t)n;
}

/* Wait for reports or signals, at most NANOSECONDS (negative: no end). */
static void
turn(struct run *run, int64_t nanoseconds)
{
	struct pollfd polled[2] = {
		{ .fd = run->signals, .events = POLLIN },
		{ .fd = run->reports[0], .events = POLLIN },
	};
	int64_t wait =
		(nanoseconds + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND;

	if (run->progress.shown && (nanoseconds < 0 || wait > REDRAW_MS))
		wait = REDRAW_MS;
	else if (nanoseconds < 0)
		wait = -1;
	/* When all writers are gone there are only signals left. */
	if (run->running == 0 || run->releasing)
		polled[1].fd = -1;
	if (poll(polled, 2, wait > INT32_MAX ? INT32_MAX : (int)wait) <= 0)
		return;
	if (polled[1].revents)
		take_reports(run);
	if (polled[0].revents)
		take_signals(run);
}

static bool
going(const struct run *run)
{
	return !run->interrupted && !run->broken;
}

static void
wait_connected(struct run *run)
{
	const struct bench_shared *shared = run->shared;
	uint32_t asked = run->options->connections + run->options->unread;
	uint32_t count = shared->plan.processes;

	while (going(run) && run->reported < count) {
		uint32_t decided = 0;

		for (uint32_t i = 0; i < count; i++) {
			const struct bench_result *result = &shared->results[i];

			decided += result->made + result->failed +
				   result->unread_made + result->unread_failed;
		}
		bench_progress_show(&run->progress, "connecting", decided,
				    asked, "");
		turn(run, -1);
	}
	run->report.connect_seconds =
		(double)(clock_monotonic() - run->connecting) / CLOCK_SECOND;
}

static void
wait_until(struct run *run, int64_t time)
{
	const struct bench_plan *plan = &run->shared->plan;
	int64_t now;

	while (going(run) && (now = clock_realtime()) < time) {
		bench_progress_show(&run->progress, "measuring",
				    (double)(now - plan->from) / CLOCK_SECOND,
				    (double)(plan->until - plan->from) /
					    CLOCK_SECOND,
				    " s");
		turn(run, time - now);
	}
}

/* From the middle of an interval on, so many of them. */
static void
plan_window(struct run *run)
{
	struct bench_plan *plan = &run->shared->plan;
	int64_t interval = plan->rule.interval;
	int64_t now = clock_realtime();
	int64_t from = clock_boundary(now, interval) + interval / 2;
	int64_t boundaries = run->options->window / interval;

	if (from <= now)
		from += interval;
	plan->from = from;
	plan->until = from + interval * (boundaries > 0 ? boundaries : 1);
}

/* End the window now, or where the ticks of this interval have come in. */
static void
cut_window(struct run *run)
{
	struct bench_plan *plan = &run->shared->plan;
	int64_t interval = plan->rule.interval;
	int64_t now = clock_realtime();
	int64_t until = clock_boundary(now, interval) + interval / 2;

	if (until < now)
		until = now;
	if (plan->from > until || plan->from == 0)
		plan->from = until;
	if (plan->until > until || plan->until == 0)
		plan->until = until;
}

static void
look(struct run *run, struct bench_proc_list *list, bool memory)
{
	const struct bench_options *options = run->options;

	if (!run->report.server)
		return;
	if (bench_proc_read(list, options->pids, options->pid_count, memory) <
	    0)
		bench_complain("the server's processes: %s", strerror(errno));
}

static void
measure(struct run *run)
{
	const struct bench_plan *plan = &run->shared->plan;
	uint32_t all = 2 * plan->processes;

	if (going(run))
		plan_window(run);
	else
		cut_window(run);
	open_gate(run, GATE_GO);
	wait_until(run, plan->from);
	look(run, &run->report.before, false);
	wait_until(run, plan->until);
	if (!going(run)) {
		int64_t left;

		cut_window(run);
		open_gate(run, GATE_STOP);
		while ((left = plan->until - clock_realtime()) > 0 &&
		       !run->broken)
			turn(run, left);
	}
	look(run, &run->report.after, true);
	bench_progress_hide(&run->progress);
	while (!run->broken && run->reported < all)
		turn(run, -1);
}

/* Let the load processes reset their connections and end. */
static void
release(struct run *run)
{
	run->releasing = true;
	for (int i = 0; i < GATES; i++)
		open_gate(run, (enum bench_gate)i);
	reap(run);
	while (run->running > 0)
		turn(run, -1);
}

static void
conclude(struct run *run)
{
	const struct bench_plan *plan = &run->shared->plan;
	struct bench_report *report = &run->report;

	report->interrupted = !going(run);
	report->boundaries = sequence_boundaries(plan->from, plan->until,
						 plan->rule.interval);
	for (uint32_t i = 0; i < plan->processes; i++)
		bench_report_add(report, &run->shared->results[i]);
	report->expected = (uint64_t)report->boundaries * report->made;
}

static int
show(const struct run *run)
{
	const struct bench_report *report = &run->report;
	const char *plot = run->options->plot;
	int status = 0;

	if (run->options->json)
		status = bench_report_json(report, stdout);
	else
		bench_report_text(report, stdout);
	if (status < 0 || fflush(stdout) == EOF) {
		bench_complain("standard output: %s", strerror(errno));
		return EX_IOERR;
	}
	if (plot && bench_report_plot(report, plot) < 0) {
		bench_complain("%s: %s", plot, strerror(errno));
		return EX_CANTCREAT;
	}
	return run->broken || !bench_report_clean(report) ? EXIT_FAULTS : 0;
}

static int
perform(struct run *run)
{
	struct sequence probe = { 0 };
	struct bench_plan *plan = &run->shared->plan;
	int fd = bench_probe(run->options, plan, &probe);

	if (fd < 0)
		return EX_UNAVAILABLE;
	addr_format(&plan->address, run->report.address);
	if (open_channels(run) < 0 || start(run, fd, &probe) < 0) {
		bench_complain("cannot start: %s", strerror(errno));
		return EX_OSERR;
	}
	wait_connected(run);
	measure(run);
	release(run);
	conclude(run);
	return show(run);
}

int
bench_stream(const struct bench_options *options)
{
	struct run run = { .options = options };
	int status;

	run.shared = mmap(NULL, sizeof(*run.shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.shared == MAP_FAILED) {
		bench_complain("mmap: %s", strerror(errno));
		return EX_OSERR;
	}
	run.report.options = options;
	run.report.plan = &run.shared->plan;
	run.report.server = options->pid_count > 0;
	bench_progress_open(&run.progress);
	run.shared->plan.processes = count_processes(options);
	if (run.shared->plan.processes == 0) {
		bench_complain("too many connections for %d processes of %s",
			       BENCH_PROCESSES, "RLIMIT_NOFILE descriptors");
		status = EX_OSERR;
	} else {
		status = perform(&run);
	}
	bench_proc_free(&run.report.before);
	bench_proc_free(&run.report.after);
	munmap(run.shared, sizeof(*run.shared));
	return status;
}
