/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/top_text.h"

#include "tools/amount.h"
#include "tools/columns.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof(*(array))))

/* --- the head --- */

static void
life(const struct snapshot *snapshot, bool gone, char *text)
{
	const struct scoreboard_master *master = &snapshot->master;
	const char *state = gone ? "gone" : snapshot_state_name(master->state);
	uint64_t seconds = snapshot_uptime(snapshot);

	snprintf(text, TOP_TEXT,
		 "timed %s, pid %d, %s, up %" PRIu64
		 "d %02u:%02u:%02u, generation %" PRIu32,
		 master->version, master->pid, state, seconds / 86400,
		 (unsigned)(seconds / 3600 % 24), (unsigned)(seconds / 60 % 60),
		 (unsigned)(seconds % 60), master->generation);
}

static void
flow(const struct rates *rates, char *text)
{
	char count[AMOUNT_SIZE], accepted[AMOUNT_SIZE], requests[AMOUNT_SIZE],
		ticks[AMOUNT_SIZE], skipped[AMOUNT_SIZE];

	amount_count(count, sizeof(count), rates->connections);
	amount_rate(ticks, sizeof(ticks), rates->flow.ticks);
	amount_rate(skipped, sizeof(skipped), rates->flow.skipped);
	amount_rate(accepted, sizeof(accepted), rates->flow.accepted);
	amount_rate(requests, sizeof(requests), rates->flow.requests);
	snprintf(text, TOP_TEXT,
		 "%s clients; a second: %s ticks, %s skipped, %s connects, "
		 "%s requests",
		 count, ticks, skipped, accepted, requests);
}

static void
quality(const struct rates *rates, char *text)
{
	char refused[AMOUNT_SIZE], in[AMOUNT_SIZE], out[AMOUNT_SIZE],
		p50[AMOUNT_SIZE], p99[AMOUNT_SIZE], max[AMOUNT_SIZE];

	amount_rate(refused, sizeof(refused), rates->flow.refused);
	amount_rate(in, sizeof(in), rates->flow.bytes_in);
	amount_rate(out, sizeof(out), rates->flow.bytes_out);
	amount_time(p50, sizeof(p50), rates->late.p50);
	amount_time(p99, sizeof(p99), rates->late.p99);
	amount_time(max, sizeof(max), rates->late.max);
	snprintf(text, TOP_TEXT,
		 "%s refused, bytes %s in, %s out; lateness p50 %s, p99 %s, "
		 "max %s",
		 refused, in, out, p50, p99, max);
}

static void
history(const struct snapshot *snapshot, bool synchronised, char *text)
{
	const struct scoreboard_master *master = &snapshot->master;

	snprintf(text, TOP_TEXT,
		 "%" PRIu64 " reload%s (%" PRIu64 " refused), %" PRIu64
		 " worker crash%s; the clock is %ssynchronised",
		 master->reloads, master->reloads == 1 ? "" : "s",
		 master->reloads_refused, master->crashes,
		 master->crashes == 1 ? "" : "es", synchronised ? "" : "not ");
}

void
top_text_head(int i, const struct snapshot *snapshot, const struct rates *rates,
	      bool gone, bool synchronised, int width, char *text)
{
	char whole[TOP_TEXT] = "";

	if (i == 0)
		life(snapshot, gone, whole);
	else if (i == 1)
		flow(rates, whole);
	else if (i == 2)
		quality(rates, whole);
	else if (i == 3)
		history(snapshot, synchronised, whole);
	columns_cut(whole, width, text, TOP_TEXT);
}

/* --- cells --- */

static void
cell_number(const void *member, char *text, size_t size)
{
	snprintf(text, size, "%" PRIu32, *(const uint32_t *)member);
}

static void
cell_pid(const void *member, char *text, size_t size)
{
	snprintf(text, size, "%" PRId32, *(const int32_t *)member);
}

static void
cell_text(const void *member, char *text, size_t size)
{
	strlcpy(text, member, size);
}

static void
cell_count(const void *member, char *text, size_t size)
{
	amount_count(text, size, *(const uint64_t *)member);
}

