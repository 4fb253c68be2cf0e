/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_stream.h"

#include "base/clock.h"
#include "tools/bench_crew.h"
#include "tools/bench_load.h"
#include "tools/bench_probe.h"
#include "tools/bench_report.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	EXIT_FAULTS = 1
};

struct run {
	const struct bench_options *options;
	struct bench_shared *shared;
	struct crew crew;
	uint64_t connecting; /* since when, monotonic */
	struct bench_report report;
};

/* What one load process begins with. */
struct place {
	struct run *run;
	uint32_t number;
	struct bench_share share;
};

static int
bear_load(void *context, const struct crew_ends *ends)
{
	struct place *place = context;
	struct bench_shared *shared = place->run->shared;

	place->share.ends = *ends;
	return bench_load(&shared->plan, &place->share,
			  &shared->results[place->number]);
}

/* Fork the load processes; the first one takes the probe's connection. */
static int
start(struct run *run, int probe_fd, const struct sequence *probe)
{
	uint32_t count = run->shared->plan.processes;
	uint32_t first = 0;

	run->connecting = clock_monotonic();
	for (uint32_t i = 0; i < count; i++) {
		struct place place = {
			.run = run,
			.number = i,
			.share = {
				.first = first,
				.connections = crew_part(
					run->options->connections, i, count),
				.unread = crew_part(run->options->unread, i,
						    count),
				.probe_fd = i == 0 ? probe_fd : -1,
				.probe = *probe,
			},
		};

		if (crew_fork(&run->crew, bear_load, &place) < 0)
			return -1;
		first += place.share.connections + place.share.unread;
	}
	crew_manned(&run->crew);
	close(probe_fd);
	return 0;
}

static void
wait_connected(struct run *run)
{
	const struct bench_shared *shared = run->shared;
	uint32_t asked = run->options->connections + run->options->unread;
	uint32_t count = shared->plan.processes;

	while (crew_going(&run->crew) && run->crew.reported < count) {
		uint32_t decided = 0;

		for (uint32_t i = 0; i < count; i++) {
			const struct bench_result *result = &shared->results[i];

			decided += result->made + result->failed +
				   result->unread_made + result->unread_failed;
		}
		bench_progress_show(&run->crew.progress, "connecting", decided,
				    asked, "");
		crew_turn(&run->crew, -1);
	}
	run->report.connect_seconds =
		(double)(clock_monotonic() - run->connecting) / CLOCK_SECOND;
}

static void
wait_until(struct run *run, int64_t time)
{
	const struct bench_plan *plan = &run->shared->plan;
	int64_t now;

	while (crew_going(&run->crew) && (now = clock_realtime()) < time) {
		bench_progress_show(&run->crew.progress, "measuring",
				    (double)(now - plan->from) / CLOCK_SECOND,
				    (double)(plan->until - plan->from) /
					    CLOCK_SECOND,
				    " s");
		crew_turn(&run->crew, time - now);
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
measure(struct run *run)
{
	const struct bench_plan *plan = &run->shared->plan;
	uint32_t all = 2 * plan->processes;

	if (crew_going(&run->crew))
		plan_window(run);
	else
		cut_window(run);
	crew_gate(&run->crew, GATE_GO);
	wait_until(run, plan->from);
	bench_server_look(&run->report.server, run->options, false);
	wait_until(run, plan->until);
	if (!crew_going(&run->crew)) {
		int64_t left;

		cut_window(run);
		crew_gate(&run->crew, GATE_STOP);
		while ((left = plan->until - clock_realtime()) > 0 &&
		       !run->crew.broken)
			crew_turn(&run->crew, left);
	}
	bench_server_look(&run->report.server, run->options, true);
	bench_progress_hide(&run->crew.progress);
	while (!run->crew.broken && run->crew.reported < all)
		crew_turn(&run->crew, -1);
}

static void
conclude(struct run *run)
{
	const struct bench_plan *plan = &run->shared->plan;
	struct bench_report *report = &run->report;

	report->interrupted = !crew_going(&run->crew);
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
	return run->crew.broken || !bench_report_clean(report) ? EXIT_FAULTS
							       : 0;
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
	if (crew_open(&run->crew) < 0 || start(run, fd, &probe) < 0) {
		bench_complain("cannot start: %s", strerror(errno));
		return EX_OSERR;
	}
	wait_connected(run);
	measure(run);
	crew_release(&run->crew);
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
	run.report.server.asked = options->pid_count > 0;
	run.shared->plan.processes =
		crew_size((uint64_t)options->connections + options->unread,
			  options->processes);
	if (run.shared->plan.processes == 0) {
		bench_complain("too many connections for %d processes of %s",
			       BENCH_PROCESSES, "RLIMIT_NOFILE descriptors");
		status = EX_OSERR;
	} else {
		status = perform(&run);
	}
	bench_server_close(&run.report.server);
	munmap(run.shared, sizeof(*run.shared));
	return status;
}
