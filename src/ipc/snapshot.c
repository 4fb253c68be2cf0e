/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/snapshot.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far more than a live master ever makes a reader try. */
enum {
	ATTEMPTS = 10000
};

static int
refuse(char *error, size_t size, int fd, const char *path, const char *text,
       int number)
{
	snprintf(error, size, "%s: %s", path, text);
	if (fd >= 0)
		close(fd);
	errno = number;
	return -1;
}

static bool
recognise(const struct scoreboard_master *master)
{
	return master->magic == SCOREBOARD_MAGIC &&
	       master->layout == SCOREBOARD_VERSION &&
	       master->size == SCOREBOARD_SIZE;
}

int
snapshot_open(struct snapshot_source *source, const char *runtime_dir,
	      char *error, size_t size)
{
	char path[PATH_MAX];
	struct stat status;
	void *map;
	int fd;

	snprintf(path, sizeof(path), "%s/scoreboard", runtime_dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return refuse(error, size, -1, path, strerror(errno), errno);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size != SCOREBOARD_SIZE)
		return refuse(error, size, fd, path,
			      "not a scoreboard of this version of timed",
			      EPROTO);
	map = mmap(NULL, SCOREBOARD_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return refuse(error, size, fd, path, strerror(errno), errno);
	if (!recognise(map)) {
		munmap(map, SCOREBOARD_SIZE);
		return refuse(error, size, fd, path,
			      "not a scoreboard of this version of timed",
			      EPROTO);
	}
	close(fd);
	source->map = map;
	source->size = SCOREBOARD_SIZE;
	return 0;
}

void
snapshot_close(struct snapshot_source *source)
{
	munmap((void *)source->map, source->size);
	source->map = NULL;
}

static void
copy_workers(const struct scoreboard *board, struct snapshot *snapshot)
{
	snapshot->worker_count = 0;
	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		struct snapshot_worker *worker;

		if (!snapshot->master.places[i].pid)
			continue;
		worker = &snapshot->workers[snapshot->worker_count++];
		worker->slot = i;
		worker->place = snapshot->master.places[i];
		scoreboard_copy(&worker->own, scoreboard_slot(board, i),
				sizeof(worker->own));
		scoreboard_trim(&worker->own);
	}
}

/* False when the master changed its part in the meantime. */
static bool
copy(const struct scoreboard *board, struct snapshot *snapshot)
{
	const struct scoreboard_master *master = scoreboard_master(board);
	uint32_t before, after;

	before = __atomic_load_n(&master->sequence, __ATOMIC_ACQUIRE);
	if (before & 1)
		return false;
	scoreboard_copy(&snapshot->master, master, sizeof(snapshot->master));
	copy_workers(board, snapshot);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	after = __atomic_load_n(&master->sequence, __ATOMIC_RELAXED);
	return before == after;
}

static void
sum_up(struct snapshot *snapshot)
{
	for (int i = 0; i < SCOREBOARD_SERVICES; i++)
		snapshot->services[i] = snapshot->master.services[i].gone;
	snapshot->total = snapshot->master.gone;
	snapshot->lateness = snapshot->master.lateness;
	snapshot->log_lost = snapshot->master.log_lost;
	snapshot->log_limited = snapshot->master.log_limited;
	for (int w = 0; w < snapshot->worker_count; w++) {
		struct snapshot_worker *worker = &snapshot->workers[w];

		worker->sum = (struct tally){ 0 };
		for (int i = 0; i < SCOREBOARD_SERVICES; i++) {
			const struct tally *tally = &worker->own.services[i];

			tally_add(&worker->sum, tally);
			tally_add(&snapshot->services[i], tally);
		}
		tally_add(&snapshot->total, &worker->sum);
		histogram_merge(&snapshot->lateness, &worker->own.lateness);
		snapshot->log_lost += worker->own.log_lost;
		snapshot->log_limited += worker->own.log_limited;
	}
}

