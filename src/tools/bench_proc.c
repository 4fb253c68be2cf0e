/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_proc.h"

#include "base/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	FIRST_ENTRIES = 64
};

/* The file NAME of process PID as a string; its length, or -1. */
static ssize_t
read_file(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t n, length = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while ((size_t)length < size - 1 &&
	       (n = read(fd, text + length, size - 1 - (size_t)length)) > 0)
		length += n;
	close(fd);
	text[length] = '\0';
	return length;
}

/* The number of kB after KEY ("VmRSS:") in a file of that kind; or -1. */
static long
read_kb(pid_t pid, const char *name, const char *key)
{
	char text[8192];
	const char *found;

	if (read_file(pid, name, text, sizeof(text)) <= 0)
		return -1;
	found = strstr(text, key);
	return found ? strtol(found + strlen(key), NULL, 10) : -1;
}

/* What the process calls itself: a title such as "timed: worker 0". */
static void
read_name(struct bench_proc *proc, const char *comm)
{
	ssize_t n =
		read_file(proc->pid, "cmdline", proc->name, sizeof(proc->name));

	if (n <= 0)
		n = snprintf(proc->name, sizeof(proc->name), "%s", comm);
	if ((size_t)n >= sizeof(proc->name))
		n = sizeof(proc->name) - 1;
	for (ssize_t i = 0; i < n; i++)
		if (!isprint((unsigned char)proc->name[i]))
			proc->name[i] = ' ';
	while (n > 0 && proc->name[n - 1] == ' ')
		proc->name[--n] = '\0';
}

/* To the nanosecond where the kernel lets us; TICKS (of _SC_CLK_TCK) else. */
static int64_t
own_cpu(pid_t pid, int64_t ticks)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0 &&
	    clock_gettime(clock, &used) == 0)
		return used.tv_sec * CLOCK_SECOND + used.tv_nsec;
	return ticks * (CLOCK_SECOND / sysconf(_SC_CLK_TCK));
}

/* proc(5), /proc/PID/stat: the fields after the name, which may hold ')'. */
static bool
read_stat(struct bench_proc *proc)
{
	char text[1024];
	int64_t user, system, waited_user, waited_system;
	char *name, *end;

	if (read_file(proc->pid, "stat", text, sizeof(text)) <= 0)
		return false;
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end ||
	    sscanf(end + 1,
		   " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
		   " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
		   &proc->parent, &user, &system, &waited_user,
		   &waited_system) != 5)
		return false;
	*end = '\0';
	snprintf(proc->name, sizeof(proc->name), "%s", name + 1);
	proc->cpu = own_cpu(proc->pid, user + system) +
		    (waited_user + waited_system) *
			    (CLOCK_SECOND / sysconf(_SC_CLK_TCK));
	return true;
}

static struct bench_proc *
append(struct bench_proc_list *list, size_t *room)
{
	if (list->count == *room) {
		size_t more = *room ? *room * 2 : FIRST_ENTRIES;
		struct bench_proc *entries =
			reallocarray(list->entries, more, sizeof(*entries));

		if (!entries)
			return NULL;
		list->entries = entries;
		*room = more;
	}
	memset(&list->entries[list->count], 0, sizeof(*list->entries));
	return &list->entries[list->count];
}

static int
read_all(struct bench_proc_list *list)
{
	DIR *directory = opendir("/proc");
	struct dirent *file;
	size_t room = 0;

	if (!directory)
		return -1;
	while ((file = readdir(directory))) {
		struct bench_proc *proc;

		if (!isdigit((unsigned char)file->d_name[0]))
			continue;
		proc = append(list, &room);
		if (!proc) {
			closedir(directory);
			return -1;
		}
		proc->pid = (pid_t)strtol(file->d_name, NULL, 10);
		list->count += read_stat(proc);
	}
	closedir(directory);
	return 0;
}

static bool
is_root(pid_t pid, const pid_t *roots, int count)
{
	for (int i = 0; i < count; i++)
		if (roots[i] == pid)
			return true;
	return false;
}

/* Choose the roots, then whatever has a chosen parent, until none is left. */
static void
choose(struct bench_proc_list *list, const pid_t *roots, int count)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < list->count; i++) {
			struct bench_proc *proc = &list->entries[i];
			const struct bench_proc *parent =
				bench_proc_find(list, proc->parent);

			if (proc->chosen ||
			    !(is_root(proc->pid, roots, count) ||
			      (parent && parent->chosen)))
				continue;
			proc->chosen = true;
			more = true;
		}
	}
}

static int
compare(const void *a, const void *b)
{
	const struct bench_proc *left = a, *right = b;

	return (left->pid > right->pid) - (left->pid < right->pid);
}

static void
drop_others(struct bench_proc_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].chosen)
			list->entries[kept++] = list->entries[i];
	list->count = kept;
}

static void
describe(struct bench_proc *proc, bool memory)
{
	char comm[BENCH_PROC_NAME];

	memcpy(comm, proc->name, sizeof(comm));
	read_name(proc, comm);
	proc->rss_kb = proc->rollup_rss_kb = proc->rollup_pss_kb = -1;
	if (!memory)
		return;
	proc->rss_kb = read_kb(proc->pid, "status", "\nVmRSS:");
	proc->rollup_rss_kb = read_kb(proc->pid, "smaps_rollup", "\nRss:");
	proc->rollup_pss_kb = read_kb(proc->pid, "smaps_rollup", "\nPss:");
}

int
bench_proc_read(struct bench_proc_list *list, const pid_t *roots, int count,
		bool memory)
{
	list->count = 0;
	list->entries = NULL;
	if (read_all(list) < 0) {
		bench_proc_free(list);
		return -1;
	}
	if (list->count > 0)
		qsort(list->entries, list->count, sizeof(*list->entries),
		      compare);
	choose(list, roots, count);
	drop_others(list);
	for (size_t i = 0; i < list->count; i++)
		describe(&list->entries[i], memory);
	errno = ESRCH;
	return list->count > 0 ? 0 : -1;
}

void
bench_proc_free(struct bench_proc_list *list)
{
	free(list->entries);
	list->entries = NULL;
	list->count = 0;
}

const struct bench_proc *
bench_proc_find(const struct bench_proc_list *list, pid_t pid)
{
	struct bench_proc key = { .pid = pid };

	if (list->count == 0)
		return NULL;
	return bsearch(&key, list->entries, list->count, sizeof(key), compare);
}

int64_t
bench_proc_cpu(const struct bench_proc_list *list)
{
	int64_t sum = 0;

	for (size_t i = 0; i < list->count; i++)
		sum += list->entries[i].cpu;
	return sum;
}
