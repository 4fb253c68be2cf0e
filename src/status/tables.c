/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/tables.h"

#include "ipc/status_json.h"
#include "ipc/turnover.h"

#include <inttypes.h>
#include <string.h>

static void
count(struct text *text, const char *class, uint64_t number)
{
	text_format(text, "<td class=\"%s\">", class);
	text_number(text, number);
	text_put(text, "</td>");
}

static void
duration(struct text *text, uint64_t microseconds)
{
	text_put(text, "<td class=\"n\">");
	text_microseconds(text, microseconds);
	text_put(text, "</td>");
}

static void
worker(const struct snapshot_worker *worker, struct text *text)
{
	const char *state = worker_state_name(worker->place.state);

	text_format(text,
		    "<tr id=\"worker-%d\" data-pid=\"%d\"><th scope=\"row\">%u"
		    "</th><td><span class=\"mark\" data-state=\"%s\">%s</span>"
		    "</td>",
		    worker->slot, worker->place.pid, worker->place.number,
		    state, state);
	count(text, "n", tally_connections(&worker->sum));
	count(text, "n wide", worker->sum.accepted);
	count(text, "n wide", worker->sum.ticks);
	count(text, "n wide", worker->sum.skipped);
	duration(text, histogram_percentile(&worker->own.lateness, 99));
	text_format(text,
		    "<td class=\"n wide\">%u</td><td class=\"n wide\">%d</td>"
		    "</tr>\n",
		    worker->place.generation, worker->place.pid);
}

void
tables_workers(const struct figures *figures, struct text *text)
{
	for (int i = 0; i < figures->snapshot.worker_count; i++)
		worker(&figures->snapshot.workers[i], text);
}

static void
listeners(const struct scoreboard_master *master, int service,
	  struct text *text)
{
	const char *between = "";

	for (uint32_t i = 0; i < master->listener_count; i++) {
		if (master->listeners[i].service != (uint32_t)service)
			continue;
		text_put(text, between);
		text_escape(text, master->listeners[i].text);
		between = "<br>";
	}
}

static void
service(const struct figures *figures, int index, struct text *text)
{
	const struct scoreboard_master *master = &figures->snapshot.master;
	const struct scoreboard_service *one = &master->services[index];
	const struct tally *tally = &figures->snapshot.services[index];

	text_put(text, "<tr><th scope=\"row\">");
	text_escape(text, one->name);
	if (strcmp(one->name, one->type) != 0)
		text_format(text, " <small>%s</small>", one->type);
	if (one->paused)
		text_put(text, " <span class=\"mark\" data-state=\"paused\">"
			       "paused</span>");
	text_put(text, "</th><td>");
	listeners(master, index, text);
	text_put(text, "</td>");
	count(text, "n", snapshot_connections(tally));
	count(text, "n wide", tally->accepted);
	count(text, "n", tally->requests);
	count(text, "n wide", tally->ticks);
	count(text, "n wide", tally->refused);
	text_put(text, "</tr>\n");
}

void
tables_services(const struct figures *figures, struct text *text)
{
	int order[SCOREBOARD_SERVICES];
	int number = snapshot_services(&figures->snapshot, order);

	for (int i = 0; i < number; i++)
		service(figures, order[i], text);
}

static void
handoff(const struct scoreboard_handoff *one, struct text *text)
{
	char time[STATUS_TIME];

	status_time(one->when, time);
	/* 2026-11-21T10:02:03Z: a day, which narrow screens leave out, and a
	 * time. */
	text_format(text,
		    "<tr><td><span class=\"wide\">%.10s </span>%.8s</td>"
		    "<td>%s</td><td class=\"n wide\">%u</td>",
		    time, strlen(time) > 11 ? time + 11 : "",
		    turnover_cause_name(one->cause), one->generation);
	count(text, "n", one->connections);
	duration(text, one->took / (uint64_t)CLOCK_MICROSECOND);
	text_put(text, "</tr>\n");
}

/* The last one first. */
void
tables_handoffs(const struct figures *figures, struct text *text)
{
	const struct scoreboard_master *master = &figures->snapshot.master;

	if (master->handoffs == 0)
		text_put(text,
			 "<tr><td class=\"none\" colspan=\"5\">none since "
			 "timed was started</td></tr>\n");
	for (uint64_t i = 0; i < SCOREBOARD_HANDOFFS && i < master->handoffs;
	     i++)
		handoff(&master->handoff[(master->handoffs - 1 - i) %
					 SCOREBOARD_HANDOFFS],
			text);
}