/* What is shown as text must end. */
static void
terminate(struct scoreboard_master *master)
{
	master->version[sizeof(master->version) - 1] = '\0';
	if (master->listener_count > SCOREBOARD_LISTENERS)
		master->listener_count = SCOREBOARD_LISTENERS;
	for (int i = 0; i < SCOREBOARD_SERVICES; i++) {
		struct scoreboard_service *service = &master->services[i];

		service->name[sizeof(service->name) - 1] = '\0';
		service->type[sizeof(service->type) - 1] = '\0';
	}
	for (int i = 0; i < SCOREBOARD_LISTENERS; i++) {
		struct scoreboard_listener *listener = &master->listeners[i];

		listener->text[sizeof(listener->text) - 1] = '\0';
	}
	if (master->page_count > SCOREBOARD_PAGES)
		master->page_count = SCOREBOARD_PAGES;
	for (int i = 0; i < SCOREBOARD_PAGES; i++)
		master->pages[i][sizeof(master->pages[i]) - 1] = '\0';
}

bool
snapshot_take(const struct snapshot_source *source, struct snapshot *snapshot)
{
	struct scoreboard board = { .fd = -1, .map = (void *)source->map };

	for (int i = 0; i < ATTEMPTS; i++) {
		if (!copy(&board, snapshot)) {
			sched_yield();
			continue;
		}
		snapshot->now = clock_monotonic();
		terminate(&snapshot->master);
		sum_up(snapshot);
		return true;
	}
	return false;
}

/* Whether the process is gone, or dead and only not reaped yet. */
static bool
dead(pid_t pid)
{
	char path[32], line[512];
	const char *state = NULL;
	FILE *stat;

	if (kill(pid, 0) < 0 && errno == ESRCH)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (!stat)
		return false;
	if (fgets(line, sizeof(line), stat))
		state = strrchr(line, ')');
	fclose(stat);
	return state && strlen(state) > 2 && strchr("ZX", state[2]);
}

bool
snapshot_alive(const struct snapshot *snapshot, unsigned seconds)
{
	const struct scoreboard_master *master = &snapshot->master;
	uint64_t limit = (uint64_t)seconds * (uint64_t)CLOCK_SECOND;

	if (master->pid <= 0)
		return false;
	if (dead(master->pid))
		return false;
	/* One from the future was written before this machine started. */
	return snapshot->now + (uint64_t)CLOCK_SECOND >= master->heartbeat &&
	       snapshot->now <= master->heartbeat + limit;
}

/* --- what it tells --- */

const char *
snapshot_state_name(uint32_t state)
{
	static const char *const names[] = {
		[MASTER_STARTING] = "starting",
		[MASTER_RUNNING] = "running",
		[MASTER_PAUSED] = "paused",
		[MASTER_STOPPING] = "stopping",
	};

	return state < sizeof(names) / sizeof(*names) ? names[state]
						      : "unknown";
}

/* Of all workers: one that changes hands is counted by two for a moment. */
uint64_t
snapshot_connections(const struct tally *tally)
{
	return tally->accepted > tally->closed ? tally->accepted - tally->closed
					       : 0;
}

uint64_t
snapshot_uptime(const struct snapshot *snapshot)
{
	uint64_t since = snapshot->master.started_monotonic;

	return snapshot->now > since
		       ? (snapshot->now - since) / (uint64_t)CLOCK_SECOND
		       : 0;
}

/* Services of the configuration, in its order; how many. */
int
snapshot_services(const struct snapshot *snapshot,
		  int order[SCOREBOARD_SERVICES])
{
	const struct scoreboard_service *all = snapshot->master.services;
	int count = 0;

	for (int i = 0; i < SCOREBOARD_SERVICES; i++) {
		int at = count;

		if (!all[i].active || !all[i].name[0])
			continue;
		while (at > 0 && all[order[at - 1]].order > all[i].order) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
		count++;
	}
	return count;
}
