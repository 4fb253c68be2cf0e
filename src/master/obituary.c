/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/obituary.h"

#include "base/clock.h"
#include "ipc/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static bool
begin(struct log_record *record, int kind, const struct crew_member *worker)
{
	if (!log_begin(record, kind))
		return false;
	log_tag(record, "worker", "%u", worker->number);
	log_tag(record, "pid", "%d", (int)worker->pid);
	log_tag(record, "generation", "%u", worker->generation);
	return true;
}

void
obituary_note(int kind, const struct crew_member *worker, const char *name,
	      const char *value)
{
	struct log_record record;

	if (!begin(&record, kind, worker))
		return;
	if (name)
		log_tag(&record, name, "%s", value);
	log_end(&record);
}

void
obituary_how(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

bool
obituary_write(const struct crew_member *worker, int status)
{
	bool orderly = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	bool crash = !orderly && !worker->unwanted;
	struct log_record record;
	char how[64];

	obituary_how(status, how, sizeof(how));
	if (!begin(&record, crash ? EVENT_WORKER_CRASHED : EVENT_WORKER_EXITED,
		   worker))
		return crash;
	log_tag(&record, "reason", "%s",
		worker->failure[0] ? worker->failure : how);
	if (crash)
		log_tag(&record, "lost", "%" PRIu64, worker->lost);
	log_end(&record);
	return crash;
}

void
obituary_side(int kind, pid_t pid, int status)
{
	struct log_record record;
	char how[64];

	if (!log_begin(&record, kind))
		return;
	obituary_how(status, how, sizeof(how));
	log_tag(&record, "pid", "%d", (int)pid);
	log_tag(&record, "reason", "%s", how);
	log_end(&record);
}

void
obituary_respawn(const struct crew_member *worker, uint64_t delay)
{
	struct log_record record;

	if (!begin(&record, EVENT_WORKER_RESPAWN, worker))
		return;
	log_tag(&record, "delay_ms", "%" PRIu64,
		delay / (uint64_t)CLOCK_MILLISECOND);
	log_end(&record);
}

void
obituary_spawn_failed(unsigned number, int error)
{
	struct log_record record;

	if (!log_begin(&record, EVENT_WORKER_FAILED))
		return;
	log_tag(&record, "worker", "%u", number);
	log_tag(&record, "error", "%s", strerror(error));
	log_end(&record);
}

void
obituary_details(const struct crew_member *worker, int status,
		 struct hook_details *details)
{
	char how[64];

	/* What it said itself is nothing for who has more rights than it. */
	obituary_how(status, how, sizeof(how));
	hook_detail(details, "TIMED_WORKER", "%u", worker->number);
	hook_detail(details, "TIMED_WORKER_PID", "%d", (int)worker->pid);
	hook_detail(details, "TIMED_ERROR", "%s", how);
	if (WIFSIGNALED(status))
		hook_detail(details, "TIMED_SIGNAL", "%d", WTERMSIG(status));
	else
		hook_detail(details, "TIMED_STATUS", "%d", WEXITSTATUS(status));
}
