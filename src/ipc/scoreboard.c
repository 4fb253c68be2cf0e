/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/scoreboard.h"

#include "base/fds.h"
#include "ipc/turnover.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* No counter of an honest worker gets there; sums cannot overflow. */
static const uint64_t COUNTER_LIMIT = UINT64_C(1) << 48;

const char *const refusal_names[REFUSALS] = {
	[REFUSED_LOW_PORT] = "low_port",
	[REFUSED_RATE] = "rate",
	[REFUSED_MALFORMED] = "malformed",
	[REFUSED_UNSYNCHRONISED] = "unsynchronised",
	[REFUSED_UNSENT] = "unsent",
	[REFUSED_SHORTAGE] = "shortage",
	[REFUSED_DENIED] = "denied",
	[REFUSED_CONNECTIONS] = "connections",
	[REFUSED_PER_ADDRESS] = "per_address",
	[REFUSED_PER_SECOND] = "per_second",
};

const char *const side_names[SIDES] = {
	[SIDE_JOURNAL] = "journal",
	[SIDE_KEEPER] = "keeper",
	[SIDE_STATUS] = "status",
};

void
tally_add(struct tally *into, const struct tally *from)
{
	uint64_t *to = (uint64_t *)into;
	const uint64_t *counters = (const uint64_t *)from;

	for (int i = 0; i < TALLY_COUNTERS; i++)
		to[i] += counters[i];
}

void
tally_subtract(struct tally *into, const struct tally *from)
{
	uint64_t *to = (uint64_t *)into;
	const uint64_t *counters = (const uint64_t *)from;

	for (int i = 0; i < TALLY_COUNTERS; i++)
		to[i] -= counters[i];
}

/* A copy may catch a worker between two counters. */
uint64_t
tally_connections(const struct tally *tally)
{
	uint64_t came = tally->accepted + tally->taken;
	uint64_t went = tally->closed + tally->handed;

	return came > went ? came - went : 0;
}

const char *
worker_state_name(uint32_t state)
{
	static const char *const names[] = {
		[WORKER_NONE] = "none",		[WORKER_STARTING] = "starting",
		[WORKER_SERVING] = "serving",	[WORKER_RETIRING] = "retiring",
		[WORKER_STOPPING] = "stopping",
	};

	return state < sizeof(names) / sizeof(*names) ? names[state]
						      : "unknown";
}

