/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/page.h"

#include "status/assets.h"
#include "status/plot.h"
#include "status/tables.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static void
put_time(struct text *text, const struct figures *figures, const char *format)
{
	time_t second = (time_t)(figures->now / CLOCK_SECOND);
	char bytes[64] = "";
	struct tm tm;

	if (gmtime_r(&second, &tm))
		strftime(bytes, sizeof(bytes), format, &tm);
	text_put(text, bytes);
}

static void
write_state(const struct figures *figures, struct text *text)
{
	const char *state;

	(void)figures_serving(figures, &state);
	text_put(text, state);
}

static void
write_version(const struct figures *figures, struct text *text)
{
	text_escape(text, figures->snapshot.master.version);
}

static void
write_time(const struct figures *figures, struct text *text)
{
	put_time(text, figures, "%H:%M:%S");
}

static void
write_date(const struct figures *figures, struct text *text)
{
	put_time(text, figures, "%A %-d %B %Y");
}

static void
write_clock(const struct figures *figures, struct text *text)
{
	if (!figures->clock.known) {
		text_put(text, "How the clock is kept cannot be known here.");
		return;
	}
	if (!figures->clock.synchronised) {
		text_put(text, "The clock is not synchronised.");
		return;
	}
	text_put(text, "The clock is synchronised, and off by ");
	text_microseconds(text, figures->clock.maximum_error);
	text_put(text, " at most.");
}

static void
write_synchronised(const struct figures *figures, struct text *text)
{
	text_put(text, figures->clock.synchronised ? "true" : "false");
}

static void
write_connections(const struct figures *figures, struct text *text)
{
	text_number(text, snapshot_connections(&figures->snapshot.total));
}

static void
write_ticks(const struct figures *figures, struct text *text)
{
	text_number(text, figures_last(figures)->ticks);
}

static void
write_requests(const struct figures *figures, struct text *text)
{
	text_number(text, figures_last(figures)->requests);
}

static void
write_late(const struct figures *figures, struct text *text)
{
	text_microseconds(text, figures_last(figures)->p99);
}

static void
write_generation(const struct figures *figures, struct text *text)
{
	text_format(text, "%u", figures->snapshot.master.generation);
}

static void
write_uptime(const struct figures *figures, struct text *text)
{
	uint64_t up = snapshot_uptime(&figures->snapshot);

	if (up >= 86400)
		text_format(text, "%" PRIu64 " d ", up / 86400);
	text_format(text, "%02u:%02u:%02u", (unsigned)(up / 3600 % 24),
		    (unsigned)(up / 60 % 60), (unsigned)(up % 60));
}

static void
write_totals(const struct figures *figures, struct text *text)
{
	const struct snapshot *snapshot = &figures->snapshot;
	const struct {
		uint64_t number;
		const char *what;
	} parts[] = {
		{ snapshot->master.reloads, "reloads " },
		{ snapshot->master.upgrades, ", upgrades " },
		{ snapshot->master.crashes, ", workers died " },
		{ snapshot->total.accepted, "; clients accepted " },
		{ snapshot->total.refused, ", refused " },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		text_put(text, parts[i].what);
		text_number(text, parts[i].number);
	}
}

/* What stands in the place of {{name}}. */
static const struct {
	const char *name;
	void (*write)(const struct figures *figures, struct text *text);
} places[] = {
	{ "state", write_state },
	{ "version", write_version },
	{ "time", write_time },
	{ "date", write_date },
	{ "clock", write_clock },
	{ "synchronised", write_synchronised },
	{ "connections", write_connections },
	{ "ticks", write_ticks },
	{ "requests", write_requests },
	{ "late", write_late },
	{ "generation", write_generation },
	{ "uptime", write_uptime },
	{ "plots", plot_write },
	{ "workers", tables_workers },
	{ "services", tables_services },
	{ "handoffs", tables_handoffs },
	{ "totals", write_totals },
};

static void
write_place(const struct figures *figures, struct text *text, const char *name,
	    size_t length)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (strlen(places[i].name) == length &&
		    memcmp(places[i].name, name, length) == 0)
			places[i].write(figures, text);
}

void
page_write(const struct figures *figures, struct text *text)
{
	const char *at = assets_page_html;
	const char *place, *end;

	while ((place = strstr(at, "{{")) && (end = strstr(place, "}}"))) {
		text_add(text, at, (size_t)(place - at));
		write_place(figures, text, place + 2,
			    (size_t)(end - place) - 2);
		at = end + 2;
	}
	text_put(text, at);
}
