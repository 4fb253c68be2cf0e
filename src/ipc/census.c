/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/census.h"

#include "base/addr.h"
#include "base/bucket.h"
#include "base/clock.h"
#include "base/siphash.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FIRST_ADDRESS = 64, /* row; those before are for services */
	ALL_ROWS = 63,	    /* what a column has in all rows */
	ROWS = FIRST_ADDRESS + CENSUS_ADDRESSES,
	WINDOW = 32, /* rows that an address could have */
	SETS = CENSUS_SOURCES / BUCKET_WAYS,
};

_Static_assert((int)CENSUS_ALL < (int)ALL_ROWS, "services have rows");
_Static_assert((int)TURN_MEMBERS == (int)SCOREBOARD_SLOTS, "a slot a member");

struct census_shared {
	uint64_t key[2]; /* of the hash; the master's */
	struct turn_shared turn;
	uint64_t said[REFUSALS]; /* when it may be said again */
	uint64_t unsaid[REFUSALS];
	_Alignas(64) uint64_t names[CENSUS_ADDRESSES]; /* 0: never used */
	struct bucket_set buckets[SETS];
	_Alignas(64) uint32_t counts[TURN_MEMBERS][ROWS];
};

/* --- life --- */

int
census_create(void)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = memfd_create("timed census", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint64_t key[2];
	int error;

	if (fd < 0)
		return -1;
	/* Nobody who has it may make it shorter under the others. */
	if (getrandom(key, sizeof(key), 0) == sizeof(key) &&
	    ftruncate(fd, sizeof(struct census_shared)) == 0 &&
	    pwrite(fd, key, sizeof(key), offsetof(struct census_shared, key)) ==
		    sizeof(key) &&
	    fcntl(fd, F_ADD_SEALS, seals) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

bool
census_fits(int fd, int layout)
{
	struct stat status;

	return layout == CENSUS_LAYOUT && fstat(fd, &status) == 0 &&
	       status.st_size == sizeof(struct census_shared);
}

int
census_open(struct census *census, int fd, int slot)
{
	off_t at = (off_t)offsetof(struct census_shared, counts[slot]);
	int error;

	*census = (struct census){ 0 };
	/* What is still in there was of somebody who is dead. */
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
		      ROWS * sizeof(uint32_t)) < 0)
		return -1;
	census->shared = mmap(NULL, sizeof(*census->shared),
			      PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (census->shared == MAP_FAILED)
		return -1;
	census->mine = census->shared->counts[slot];
	if (turn_open(&census->turn, &census->shared->turn, slot) == 0)
		return 0;
	error = errno;
	munmap(census->shared, sizeof(*census->shared));
	errno = error;
	return -1;
}

void
census_close(struct census *census)
{
	turn_close(&census->turn);
	munmap(census->shared, sizeof(*census->shared));
	census->shared = NULL;
}

/* --- counting --- */

static void
find_living(struct census *census)
{
	census->living_count = 0;
	for (int i = 0; i < TURN_MEMBERS; i++)
		if (turn_alive(&census->turn, i))
			census->living[census->living_count++] = i;
}

static uint64_t
sum(const struct census *census, uint32_t row)
{
	uint64_t all = 0;

	for (int i = 0; i < census->living_count; i++)
		all += __atomic_load_n(
			&census->shared->counts[census->living[i]][row],
			__ATOMIC_RELAXED);
	return all;
}

static void
change(uint32_t *column, uint32_t row, uint32_t by)
{
	__atomic_fetch_add(&column[row], by, __ATOMIC_SEQ_CST);
}

/* One more here; whoever looks at the others now is seen, or sees it. */
static void
add(struct census *census, uint32_t row)
{
	change(census->mine, ALL_ROWS, 1);
	change(census->mine, row, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* One less in COLUMN, if there is any. */
static void
drop(uint32_t *column, uint32_t row)
{
	uint32_t count = __atomic_load_n(&column[row], __ATOMIC_RELAXED);

	while (count > 0)
		if (__atomic_compare_exchange_n(&column[row], &count, count - 1,
						false, __ATOMIC_SEQ_CST,
						__ATOMIC_RELAXED)) {
			change(column, ALL_ROWS, UINT32_MAX);
			return;
		}
}

static bool
holds(const uint32_t *column)
{
	return __atomic_load_n(&column[ALL_ROWS], __ATOMIC_SEQ_CST) != 0;
}

bool
census_holds(const struct census *census)
{
	return holds(census->mine);
}

/* --- the rows of addresses --- */

/* A number that stands for SOURCE as a client of SERVICE; never 0. */
static uint64_t
name_of(const struct census *census, int service, uint64_t source)
{
	uint64_t words[] = { (uint64_t)service, source };
	uint64_t name = siphash(census->shared->key, words, 2);

	return name ? name : 1;
}

static uint64_t
name_at(const struct census *census, uint32_t row)
{
	return __atomic_load_n(&census->shared->names[row - FIRST_ADDRESS],
			       __ATOMIC_SEQ_CST);
}

static void
set_name(struct census *census, uint32_t row, uint64_t name)
{
	__atomic_store_n(&census->shared->names[row - FIRST_ADDRESS], name,
			 __ATOMIC_SEQ_CST);
}

/* The I-th row that NAME could have. */
static uint32_t
row_of(uint64_t name, uint32_t i)
{
	return FIRST_ADDRESS + (uint32_t)((name + i) % CENSUS_ADDRESSES);
}

/* One that nobody is counted in becomes that of NAME.  0: there is none. */
static uint32_t
take_row(struct census *census, uint64_t name)
{
	uint32_t row = 0;
	uint64_t before;

	for (uint32_t i = 0; i < WINDOW && !row; i++)
		if (name_at(census, row_of(name, i)) == 0 ||
		    sum(census, row_of(name, i)) == 0)
			row = row_of(name, i);
	if (!row)
		return 0;
	before = name_at(census, row);
	set_name(census, row, name);
	if (sum(census, row) == 0)
		return row;
	/* Somebody came in by the other name, without his turn. */
	set_name(census, row, before);
	return 0;
}

/* The row of NAME; 0: there is none, and TURN is false, or none is free. */
static uint32_t
find_row(struct census *census, uint64_t name, bool turn)
{
	for (uint32_t i = 0; i < WINDOW; i++)
		if (name_at(census, row_of(name, i)) == name)
			return row_of(name, i);
	return turn ? take_row(census, name) : 0;
}

/* --- coming in --- */

static enum refusal
sit_in_service(struct census *census, int service, uint64_t most,
	       struct census_seat *seat)
{
	uint32_t row = (uint32_t)service;

	add(census, row);
	if (sum(census, row) > most) {
		drop(census->mine, row);
		return REFUSED_CONNECTIONS;
	}
	seat->service = row + 1;
	return REFUSALS;
}

static enum refusal
sit_at_address(struct census *census, uint64_t name, uint64_t most, bool turn,
	       struct census_seat *seat)
{
	uint32_t row = find_row(census, name, turn);
	enum refusal why = REFUSALS;

	if (!row)
		return REFUSED_SHORTAGE;
	add(census, row);
	if (name_at(census, row) != name)
		why = REFUSED_SHORTAGE;
	else if (sum(census, row) > most)
		why = REFUSED_PER_ADDRESS;
	if (why == REFUSALS)
		seat->address = row + 1;
	else
		drop(census->mine, row);
	return why;
}

static bool
has_address(const struct census_client *client)
{
	return client->source != ADDR_LOCAL;
}

static enum refusal
sit(struct census *census, const struct census_client *client,
    const struct census_quota *quota, int service, bool turn,
    struct census_seat *seat)
{
	enum refusal why = REFUSALS;

	if (!quota || !client->stays)
		return REFUSALS;
	if (quota->connections > 0)
		why = sit_in_service(census, service,
				     (uint64_t)quota->connections, seat);
	if (why == REFUSALS && quota->per_address > 0 && has_address(client))
		why = sit_at_address(census,
				     name_of(census, service, client->source),
				     (uint64_t)quota->per_address, turn, seat);
	return why;
}

/* Whether he does not come too often; if not, that is once more. */
static bool
spend(struct census *census, const struct census_client *client,
      const struct census_quota *quota, int service, uint64_t now)
{
	struct bucket_rate rate;
	uint64_t name;

	if (!quota || quota->per_second <= 0 || !has_address(client))
		return true;
	rate = bucket_rate(quota->per_second,
			   quota->per_second > 1 ? (int)quota->per_second : 1);
	name = name_of(census, service, client->source);
	return bucket_take(&census->shared->buckets[name % SETS], name, &rate,
			   now);
}

enum refusal
census_admit(struct census *census, const struct census_client *client,
	     struct census_seats *seats, uint64_t now)
{
	bool turn = turn_take(&census->turn);
	enum refusal why;

	*seats = (struct census_seats){ 0 };
	/* Who does not stay is in no sum. */
	if (client->stays)
		find_living(census);
	why = sit(census, client, client->own, client->service, turn,
		  &seats->own);
	if (why == REFUSALS)
		why = sit(census, client, client->all, CENSUS_ALL, turn,
			  &seats->all);
	if (why == REFUSALS &&
	    (!spend(census, client, client->own, client->service, now) ||
	     !spend(census, client, client->all, CENSUS_ALL, now)))
		why = REFUSED_PER_SECOND;
	if (why != REFUSALS)
		census_leave(census, seats);
	if (turn)
		turn_give(&census->turn);
	return why;
}

/* --- leaving, and changing hands --- */

static void
rise(struct census *census, struct census_seat *seat)
{
	if (seat->service)
		drop(census->mine, seat->service - 1);
	if (seat->address)
		drop(census->mine, seat->address - 1);
	*seat = (struct census_seat){ 0 };
}

void
census_leave(struct census *census, struct census_seats *seats)
{
	rise(census, &seats->own);
	rise(census, &seats->all);
}

int
census_owner(const struct census *census, pid_t pid)
{
	int member = turn_member(&census->turn, pid);

	return member >= 0 && holds(census->shared->counts[member]) ? member
								    : -1;
}

/* From the column FROM, or from nowhere, NULL; to the own one if COUNTED. */
static void
move(struct census *census, uint32_t row, uint32_t *from, bool counted,
     uint32_t *seat)
{
	if (counted) {
		add(census, row);
		*seat = row + 1;
	}
	if (from)
		drop(from, row);
}

static void
move_both(struct census *census, const struct census_client *client,
	  const struct census_quota *quota, int service, uint32_t *from,
	  struct census_seat *seat)
{
	bool counted = quota && quota->per_address > 0;
	uint32_t row;

	move(census, (uint32_t)service, from, quota && quota->connections > 0,
	     &seat->service);
	if (!has_address(client) || (!counted && !from))
		return;
	row = find_row(census, name_of(census, service, client->source),
		       counted);
	if (row)
		move(census, row, from, counted, &seat->address);
}

void
census_inherit(struct census *census, const struct census_client *client,
	       int from, struct census_seats *seats)
{
	uint32_t *column = from >= 0 ? census->shared->counts[from] : NULL;
	bool turn = turn_take(&census->turn);

	*seats = (struct census_seats){ 0 };
	find_living(census);
	move_both(census, client, client->own, client->service, column,
		  &seats->own);
	move_both(census, client, client->all, CENSUS_ALL, column, &seats->all);
	if (turn)
		turn_give(&census->turn);
}

/* --- what may be said --- */

/* Whether it is time to say it, and this worker's to do so. */
static bool
is_due(struct census *census, enum refusal why, uint64_t now)
{
	uint64_t *said = &census->shared->said[why];
	uint64_t due = __atomic_load_n(said, __ATOMIC_RELAXED);

	/* One that is further ahead is nobody's. */
	if (due > now && due - now <= (uint64_t)CLOCK_SECOND)
		return false;
	return __atomic_compare_exchange_n(said, &due,
					   now + (uint64_t)CLOCK_SECOND, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

bool
census_may_say(struct census *census, enum refusal why, uint64_t now,
	       uint64_t *more)
{
	uint64_t *unsaid = &census->shared->unsaid[why];

	if (!is_due(census, why, now)) {
		__atomic_fetch_add(unsaid, 1, __ATOMIC_RELAXED);
		return false;
	}
	*more = __atomic_exchange_n(unsaid, 0, __ATOMIC_RELAXED);
	return true;
}

bool
census_may_sum_up(struct census *census, enum refusal why, uint64_t now,
		  uint64_t *more)
{
	uint64_t *unsaid = &census->shared->unsaid[why];

	if (__atomic_load_n(unsaid, __ATOMIC_RELAXED) == 0 ||
	    !is_due(census, why, now))
		return false;
	*more = __atomic_exchange_n(unsaid, 0, __ATOMIC_RELAXED);
	return *more > 0;
}
