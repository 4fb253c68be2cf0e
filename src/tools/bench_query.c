/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_query.h"

#include "base/clock.h"
#include "tools/bench_query_probe.h"
#include "tools/bench_query_report.h"
#include "tools/bench_slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>

enum {
	EXIT_FAULTS = 1,
	/* If nothing else was said: sockets that share what is outstanding. */
	SOCKETS = 8,
	BATCH_MAX = 32,
};

/* More than a request's time counts as another clock. */
#define SLACK (2 * CLOCK_SECOND)

struct run {
	const struct bench_options *options;
	struct query_shared *shared;
	struct crew crew;
	struct query_report report;
};

/* What one load process begins with. */
struct place {
	struct run *run;
	struct slots_share share;
};

static int
bear_load(void *context, const struct crew_ends *ends)
{
	struct place *place = context;
	struct query_shared *shared = place->run->shared;

	place->share.ends = *ends;
	return slots_bear(&shared->plan, &place->share,
			  &shared->results[place->share.number]);
}

/* How many requests go out together. */
static uint32_t
choose_batch(const struct bench_options *options, bool udp)
{
	uint32_t batch = options->connections / SOCKETS;

	if (!udp)
		return 1;
	if (options->batch > 0)
		batch = options->batch;
	else if (options->rate > 0 || batch > BATCH_MAX)
		batch = BATCH_MAX;
	if (options->rate == 0 && batch > options->connections)
		batch = options->connections;
	return batch > 0 ? batch : 1;
}

/* -1: it cannot be borne, which has been said. */
static int
plan_load(const struct bench_options *options, struct query_plan *plan)
{
	uint32_t sockets;

	plan->ask = ask_find(options->mode);
	plan->udp = options->udp || (!options->tcp && !plan->ask->tcp);
	/* One that is too long has to be seen. */
	plan->request = plan->ask->kept ? options->size : plan->ask->request;
	plan->answer = plan->ask->kept ? plan->request + 1 : ASK_ANSWER;
	plan->batch = choose_batch(options, plan->udp);
	plan->rate = options->rate;
	plan->outstanding = options->rate > 0 ? 0 : options->connections;
	plan->timeout = options->timeout;
	plan->rule.slack = SLACK + plan->timeout;
	/* With a rate, as many as it takes are there in any case. */
	sockets = plan->rate > 0
			  ? BENCH_PROCESSES
			  : (plan->outstanding + plan->batch - 1) / plan->batch;
	plan->processes = crew_size(sockets, options->processes);
	if (plan->processes > 0)
		return 0;
	bench_complain("too many sockets for %d processes of %s",
		       BENCH_PROCESSES, "RLIMIT_NOFILE descriptors");
	return -1;
}

static int
start(struct run *run)
{
	if (crew_open(&run->crew) < 0)
		return -1;
	for (uint32_t i = 0; i < run->shared->plan.processes; i++) {
		struct place place = { .run = run, .share.number = i };

		if (crew_fork(&run->crew, bear_load, &place) < 0)
			return -1;
	}
	crew_manned(&run->crew);
	return 0;
}

static int64_t
monotonic(void)
{
	return (int64_t)clock_monotonic();
}

static void
wait_until(struct run *run, int64_t time)
{
	const struct query_plan *plan = &run->shared->plan;
	int64_t now;

	while (crew_going(&run->crew) && (now = monotonic()) < time) {
		bench_progress_show(&run->crew.progress, "measuring",
				    (double)(now - plan->from) / CLOCK_SECOND,
				    (double)(plan->until - plan->from) /
					    CLOCK_SECOND,
				    " s");
		crew_turn(&run->crew, time - now);
	}
}

static void
measure(struct run *run)
{
	struct query_plan *plan = &run->shared->plan;
	uint32_t count = plan->processes;

	while (crew_going(&run->crew) && run->crew.reported < count)
		crew_turn(&run->crew, -1);
	bench_server_look(&run->report.server, run->options, false);
	plan->from = monotonic();
	plan->until = plan->from + run->options->window;
	crew_gate(&run->crew, GATE_GO);
	wait_until(run, plan->until);
	if (!crew_going(&run->crew)) {
		plan->until = monotonic();
		crew_gate(&run->crew, GATE_STOP);
	}
	bench_progress_hide(&run->crew.progress);
	while (!run->crew.broken && run->crew.reported < 2 * count)
		crew_turn(&run->crew, -1);
	bench_server_look(&run->report.server, run->options, true);
}

static void
conclude(struct run *run)
{
	const struct query_plan *plan = &run->shared->plan;
	struct query_report *report = &run->report;

	report->interrupted = !crew_going(&run->crew);
	report->seconds = (double)(plan->until - plan->from) / CLOCK_SECOND;
	for (uint32_t i = 0; i < plan->processes; i++)
		query_report_add(report, &run->shared->results[i]);
}

static int
show(const struct run *run)
{
	const struct query_report *report = &run->report;
	const char *plot = run->options->plot;
	int status = 0;

	if (run->options->json)
		status = query_report_json(report, stdout);
	else
		query_report_text(report, stdout);
	if (status < 0 || fflush(stdout) == EOF) {
		bench_complain("standard output: %s", strerror(errno));
		return EX_IOERR;
	}
	if (plot && query_report_plot(report, plot) < 0) {
		bench_complain("%s: %s", plot, strerror(errno));
		return EX_CANTCREAT;
	}
	return run->crew.broken || !query_report_clean(report) ? EXIT_FAULTS
							       : 0;
}

static int
perform(struct run *run)
{
	struct query_plan *plan = &run->shared->plan;

	if (plan_load(run->options, plan) < 0)
		return EX_OSERR;
	if (query_probe(run->options, plan) < 0)
		return EX_UNAVAILABLE;
	addr_format(&plan->address, run->report.address);
	if (start(run) < 0) {
		bench_complain("cannot start: %s", strerror(errno));
		return EX_OSERR;
	}
	measure(run);
	crew_release(&run->crew);
	conclude(run);
	return show(run);
}

int
bench_query(const struct bench_options *options)
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
	status = perform(&run);
	bench_server_close(&run.report.server);
	munmap(run.shared, sizeof(*run.shared));
	return status;
}
