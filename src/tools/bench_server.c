/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_server.h"

#include "base/clock.h"
#include "tools/bench.h"

#include <errno.h>
#include <string.h>

void
bench_server_look(struct bench_server *server,
		  const struct bench_options *options, bool over)
{
	struct bench_proc_list *list = over ? &server->after : &server->before;

	if (!server->asked)
		return;
	if (bench_proc_read(list, options->pids, options->pid_count, over) < 0)
		bench_complain("the server's processes: %s", strerror(errno));
}

void
bench_server_close(struct bench_server *server)
{
	bench_proc_free(&server->before);
	bench_proc_free(&server->after);
}

static int64_t
cpu_of_all(const struct bench_server *server)
{
	return bench_proc_cpu(&server->after) - bench_proc_cpu(&server->before);
}

/* Microseconds for one of COUNT; 0 when there was none. */
static double
cpu_of_one(const struct bench_server *server, uint64_t count)
{
	if (count == 0)
		return 0;
	return (double)cpu_of_all(server) / CLOCK_MICROSECOND / (double)count;
}

static int64_t
cpu_of_process(const struct bench_server *server, const struct bench_proc *proc)
{
	const struct bench_proc *before =
		bench_proc_find(&server->before, proc->pid);

	return proc->cpu - (before ? before->cpu : 0);
}

static void
print_kb(long kb, FILE *out)
{
	if (kb < 0)
		fprintf(out, " %8s", "-");
	else
		fprintf(out, " %8ld", kb);
}

void
bench_server_text(const struct bench_server *server, const char *unit,
		  uint64_t count, FILE *out)
{
	fprintf(out, "server       CPU %.3f s, %.3f us a %s\n",
		(double)cpu_of_all(server) / CLOCK_SECOND,
		cpu_of_one(server, count), unit);
	fprintf(out, "%13s %8s %8s %8s %8s %8s\n", "", "pid", "CPU ms",
		"VmRSS kB", "Rss kB", "Pss kB");
	for (size_t i = 0; i < server->after.count; i++) {
		const struct bench_proc *proc = &server->after.entries[i];
		int64_t cpu = cpu_of_process(server, proc);

		fprintf(out, "%13s %8d %8.1f", "", (int)proc->pid,
			(double)cpu / CLOCK_MILLISECOND);
		print_kb(proc->rss_kb, out);
		print_kb(proc->rollup_rss_kb, out);
		print_kb(proc->rollup_pss_kb, out);
		fprintf(out, "  %s\n", proc->name);
	}
}

/* A number of kB, or null. */
static json_t *
pack_kb(long kb)
{
	return kb < 0 ? json_null() : json_integer(kb);
}

static json_t *
pack_process(const struct bench_server *server, const struct bench_proc *proc)
{
	int64_t cpu = cpu_of_process(server, proc);

	return json_pack("{s:i, s:i, s:s, s:f, s:o, s:o, s:o}", "pid",
			 (int)proc->pid, "parent_pid", (int)proc->parent,
			 "name", proc->name, "cpu_seconds",
			 (double)cpu / CLOCK_SECOND, "rss_kb",
			 pack_kb(proc->rss_kb), "rollup_rss_kb",
			 pack_kb(proc->rollup_rss_kb), "rollup_pss_kb",
			 pack_kb(proc->rollup_pss_kb));
}

json_t *
bench_server_json(const struct bench_server *server, const char *key,
		  uint64_t count)
{
	json_t *processes = json_array();
	long rss = 0, pss = 0;

	for (size_t i = 0; i < server->after.count; i++) {
		const struct bench_proc *proc = &server->after.entries[i];

		rss += proc->rss_kb > 0 ? proc->rss_kb : 0;
		if (proc->rollup_pss_kb < 0)
			pss = -1;
		if (pss >= 0)
			pss += proc->rollup_pss_kb;
		if (json_array_append_new(processes,
					  pack_process(server, proc)) < 0) {
			json_decref(processes);
			return NULL;
		}
	}
	return json_pack("{s:f, s:f, s:I, s:o, s:o}", "cpu_seconds",
			 (double)cpu_of_all(server) / CLOCK_SECOND, key,
			 cpu_of_one(server, count), "rss_kb", (json_int_t)rss,
			 "pss_kb", pack_kb(pss), "processes", processes);
}
