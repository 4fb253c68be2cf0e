/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/carry_hooks.h"

#include "base/hex.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* clang-format off: a name and its value belong together */
static json_t *
place_text(const struct hooks_place *place, const char *name)
{
	const struct hook_output *output = &place->hook.output;
	char line[2 * sizeof(output->line) + 1];
	char details[2 * sizeof(place->details.text) + 1];

	return json_pack(
		"{s:s, s:i, s:i, s:I, s:I, s:i, s:i, s:s, s:I, s:I, s:I, s:s}",
		"hook", name, "pid", (int)place->hook.pid, "output",
		output->source.fd, "began", (json_int_t)place->hook.began,
		"deadline", (json_int_t)place->deadline, "stage",
		(int)place->stage, "waiting", (int)place->waiting, "details",
		hex_text(place->details.text, place->details.length, details),
		"lines", (json_int_t)output->lines, "left_out",
		(json_int_t)output->left_out, "cut", (json_int_t)output->cut,
		"line", hex_text(output->line, output->length, line));
}

static int
unpack_place(json_t *text, struct hooks_place *place, json_error_t *error)
{
	struct hook_output *output = &place->hook.output;
	json_int_t began, deadline, lines, left_out, cut;
	const char *name, *details, *line;
	int stage, waiting;
	ssize_t length;

	if (json_unpack_ex(
		    text, error, 0,
		    "{s:s, s:i, s:i, s:I, s:I, s:i, s:i, s:s, s:I, s:I, s:I, s:s}",
		    "hook", &name, "pid", &place->hook.pid, "output",
		    &output->source.fd, "began", &began, "deadline", &deadline,
		    "stage", &stage, "waiting", &waiting, "details", &details,
		    "lines", &lines, "left_out", &left_out, "cut", &cut, "line",
		    &line) < 0)
		return -1;
	place->hook.began = (uint64_t)began;
	place->deadline = (uint64_t)deadline;
	place->stage = (enum hooks_stage)stage;
	place->waiting = (unsigned)waiting;
	output->lines = (uint64_t)lines;
	output->left_out = (uint64_t)left_out;
	output->cut = (uint64_t)cut;
	length = hex_bytes(details, place->details.text,
			   sizeof(place->details.text));
	place->details.length = length > 0 ? (size_t)length : 0;
	length = hex_bytes(line, output->line, sizeof(output->line));
	output->length = length > 0 ? (size_t)length : 0;
	return 0;
}
/* clang-format on */

json_t *
carry_hooks_text(const struct hooks *hooks)
{
	json_t *array = json_array();

	for (int i = 0; i < HOOK_KINDS; i++)
		if (hooks->places[i].hook.pid)
			json_array_append_new(
				array,
				place_text(&hooks->places[i],
					   programs_name((enum hook_kind)i)));
	return array;
}

static int
kind_of(json_t *text)
{
	const char *name = json_string_value(json_object_get(text, "hook"));
	int kind = 0;

	while (kind < HOOK_KINDS &&
	       (!name || strcmp(programs_name((enum hook_kind)kind), name)))
		kind++;
	return kind;
}

int
carry_hooks_read(json_t *array, struct hooks *hooks, struct problem *problem)
{
	struct hooks_place place;
	json_error_t error;
	size_t index;
	json_t *text;

	json_array_foreach(array, index, text)
	{
		int kind = kind_of(text);

		place = (struct hooks_place){ 0 };
		if (unpack_place(text, &place, &error) < 0) {
			problem_set(problem, EX_SOFTWARE,
				    "what was carried over: %s", error.text);
			return -1;
		}
		if (kind == HOOK_KINDS) {
			close(place.hook.output.source.fd);
			continue;
		}
		hooks->places[kind] = place;
		hooks_adopt(hooks, (enum hook_kind)kind);
	}
	return 0;
}
