/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/rates.h"

#include "base/clock.h"
#include "tools/amount.h"

#include <bsd/string.h>
#include <string.h>

static const struct tally no_tally;
static const struct histogram no_late;

static double
rate(uint64_t before, uint64_t now, double seconds)
{
	if (seconds <= 0)
		return RATES_UNKNOWN;
	return now > before ? (double)(now - before) / seconds : 0;
}

/* SECONDS is 0 when there is nothing to compare with. */
static struct rates_flow
flow_between(const struct tally *before, const struct tally *now,
	     double seconds)
{
	return (struct rates_flow){
		.accepted = rate(before->accepted, now->accepted, seconds),
		.requests = rate(before->requests, now->requests, seconds),
		.ticks = rate(before->ticks, now->ticks, seconds),
		.skipped = rate(before->skipped, now->skipped, seconds),
		.refused = rate(before->refused, now->refused, seconds),
		.bytes_in = rate(before->bytes_in, now->bytes_in, seconds),
		.bytes_out = rate(before->bytes_out, now->bytes_out, seconds),
	};
}

static struct rates_lateness
lateness_between(const struct histogram *before, const struct histogram *now,
		 double seconds)
{
	struct histogram since;

	histogram_since(&since, now, before);
	if (seconds <= 0 || histogram_total(&since) == 0)
		return (struct rates_lateness){ AMOUNT_NO_TIME, AMOUNT_NO_TIME,
						AMOUNT_NO_TIME };
	return (struct rates_lateness){
		.p50 = histogram_percentile(&since, 50),
		.p99 = histogram_percentile(&since, 99),
		.max = since.max,
	};
}

static bool
same_timed(const struct snapshot *before, const struct snapshot *now)
{
	return before && before->master.pid == now->master.pid &&
	       before->master.started_monotonic ==
		       now->master.started_monotonic &&
	       now->now > before->now;
}

/* The same worker in BEFORE, or NULL: another one had its slot, or nobody. */
static const struct snapshot_worker *
earlier(const struct snapshot *before, const struct snapshot_worker *worker)
{
	for (int i = 0; i < before->worker_count; i++) {
		const struct snapshot_worker *old = &before->workers[i];

		if (old->slot == worker->slot &&
		    old->place.pid == worker->place.pid &&
		    old->place.generation == worker->place.generation)
			return old;
	}
	return NULL;
}

static void
add_worker(struct rates *rates, const struct snapshot *before,
	   const struct snapshot_worker *worker, double seconds)
{
	const struct snapshot_worker *old =
		before ? earlier(before, worker) : NULL;

	rates->workers[rates->worker_count++] = (struct rates_worker){
		.slot = worker->slot,
		.place = worker->place,
		.connections = tally_connections(&worker->sum),
		.flow = flow_between(old ? &old->sum : &no_tally, &worker->sum,
				     seconds),
		.late = lateness_between(old ? &old->own.lateness : &no_late,
					 &worker->own.lateness, seconds),
	};
}

/* What the service had counted; its entry may have been another's. */
static const struct tally *
tally_before(const struct snapshot *before, int index,
	     const struct scoreboard_service *service)
{
	const struct scoreboard_service *old;

	if (!before)
		return &no_tally;
	old = &before->master.services[index];
	if (strcmp(old->name, service->name) != 0 ||
	    strcmp(old->type, service->type) != 0)
		return &no_tally;
	return &before->services[index];
}

static void
add_service(struct rates *rates, const struct snapshot *before,
	    const struct snapshot *now, int index, double seconds)
{
	struct rates_service *made = &rates->services[rates->service_count++];
	const struct scoreboard_service *service = &now->master.services[index];

	*made = (struct rates_service){
		.index = index,
		.master = &now->master,
		.paused = service->paused,
		.connections = snapshot_connections(&now->services[index]),
		.flow = flow_between(tally_before(before, index, service),
				     &now->services[index], seconds),
	};
	strlcpy(made->name, service->name, sizeof(made->name));
	strlcpy(made->type, service->type, sizeof(made->type));
}

void
rates_between(struct rates *rates, const struct snapshot *before,
	      const struct snapshot *now)
{
	int order[SCOREBOARD_SERVICES];
	int count = snapshot_services(now, order);
	double seconds = 0;

	if (!same_timed(before, now))
		before = NULL;
	if (before)
		seconds = (double)(now->now - before->now) / CLOCK_SECOND;
	memset(rates, 0, sizeof(*rates));
	rates->connections = snapshot_connections(&now->total);
	rates->flow = flow_between(before ? &before->total : &no_tally,
				   &now->total, seconds);
	rates->late = lateness_between(before ? &before->lateness : &no_late,
				       &now->lateness, seconds);
	for (int i = 0; i < now->worker_count; i++)
		add_worker(rates, before, &now->workers[i], seconds);
	for (int i = 0; i < count; i++)
		add_service(rates, before, now, order[i], seconds);
}