/* A file of the right size under a name of its own; then into place. */
static int
make_file(struct scoreboard *scoreboard, const char *temporary)
{
	int error;

	unlink(temporary);
	scoreboard->fd =
		open(temporary,
		     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (scoreboard->fd < 0)
		return -1;
	/* Space is taken now: a full disk must not become a SIGBUS later. */
	error = posix_fallocate(scoreboard->fd, 0, SCOREBOARD_SIZE);
	if (error == 0 && fchmod(scoreboard->fd, 0644) == 0) {
		scoreboard->map =
			mmap(NULL, SCOREBOARD_SIZE, PROT_READ | PROT_WRITE,
			     MAP_SHARED, scoreboard->fd, 0);
		if (scoreboard->map != MAP_FAILED)
			return 0;
	}
	error = error ? error : errno;
	close(scoreboard->fd);
	unlink(temporary);
	errno = error;
	return -1;
}

int
scoreboard_create(struct scoreboard *scoreboard, const char *runtime_dir)
{
	struct scoreboard_master *master;
	char temporary[PATH_MAX];

	*scoreboard = (struct scoreboard){ .fd = -1, .map = MAP_FAILED };
	if (snprintf(scoreboard->path, sizeof(scoreboard->path),
		     "%s/scoreboard",
		     runtime_dir) >= (int)sizeof(scoreboard->path) ||
	    snprintf(temporary, sizeof(temporary), "%s/scoreboard.new",
		     runtime_dir) >= (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (make_file(scoreboard, temporary) < 0)
		return -1;
	master = scoreboard_master(scoreboard);
	master->layout = SCOREBOARD_VERSION;
	master->size = SCOREBOARD_SIZE;
	strlcpy(master->version, PACKAGE_VERSION, sizeof(master->version));
	master->magic = SCOREBOARD_MAGIC;
	if (rename(temporary, scoreboard->path) < 0) {
		int error = errno;

		unlink(temporary);
		munmap(scoreboard->map, SCOREBOARD_SIZE);
		close(scoreboard->fd);
		errno = error;
		return -1;
	}
	return 0;
}

static bool
laid_out(const struct scoreboard_master *master)
{
	return master->magic == SCOREBOARD_MAGIC &&
	       master->layout == SCOREBOARD_VERSION &&
	       master->size == SCOREBOARD_SIZE;
}

int
scoreboard_adopt(struct scoreboard *scoreboard, const char *runtime_dir, int fd)
{
	struct scoreboard_master *master;
	struct stat status;

	*scoreboard = (struct scoreboard){ .fd = fd, .map = MAP_FAILED };
	snprintf(scoreboard->path, sizeof(scoreboard->path), "%s/scoreboard",
		 runtime_dir);
	if (fstat(fd, &status) < 0)
		return -1;
	if (status.st_size != SCOREBOARD_SIZE) {
		errno = EPROTO;
		return -1;
	}
	scoreboard->map = mmap(NULL, SCOREBOARD_SIZE, PROT_READ | PROT_WRITE,
			       MAP_SHARED, fd, 0);
	if (scoreboard->map == MAP_FAILED)
		return -1;
	master = scoreboard_master(scoreboard);
	if (!laid_out(master)) {
		errno = EPROTO;
		return -1;
	}
	/* A step that the other image had begun is not under way any more. */
	master->sequence += master->sequence & 1;
	strlcpy(master->version, PACKAGE_VERSION, sizeof(master->version));
	return 0;
}

void
scoreboard_close(struct scoreboard *scoreboard)
{
	if (scoreboard->fd >= 0) {
		/* If it is still ours: somebody may have cleaned up there,
		 * and another timed have begun. */
		if (fds_is_file(scoreboard->fd, scoreboard->path))
			unlink(scoreboard->path);
		close(scoreboard->fd);
		scoreboard->fd = -1;
	}
	munmap(scoreboard->map, SCOREBOARD_SIZE);
	if (scoreboard->mine)
		munmap(scoreboard->mine, SCOREBOARD_SLOT_SIZE);
	scoreboard->map = MAP_FAILED;
	scoreboard->mine = NULL;
}

/*
 * Map all of it in such a way that mprotect(2) cannot make it writable, which
 * takes a descriptor that is for reading alone.
 */
static void *
map_for_reading(const struct scoreboard *scoreboard)
{
	char path[32];
	void *all;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", scoreboard->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Without /proc it has to be the same one. */
	all = mmap(NULL, SCOREBOARD_SIZE, PROT_READ, MAP_SHARED,
		   fd >= 0 ? fd : scoreboard->fd, 0);
	if (fd >= 0)
		close(fd);
	return all;
}

int
scoreboard_own(struct scoreboard *scoreboard, int slot)
{
	off_t at = SCOREBOARD_SLOTS_AT + (off_t)slot * SCOREBOARD_SLOT_SIZE;
	void *all = map_for_reading(scoreboard);
	void *mine;

	if (all == MAP_FAILED)
		return -1;
	mine = mmap(NULL, SCOREBOARD_SLOT_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED, scoreboard->fd, at);
	if (mine == MAP_FAILED) {
		munmap(all, SCOREBOARD_SIZE);
		return -1;
	}
	munmap(scoreboard->map, SCOREBOARD_SIZE);
	close(scoreboard->fd);
	scoreboard->fd = -1;
	scoreboard->map = all;
	scoreboard->mine = mine;
	return 0;
}

int
scoreboard_watch(struct scoreboard *scoreboard)
{
	void *all = map_for_reading(scoreboard);

	if (all == MAP_FAILED)
		return -1;
	munmap(scoreboard->map, SCOREBOARD_SIZE);
	close(scoreboard->fd);
	scoreboard->fd = -1;
	scoreboard->map = all;
	return 0;
}

struct scoreboard_master *
scoreboard_master(const struct scoreboard *scoreboard)
{
	return scoreboard->map;
}

struct scoreboard_slot *
scoreboard_slot(const struct scoreboard *scoreboard, int slot)
{
	char *slots = (char *)scoreboard->map + SCOREBOARD_SLOTS_AT;

	return (struct scoreboard_slot *)(slots +
					  (size_t)slot * SCOREBOARD_SLOT_SIZE);
}

void
scoreboard_begin(struct scoreboard_master *master)
{
	__atomic_store_n(&master->sequence, master->sequence + 1,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
scoreboard_end(struct scoreboard_master *master)
{
	__atomic_store_n(&master->sequence, master->sequence + 1,
			 __ATOMIC_RELEASE);
}

void
scoreboard_copy(void *to, const void *from, size_t size)
{
	const uint64_t *word = from;
	uint64_t *out = to;

	for (size_t i = 0; i < size / sizeof(*word); i++)
		out[i] = __atomic_load_n(&word[i], __ATOMIC_RELAXED);
}

static bool
tally_bounded(const struct tally *tally)
{
	uint64_t counters[TALLY_COUNTERS];

	memcpy(counters, tally, sizeof(counters));
	for (int i = 0; i < TALLY_COUNTERS; i++)
		if (counters[i] >= COUNTER_LIMIT)
			return false;
	return true;
}

static bool
tally_plausible(const struct tally *tally)
{
	return tally_bounded(tally) &&
	       tally->closed + tally->handed <= tally->accepted + tally->taken;
}

static bool
lateness_bounded(const struct histogram *lateness)
{
	if (lateness->max >= COUNTER_LIMIT || lateness->sum >= COUNTER_LIMIT)
		return false;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (lateness->count[i] >= COUNTER_LIMIT)
			return false;
	return true;
}

void
scoreboard_trim(struct scoreboard_slot *copy)
{
	for (int i = 0; i < SCOREBOARD_SERVICES; i++)
		if (!tally_bounded(&copy->services[i]))
			copy->services[i] = (struct tally){ 0 };
	if (!lateness_bounded(&copy->lateness))
		copy->lateness = (struct histogram){ 0 };
	if (copy->log_lost >= COUNTER_LIMIT)
		copy->log_lost = 0;
	if (copy->log_limited >= COUNTER_LIMIT)
		copy->log_limited = 0;
}

/*
 * How many connections of SERVICE workers that live have from those that are
 * gone: each was accepted there and was not closed there.
 */
static int64_t
inherited(const struct scoreboard *scoreboard, int service)
{
	const struct scoreboard_master *master = scoreboard_master(scoreboard);
	int64_t sum = 0;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		struct tally tally;

		if (!master->places[i].pid)
			continue;
		scoreboard_copy(
			&tally,
			&scoreboard_slot(scoreboard, i)->services[service],
			sizeof(tally));
		if (tally_plausible(&tally))
			sum += (int64_t)tally.taken - (int64_t)tally.handed;
	}
	return sum;
}

/*
 * All that the gone ones accepted and nobody inherited is closed.  That a
 * worker counts what it took before the other counts that as handed over
 * makes this a little less than it is for a moment, and never more.
 * Returns how many were not known to be closed.
 */
static uint64_t
settle_closed(struct scoreboard *scoreboard, int service)
{
	struct scoreboard_master *master = scoreboard_master(scoreboard);
	struct tally *gone = &master->services[service].gone;
	int64_t closed =
		(int64_t)gone->accepted - inherited(scoreboard, service);
	uint64_t more;

	if (closed <= (int64_t)gone->closed || closed > (int64_t)gone->accepted)
		return 0;
	more = (uint64_t)closed - gone->closed;
	master->gone.closed += more;
	gone->closed += more;
	return more;
}

uint64_t
scoreboard_fold(struct scoreboard *scoreboard, int slot)
{
	struct scoreboard_master *master = scoreboard_master(scoreboard);
	struct scoreboard_slot *shared = scoreboard_slot(scoreboard, slot);
	struct scoreboard_slot last;
	struct scoreboard_place place;
	uint64_t lost = 0;

	scoreboard_copy(&last, shared, sizeof(last));
	place = master->places[slot];
	scoreboard_begin(master);
	master->places[slot] = (struct scoreboard_place){ 0 };
	for (int i = 0; i < SCOREBOARD_SERVICES; i++) {
		if (tally_plausible(&last.services[i])) {
			tally_add(&master->services[i].gone, &last.services[i]);
			tally_add(&master->gone, &last.services[i]);
		}
		lost += settle_closed(scoreboard, i);
	}
	scoreboard_trim(&last);
	turnover_left(master, &place, &last);
	histogram_merge(&master->lateness, &last.lateness);
	master->log_lost += last.log_lost;
	master->log_limited += last.log_limited;
	memset(shared, 0, sizeof(*shared));
	scoreboard_end(master);
	return lost;
}

static bool
counts_somewhere(const struct scoreboard *scoreboard, int service)
{
	const struct scoreboard_master *master = scoreboard_master(scoreboard);
	const uint64_t *counters;

	for (int i = 0; i < SCOREBOARD_SLOTS; i++) {
		if (!master->places[i].pid)
			continue;
		counters = (const uint64_t *)&scoreboard_slot(scoreboard, i)
				   ->services[service];
		for (int k = 0; k < TALLY_COUNTERS; k++)
			if (__atomic_load_n(&counters[k], __ATOMIC_RELAXED))
				return true;
	}
	return false;
}

int
scoreboard_service(struct scoreboard *scoreboard, const char *name,
		   const char *type)
{
	struct scoreboard_master *master = scoreboard_master(scoreboard);
	int found = -1;

	for (int i = 0; i < SCOREBOARD_SERVICES; i++)
		if (strcmp(master->services[i].name, name) == 0 &&
		    strcmp(master->services[i].type, type) == 0)
			return i;
	for (int i = 0; i < SCOREBOARD_SERVICES && found < 0; i++)
		if (!master->services[i].name[0])
			found = i;
	for (int i = 0; i < SCOREBOARD_SERVICES && found < 0; i++)
		if (!master->services[i].active &&
		    !counts_somewhere(scoreboard, i))
			found = i;
	if (found < 0)
		return -1;
	scoreboard_begin(master);
	master->services[found] = (struct scoreboard_service){ 0 };
	strlcpy(master->services[found].name, name, SCOREBOARD_NAME);
	strlcpy(master->services[found].type, type,
		sizeof(master->services[found].type));
	scoreboard_end(master);
	return found;
}