static void
cell_rate(const void *member, char *text, size_t size)
{
	amount_rate(text, size, *(const double *)member);
}

static void
cell_time(const void *member, char *text, size_t size)
{
	amount_time(text, size, *(const uint64_t *)member);
}

static void
cell_state(const void *member, char *text, size_t size)
{
	strlcpy(text, worker_state_name(*(const uint32_t *)member), size);
}

static void
cell_paused(const void *member, char *text, size_t size)
{
	strlcpy(text, *(const bool *)member ? "paused" : "open", size);
}

/* Of the whole row. */
static void
cell_listeners(const void *member, char *text, size_t size)
{
	const struct rates_service *service = member;
	const struct scoreboard_master *master = service->master;

	for (uint32_t i = 0; i < master->listener_count; i++) {
		if (master->listeners[i].service != (uint32_t)service->index)
			continue;
		if (*text)
			strlcat(text, " ", size);
		strlcat(text, master->listeners[i].text, size);
	}
}

/* --- tables --- */

#define WORKER(member)	offsetof(struct rates_worker, member)
#define SERVICE(member) offsetof(struct rates_service, member)

/* clang-format off: a table */
static const struct column worker_columns[] = {
	{ "NO", 3, 0, false, cell_number, WORKER(place.number) },
	{ "PID", 7, 3, false, cell_pid, WORKER(place.pid) },
	{ "GEN", 4, 5, false, cell_number, WORKER(place.generation) },
	{ "STATE", 8, 1, true, cell_state, WORKER(place.state) },
	{ "CLIENTS", 7, 0, false, cell_count, WORKER(connections) },
	{ "TICK/s", 6, 0, false, cell_rate, WORKER(flow.ticks) },
	{ "SKIP/s", 6, 4, false, cell_rate, WORKER(flow.skipped) },
	{ "CON/s", 5, 3, false, cell_rate, WORKER(flow.accepted) },
	{ "REQ/s", 5, 3, false, cell_rate, WORKER(flow.requests) },
	{ "P50", 5, 4, false, cell_time, WORKER(late.p50) },
	{ "P99", 5, 2, false, cell_time, WORKER(late.p99) },
	{ "MAX", 5, 4, false, cell_time, WORKER(late.max) },
};

static const struct column service_columns[] = {
	{ "SERVICE", 10, 0, true, cell_text, SERVICE(name) },
	{ "TYPE", 7, 4, true, cell_text, SERVICE(type) },
	{ "STATE", 6, 1, true, cell_paused, SERVICE(paused) },
	{ "CLIENTS", 7, 0, false, cell_count, SERVICE(connections) },
	{ "TICK/s", 6, 1, false, cell_rate, SERVICE(flow.ticks) },
	{ "CON/s", 5, 3, false, cell_rate, SERVICE(flow.accepted) },
	{ "REQ/s", 5, 1, false, cell_rate, SERVICE(flow.requests) },
	{ "REF/s", 5, 4, false, cell_rate, SERVICE(flow.refused) },
	{ "LISTENS ON", 0, 2, true, cell_listeners, 0 },
};
/* clang-format on */

void
top_text_worker(const struct rates_worker *worker, int width, char *text)
{
	const int count = COUNT_OF(worker_columns);

	columns_line(worker_columns, count,
		     columns_fit(worker_columns, count, width), width, worker,
		     text, TOP_TEXT);
}

void
top_text_service(const struct rates_service *service, int width, char *text)
{
	const int count = COUNT_OF(service_columns);

	columns_line(service_columns, count,
		     columns_fit(service_columns, count, width), width, service,
		     text, TOP_TEXT);
}

/* --- the bar --- */

void
top_text_bar(const struct top_view *view, int width, char *text)
{
	char whole[TOP_TEXT];
	unsigned interval = top_view_interval(view);

	snprintf(whole, sizeof(whole),
		 "%s?: help  q: quit  by %s%s, every %g s",
		 view->frozen ? "HELD  " : "", top_view_order(view),
		 view->reverse ? " (reversed)" : "", interval / 1000.0);
	columns_cut(whole, width, text, TOP_TEXT);
}
