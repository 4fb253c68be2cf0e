/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/figures.h"

#include "ipc/status_json.h"

/* A master that has not beaten for so long is held up. */
static const uint64_t STALL = 10 * (uint64_t)CLOCK_SECOND;

bool
figures_look(struct figures *figures)
{
	figures->clock = clock_state();
	figures->now = clock_realtime();
	return snapshot_take(&figures->source, &figures->snapshot);
}

bool
figures_serving(const struct figures *figures, const char **why)
{
	const struct snapshot *snapshot = &figures->snapshot;

	*why = snapshot_state_name(snapshot->master.state);
	if (snapshot->master.state != MASTER_RUNNING)
		return false;
	if (snapshot->now <= snapshot->master.heartbeat + STALL)
		return true;
	*why = "stalled";
	return false;
}

const struct history_sample *
figures_last(const struct figures *figures)
{
	static const struct history_sample none;
	int64_t second = figures->now / CLOCK_SECOND;
	const struct history_sample *sample =
		history_at(figures->history, second);

	if (!sample)
		sample = history_at(figures->history, second - 1);
	return sample ? sample : &none;
}

/* --- as JSON --- */

static char *
dump(json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return text;
}

char *
figures_status(const struct figures *figures)
{
	return dump(status_object(&figures->snapshot));
}

/* What is not known is null. */
static json_t *
clock_json(const struct clock_state *clock)
{
	if (!clock->known)
		return json_pack("{s:n, s:n, s:n}", "synchronised",
				 "maximum_error_us", "estimated_error_us");
	return json_pack("{s:b, s:I, s:I}", "synchronised", clock->synchronised,
			 "maximum_error_us", (json_int_t)clock->maximum_error,
			 "estimated_error_us",
			 (json_int_t)clock->estimated_error);
}

static json_t *
sample_json(const struct history_sample *sample)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "second",
			 (json_int_t)sample->time, "connections",
			 (json_int_t)sample->connections, "ticks",
			 (json_int_t)sample->ticks, "requests",
			 (json_int_t)sample->requests, "p50_us",
			 (json_int_t)sample->p50, "p99_us",
			 (json_int_t)sample->p99, "max_us",
			 (json_int_t)sample->max);
}

char *
figures_tick(const struct figures *figures)
{
	char time[STATUS_TIME];

	status_time(figures->now / CLOCK_SECOND, time);
	return dump(json_pack("{s:s, s:o, s:o, s:o}", "time", time, "clock",
			      clock_json(&figures->clock), "sample",
			      sample_json(figures_last(figures)), "status",
			      status_object(&figures->snapshot)));
}

char *
figures_history(const struct figures *figures)
{
	int64_t last = figures->now / CLOCK_SECOND;
	json_t *samples = json_array();

	for (int64_t at = last - HISTORY_SECONDS + 1; at <= last; at++) {
		const struct history_sample *sample =
			history_at(figures->history, at);

		if (sample)
			json_array_append_new(samples, sample_json(sample));
	}
	return dump(json_pack("{s:i, s:o}", "seconds", HISTORY_SECONDS,
			      "samples", samples));
}
