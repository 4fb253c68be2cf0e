/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/show_log.h"

bool
show_log_is_shown(const json_t *object)
{
	return json_object_get(object, "line") ||
	       json_object_get(object, "gap");
}

void
show_log_object(const json_t *object, FILE *out)
{
	const char *line = json_string_value(json_object_get(object, "line"));
	const char *gap = json_string_value(json_object_get(object, "gap"));

	if (gap)
		fprintf(stderr, "timedctl: lines may be missing: %s\n", gap);
	if (line)
		fprintf(out, "%s%s", line,
			json_object_get(object, "cut") ? "" : "\n");
}

void
show_log_cleared(const json_t *answer, FILE *out)
{
	fprintf(out, "%" JSON_INTEGER_FORMAT " bytes of log are gone\n",
		json_integer_value(json_object_get(answer, "bytes")));
}

void
show_log_keep(json_t *request, const json_t *object)
{
	json_t *file = json_object_get(object, "file");
	json_t *at = json_object_get(object, "at");

	if (!file || !at)
		return;
	json_object_set(request, "file", file);
	json_object_set(request, "at", at);
	json_object_del(request, "lines");
}
