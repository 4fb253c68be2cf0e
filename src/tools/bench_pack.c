/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_pack.h"

#include <errno.h>

json_t *
bench_pack_percentiles(const struct histogram *late)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "p50",
			 (json_int_t)histogram_percentile(late, 50), "p90",
			 (json_int_t)histogram_percentile(late, 90), "p99",
			 (json_int_t)histogram_percentile(late, 99), "p99_9",
			 (json_int_t)histogram_percentile(late, 99.9), "max",
			 (json_int_t)late->max);
}

json_t *
bench_pack_histogram(const struct histogram *late)
{
	json_t *list = json_array();

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t upper = histogram_upper(i);

		if (late->count[i] == 0)
			continue;
		if (upper > late->max)
			upper = late->max;
		if (json_array_append_new(
			    list, json_pack("[I, I, I]",
					    (json_int_t)histogram_lower(i),
					    (json_int_t)upper,
					    (json_int_t)late->count[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

bool
bench_pack_into(json_t *into, json_t *from)
{
	bool moved = from && json_object_update(into, from) == 0;

	json_decref(from);
	return moved;
}

int
bench_pack_show(json_t *object, bool whole, FILE *out)
{
	int status = -1;

	errno = ENOMEM;
	if (whole && json_dumpf(object, out, JSON_REAL_PRECISION(9)) == 0 &&
	    fputc('\n', out) != EOF)
		status = 0;
	json_decref(object);
	return status;
}
