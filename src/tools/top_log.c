/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/top_log.h"

#include <bsd/string.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void
forget(struct top_log *log)
{
	while (log->count > 0)
		free(log->lines[--log->count]);
}

static void
keep(struct top_log *log, const char *text)
{
	char *line = strdup(text);

	if (!line)
		return;
	if (log->fresh)
		forget(log);
	log->fresh = false;
	log->problem[0] = '\0';
	if (log->count == TOP_LOG_LINES) {
		free(log->lines[0]);
		log->count--;
		memmove(&log->lines[0], &log->lines[1],
			(size_t)log->count * sizeof(*log->lines));
	}
	log->lines[log->count++] = line;
}

static void
hang_up(struct top_log *log)
{
	if (!log->asked)
		return;
	loop_remove(log->loop, &log->source);
	asking_close(&log->asking);
	log->asked = 0;
}

/* What there is no line for is an end, or a refusal. */
static void
take(struct top_log *log, const json_t *object)
{
	const char *line = json_string_value(json_object_get(object, "line"));
	const char *error = json_string_value(json_object_get(object, "error"));

	if (line) {
		keep(log, line);
	} else if (json_is_false(json_object_get(object, "ok"))) {
		forget(log);
		log->refuse = log->asked;
		strlcpy(log->problem, error ? error : "refused",
			sizeof(log->problem));
	}
}

static void
readable(struct loop_source *source, uint32_t events)
{
	struct top_log *log = (struct top_log *)source;
	bool more = asking_read(&log->asking);
	json_t *object;

	(void)events;
	while ((object = asking_here(&log->asking))) {
		take(log, object);
		json_decref(object);
	}
	if (!more)
		hang_up(log);
}

void
top_log_open(struct top_log *log, struct loop *loop, const char *runtime_dir)
{
	*log = (struct top_log){ .loop = loop, .runtime_dir = runtime_dir };
}

static void
ask(struct top_log *log, pid_t pid)
{
	json_t *request = json_pack("{s:s, s:i, s:b}", "command", "log",
				    "lines", TOP_LOG_LINES, "follow", 1);

	if (!request || asking_open(&log->asking, log->runtime_dir, request,
				    log->problem, sizeof(log->problem)) < 0) {
		json_decref(request);
		return;
	}
	json_decref(request);
	log->source.fd = log->asking.fd;
	log->source.ready = readable;
	if (loop_add(log->loop, &log->source, EPOLLIN) < 0) {
		asking_close(&log->asking);
		return;
	}
	log->asked = pid;
	log->fresh = true;
}

void
top_log_check(struct top_log *log, pid_t pid)
{
	if (log->asked && log->asked != pid)
		hang_up(log);
	if (pid && !log->asked && log->refuse != pid)
		ask(log, pid);
}

void
top_log_close(struct top_log *log)
{
	hang_up(log);
	forget(log);
}
