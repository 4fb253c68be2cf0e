/* SPDX-License-Identifier: BSD-2-Clause */
#include "status/history.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int
history_create(void)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = memfd_create("timed-history", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -1;
	if (ftruncate(fd, sizeof(struct history)) == 0 &&
	    fcntl(fd, F_ADD_SEALS, seals) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

struct history *
history_open(int fd)
{
	struct stat status;
	int flags = MAP_SHARED;
	void *map;

	if (fstat(fd, &status) < 0 ||
	    status.st_size != sizeof(struct history)) {
		flags = MAP_PRIVATE | MAP_ANONYMOUS;
		fd = -1;
	}
	map = mmap(NULL, sizeof(struct history), PROT_READ | PROT_WRITE, flags,
		   fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	return map;
}

void
history_close(struct history *history)
{
	munmap(history, sizeof(*history));
}

void
history_begin(struct history_meter *meter, const struct snapshot *snapshot)
{
	meter->ticks = snapshot->total.ticks;
	meter->requests = snapshot->total.requests;
	meter->lateness = snapshot->lateness;
}

static uint64_t
grown(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* Right for every number that somebody may have left there. */
static int
place_of(int64_t time)
{
	return (int)((uint64_t)time % HISTORY_SECONDS);
}

void
history_add(struct history *history, struct history_meter *meter,
	    const struct snapshot *snapshot, int64_t time)
{
	struct histogram late;

	histogram_since(&late, &snapshot->lateness, &meter->lateness);
	history->samples[place_of(time)] = (struct history_sample){
		.time = time,
		.connections = snapshot_connections(&snapshot->total),
		.ticks = grown(snapshot->total.ticks, meter->ticks),
		.requests = grown(snapshot->total.requests, meter->requests),
		.p50 = histogram_percentile(&late, 50),
		.p99 = histogram_percentile(&late, 99),
		.max = late.max,
	};
	history_begin(meter, snapshot);
}

const struct history_sample *
history_at(const struct history *history, int64_t time)
{
	const struct history_sample *sample = &history->samples[place_of(time)];

	return sample->time == time ? sample : NULL;
}
