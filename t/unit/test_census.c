/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The census: exact among processes that come in at once, die, stop and lie.
 * A member is a process of its own, which does what it is told by a letter.
 */
#include "base/addr.h"
#include "base/clock.h"
#include "ipc/census.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MEMBERS = 4,
	LIMIT = 50,
	SERVICE = 3,
	ROUNDS = 5000,
	HERE = MEMBERS, /* the slot of the test itself */
};

static const uint64_t START = 1000 * (uint64_t)CLOCK_SECOND;

struct member {
	pid_t pid;
	int socket;
};

struct race {
	int arrived;
	int won[ROUNDS];
};

struct bench {
	int fd;
	struct race *race;
	struct census here;
	struct census_quota own;
	struct census_quota all;
	struct member members[MEMBERS];
};

static struct census_client
client(const struct bench *bench, uint64_t source)
{
	return (struct census_client){ .service = SERVICE,
				       .source = source,
				       .stays = true,
				       .own = &bench->own,
				       .all = &bench->all };
}

/* Into CENSUS, from SOURCE. */
static enum refusal
come(const struct bench *bench, struct census *census, uint64_t source,
     struct census_seats *seats)
{
	struct census_client one = client(bench, source);

	return census_admit(census, &one, seats, START);
}

/* --- members --- */

/* As many as get in of 100; the answer is how many that were. */
static unsigned char
crowd(const struct bench *bench, struct census *census)
{
	struct census_seats seats;
	unsigned char got = 0;

	for (int i = 0; i < 100; i++)
		got += come(bench, census, 7, &seats) == REFUSALS;
	return got;
}

/* Until both have come so far: at once, unless the other has no processor. */
static void
meet(struct race *race, int times)
{
	int looks = 0;

	__atomic_fetch_add(&race->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&race->arrived, __ATOMIC_SEQ_CST) < 2 * times)
		if (++looks % 1000 == 0)
			sched_yield();
}

/* With another one for the last place, again and again. */
static unsigned char
run(const struct bench *bench, struct census *census)
{
	struct race *race = bench->race;
	struct census_seats seats;

	for (int i = 0; i < ROUNDS; i++) {
		meet(race, 2 * i + 1);
		if (come(bench, census, 7, &seats) == REFUSALS)
			__atomic_fetch_add(&race->won[i], 1, __ATOMIC_SEQ_CST);
		meet(race, 2 * i + 2);
		census_leave(census, &seats);
	}
	return 0;
}

static void
be_member(const struct bench *bench, int slot, int orders)
{
	struct census census;
	char order;

	if (census_open(&census, bench->fd, slot) < 0)
		_exit(1);
	while (read(orders, &order, 1) == 1) {
		unsigned char answer = 0;

		if (order == 'c')
			answer = crowd(bench, &census);
		else if (order == 'r')
			answer = run(bench, &census);
		else if (order == 't')
			answer = turn_take(&census.turn);
		if (write(orders, &answer, 1) != 1)
			break;
	}
	_exit(0);
}

static void
begin(struct bench *bench, int slot)
{
	struct member *member = &bench->members[slot];
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	member->pid = fork();
	assert_true(member->pid >= 0);
	if (member->pid == 0) {
		/* Who is told to leave by the end of file must hear of it. */
		for (int i = 0; i < slot; i++)
			close(bench->members[i].socket);
		close(ends[0]);
		be_member(bench, slot, ends[1]);
	}
	close(ends[1]);
	member->socket = ends[0];
}

static void
order(struct bench *bench, int slot, char what)
{
	assert_int_equal(write(bench->members[slot].socket, &what, 1), 1);
}

static int
answer(struct bench *bench, int slot)
{
	unsigned char byte;

	assert_int_equal(read(bench->members[slot].socket, &byte, 1), 1);
	return byte;
}

/* Dead, and not reaped: nobody but the kernel has noticed. */
static void
kill_member(struct bench *bench, int slot)
{
	siginfo_t info;

	assert_int_equal(kill(bench->members[slot].pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)bench->members[slot].pid, &info,
				WEXITED | WNOWAIT),
			 0);
}

static int
make_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->fd = census_create();
	assert_true(bench->fd >= 0);
	bench->own.connections = LIMIT;
	bench->race = mmap(NULL, sizeof(*bench->race), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(bench->race, MAP_FAILED);
	for (int i = 0; i < MEMBERS; i++)
		begin(bench, i);
	assert_int_equal(census_open(&bench->here, bench->fd, HERE), 0);
	*state = bench;
	return 0;
}

static int
free_bench(void **state)
{
	struct bench *bench = *state;

	for (int i = 0; i < MEMBERS; i++) {
		close(bench->members[i].socket);
		(void)kill(bench->members[i].pid, SIGCONT);
		(void)waitpid(bench->members[i].pid, NULL, 0);
	}
	census_close(&bench->here);
	munmap(bench->race, sizeof(*bench->race));
	close(bench->fd);
	free(bench);
	return 0;
}

/* --- exactness --- */

static void
those_who_come_at_once(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats;
	int all = 0;

	for (int i = 0; i < MEMBERS; i++)
		order(bench, i, 'c');
	for (int i = 0; i < MEMBERS; i++)
		all += answer(bench, i);
	assert_int_equal(all, LIMIT);
	assert_int_equal(come(bench, &bench->here, 4, &seats),
			 REFUSED_CONNECTIONS);
}

/* Never both, and never none of them. */
static void
one_of_two_gets_the_last_place(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats[LIMIT];

	for (int i = 0; i < LIMIT - 1; i++)
		assert_int_equal(come(bench, &bench->here, 4, &seats[i]),
				 REFUSALS);
	order(bench, 0, 'r');
	order(bench, 1, 'r');
	assert_int_equal(answer(bench, 0), 0);
	assert_int_equal(answer(bench, 1), 0);
	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(bench->race->won[i], 1);
}

static void
who_leaves_makes_room(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats, more;

	bench->own.connections = 1;
	assert_int_equal(come(bench, &bench->here, 4, &seats), REFUSALS);
	assert_int_equal(come(bench, &bench->here, 4, &more),
			 REFUSED_CONNECTIONS);
	/* Who was refused has nothing to give back. */
	census_leave(&bench->here, &more);
	assert_int_equal(come(bench, &bench->here, 4, &more),
			 REFUSED_CONNECTIONS);
	census_leave(&bench->here, &seats);
	census_leave(&bench->here, &seats);
	assert_int_equal(come(bench, &bench->here, 4, &seats), REFUSALS);
	assert_int_equal(come(bench, &bench->here, 4, &more),
			 REFUSED_CONNECTIONS);
}

static void
who_dies_makes_room_at_once(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats;

	order(bench, 0, 'c');
	assert_int_equal(answer(bench, 0), LIMIT);
	assert_int_equal(come(bench, &bench->here, 4, &seats),
			 REFUSED_CONNECTIONS);
	kill_member(bench, 0);
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(come(bench, &bench->here, 4, &seats),
				 REFUSALS);
	assert_int_equal(come(bench, &bench->here, 4, &seats),
			 REFUSED_CONNECTIONS);
}

static void
a_successor_begins_anew(void **state)
{
	struct bench *bench = *state;

	order(bench, 0, 'c');
	assert_int_equal(answer(bench, 0), LIMIT);
	kill_member(bench, 0);
	assert_int_equal(waitpid(bench->members[0].pid, NULL, 0),
			 bench->members[0].pid);
	close(bench->members[0].socket);
	begin(bench, 0);
	order(bench, 0, 'c');
	assert_int_equal(answer(bench, 0), LIMIT);
}

/* --- turns --- */

static void
a_turn_dies_with_who_has_it(void **state)
{
	struct bench *bench = *state;

	order(bench, 0, 't');
	assert_int_equal(answer(bench, 0), true);
	kill_member(bench, 0);
	assert_true(turn_take(&bench->here.turn));
	turn_give(&bench->here.turn);
}

static void
a_turn_that_lasts_is_not_waited_for(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats;

	bench->own.per_address = LIMIT;
	assert_int_equal(come(bench, &bench->here, 4, &seats), REFUSALS);
	order(bench, 0, 't');
	assert_int_equal(answer(bench, 0), true);
	assert_false(turn_take(&bench->here.turn));
	/* Once only: else this would take hours. */
	for (int i = 0; i < 100000; i++)
		assert_false(turn_take(&bench->here.turn));
	/* Those who are known come in still, and never too many. */
	for (int i = 1; i < LIMIT; i++)
		assert_int_equal(come(bench, &bench->here, 4, &seats),
				 REFUSALS);
	assert_int_equal(come(bench, &bench->here, 4, &seats),
			 REFUSED_CONNECTIONS);
	kill_member(bench, 0);
	assert_true(turn_take(&bench->here.turn));
	turn_give(&bench->here.turn);
}

static void
a_turn_of_nobody_is_taken(void **state)
{
	static const uint64_t lies[] = { 1, 0xff, UINT64_MAX, 1ULL << 63,
					 UINT64_C(0x123456789abcdef) };
	struct bench *bench = *state;

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		bench->here.turn.shared->holder = lies[i];
		assert_true(turn_take(&bench->here.turn));
		turn_give(&bench->here.turn);
		assert_int_equal(bench->here.turn.shared->holder, 0);
	}
}

/* --- addresses --- */

static void
each_address_has_its_own(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats;

	bench->own = (struct census_quota){ .per_address = 2 };
	for (uint64_t source = 10; source < 1000; source++) {
		for (int i = 0; i < 2; i++)
			assert_int_equal(
				come(bench, &bench->here, source, &seats),
				REFUSALS);
		assert_int_equal(come(bench, &bench->here, source, &seats),
				 REFUSED_PER_ADDRESS);
		if (source % 2)
			census_leave(&bench->here, &seats);
	}
}

static void
rows_are_used_again(void **state)
{
	struct bench *bench = *state;
	struct census_seats kept, seats;

	bench->own = (struct census_quota){ .per_address = 1 };
	assert_int_equal(come(bench, &bench->here, 5, &kept), REFUSALS);
	for (uint64_t i = 0; i < 4 * CENSUS_ADDRESSES; i++) {
		assert_int_equal(come(bench, &bench->here, 10 + i, &seats),
				 REFUSALS);
		census_leave(&bench->here, &seats);
	}
	assert_int_equal(come(bench, &bench->here, 5, &seats),
			 REFUSED_PER_ADDRESS);
}

static void
without_a_row_nobody_comes_in(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats;
	uint64_t in = 0, out = 0;

	bench->own = (struct census_quota){ .per_address = 1 };
	for (uint64_t i = 0; i < CENSUS_ADDRESSES + 1000; i++) {
		enum refusal why = come(bench, &bench->here, 10 + i, &seats);

		in += why == REFUSALS;
		out += why == REFUSED_SHORTAGE;
	}
	assert_int_equal(in + out, CENSUS_ADDRESSES + 1000);
	assert_true(out >= 1000 && in > CENSUS_ADDRESSES / 2);
}

static void
the_unix_domain_has_no_address(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats;

	bench->own = (struct census_quota){ .connections = 3,
					    .per_address = 1,
					    .per_second = 0.001 };
	for (int i = 0; i < 3; i++)
		assert_int_equal(come(bench, &bench->here, ADDR_LOCAL, &seats),
				 REFUSALS);
	assert_int_equal(come(bench, &bench->here, ADDR_LOCAL, &seats),
			 REFUSED_CONNECTIONS);
}

/* --- the service's and those for all --- */

static void
both_have_to_let_him_in(void **state)
{
	struct bench *bench = *state;
	struct census_client other = client(bench, 4);
	struct census_seats seats, kept;

	bench->all =
		(struct census_quota){ .connections = 3, .per_address = 2 };
	other.service = SERVICE + 1;
	assert_int_equal(census_admit(&bench->here, &other, &kept, START),
			 REFUSALS);
	assert_int_equal(come(bench, &bench->here, 4, &seats), REFUSALS);
	assert_int_equal(come(bench, &bench->here, 4, &seats),
			 REFUSED_PER_ADDRESS);
	assert_int_equal(come(bench, &bench->here, 2, &seats), REFUSALS);
	assert_int_equal(come(bench, &bench->here, 3, &seats),
			 REFUSED_CONNECTIONS);
	/* Who was refused by the one is not counted by the other. */
	bench->own.connections = 3;
	census_leave(&bench->here, &kept);
	assert_int_equal(come(bench, &bench->here, 3, &seats), REFUSALS);
}

/* --- how often --- */

static void
tokens_are_shared(void **state)
{
	struct bench *bench = *state;
	struct census_client one = client(bench, 4);
	struct census_seats seats;

	bench->own = (struct census_quota){ .per_second = 5 };
	one.stays = false;
	for (int second = 0; second < 3; second++) {
		uint64_t now = START + (uint64_t)second * CLOCK_SECOND;

		for (int i = 0; i < 20; i++)
			assert_int_equal(
				census_admit(&bench->here, &one, &seats, now),
				i < 5 ? REFUSALS : REFUSED_PER_SECOND);
	}
	/* Another is another, also where the service is. */
	one.source = 2;
	assert_int_equal(census_admit(&bench->here, &one, &seats, START),
			 REFUSALS);
	one.source = 4;
	one.service++;
	assert_int_equal(census_admit(&bench->here, &one, &seats, START),
			 REFUSALS);
}

static void
tokens_are_for_all_members(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats;
	int all = 0;

	/* The members have the quota from their fork. */
	for (int i = 0; i < MEMBERS; i++) {
		kill_member(bench, i);
		(void)waitpid(bench->members[i].pid, NULL, 0);
		close(bench->members[i].socket);
		bench->members[i].socket = -1;
	}
	bench->own = (struct census_quota){ .per_second = 7 };
	for (int i = 0; i < MEMBERS; i++)
		begin(bench, i);
	for (int i = 0; i < MEMBERS; i++)
		order(bench, i, 'c');
	for (int i = 0; i < MEMBERS; i++)
		all += answer(bench, i);
	assert_int_equal(all, 7);
	assert_int_equal(come(bench, &bench->here, 7, &seats),
			 REFUSED_PER_SECOND);
}

/* --- changing hands --- */

static void
what_is_inherited_is_counted_once(void **state)
{
	struct bench *bench = *state;
	struct census_client one = client(bench, 7);
	struct census_seats mine[LIMIT], seats;

	order(bench, 0, 'c');
	assert_int_equal(answer(bench, 0), LIMIT);
	for (int i = 0; i < LIMIT; i++) {
		int from = census_owner(&bench->here, bench->members[0].pid);

		assert_int_equal(from, 0);
		census_inherit(&bench->here, &one, from, &mine[i]);
		assert_int_equal(come(bench, &bench->here, 7, &seats),
				 REFUSED_CONNECTIONS);
	}
	assert_int_equal(census_owner(&bench->here, bench->members[0].pid), -1);
	/* They are here now, whatever becomes of the other. */
	kill_member(bench, 0);
	assert_int_equal(come(bench, &bench->here, 7, &seats),
			 REFUSED_CONNECTIONS);
	census_leave(&bench->here, &mine[0]);
	assert_int_equal(come(bench, &bench->here, 7, &seats), REFUSALS);
	assert_int_equal(come(bench, &bench->here, 7, &seats),
			 REFUSED_CONNECTIONS);
}

static void
too_many_are_inherited_all_the_same(void **state)
{
	struct bench *bench = *state;
	struct census_client one = client(bench, 7);
	struct census_seats mine[10], seats;

	bench->own =
		(struct census_quota){ .connections = 5, .per_address = 5 };
	/* From one who did not count them. */
	for (int i = 0; i < 10; i++)
		census_inherit(&bench->here, &one, -1, &mine[i]);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(come(bench, &bench->here, 7, &seats),
				 REFUSED_CONNECTIONS);
		census_leave(&bench->here, &mine[i]);
	}
	assert_int_equal(come(bench, &bench->here, 7, &seats), REFUSALS);
	assert_int_equal(come(bench, &bench->here, 7, &seats),
			 REFUSED_CONNECTIONS);
}

/* --- a member that lies --- */

static void
nonsense_does_no_harm(void **state)
{
	struct bench *bench = *state;
	struct census_seats seats = { 0 };
	struct stat status;
	unsigned char *map;

	bench->own = bench->all = (struct census_quota){ .connections = LIMIT,
							 .per_address = LIMIT,
							 .per_second = 1 };
	assert_int_equal(fstat(bench->fd, &status), 0);
	map = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE,
		   MAP_SHARED, bench->fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	srandom(1);
	for (int round = 0; round < 40; round++) {
		struct census_client one = client(bench, 7);
		uint64_t more;

		/* The first megabyte and more: all but most of the columns. */
		for (size_t i = 0; i < 1400000; i += 8)
			*(uint64_t *)(map + i) = (uint64_t)random() << 33 ^
						 (uint64_t)random() << 2 ^
						 (uint64_t)random();
		assert_in_range(come(bench, &bench->here, 7, &seats), 0,
				REFUSALS);
		census_inherit(&bench->here, &one, 1, &seats);
		census_leave(&bench->here, &seats);
		(void)census_may_say(&bench->here, REFUSED_DENIED, START,
				     &more);
	}
	munmap(map, (size_t)status.st_size);
}

static void
nobody_makes_it_shorter(void **state)
{
	struct bench *bench = *state;
	struct stat status;

	assert_int_equal(fstat(bench->fd, &status), 0);
	assert_int_equal(ftruncate(bench->fd, 4096), -1);
	assert_int_equal(ftruncate(bench->fd, status.st_size + 1), -1);
	assert_true(census_fits(bench->fd, CENSUS_LAYOUT));
	assert_false(census_fits(bench->fd, CENSUS_LAYOUT + 1));
	assert_false(census_fits(bench->members[0].socket, CENSUS_LAYOUT));
	assert_false(census_fits(-1, CENSUS_LAYOUT));
}

/* --- what may be said --- */

static void
it_is_said_once_a_second(void **state)
{
	struct bench *bench = *state;
	struct census *here = &bench->here;
	uint64_t second = (uint64_t)CLOCK_SECOND;
	uint64_t more = 99;

	assert_true(census_may_say(here, REFUSED_DENIED, START, &more));
	assert_int_equal(more, 0);
	for (int i = 0; i < 5; i++)
		assert_false(census_may_say(here, REFUSED_DENIED,
					    START + second / 2, &more));
	/* Another reason is another matter. */
	assert_true(census_may_say(here, REFUSED_CONNECTIONS, START, &more));
	assert_false(census_may_sum_up(here, REFUSED_DENIED, START + second / 2,
				       &more));
	assert_true(
		census_may_say(here, REFUSED_DENIED, START + second, &more));
	assert_int_equal(more, 5);
	assert_false(
		census_may_say(here, REFUSED_DENIED, START + second, &more));
	assert_true(census_may_sum_up(here, REFUSED_DENIED, START + 2 * second,
				      &more));
	assert_int_equal(more, 1);
	assert_false(census_may_sum_up(here, REFUSED_DENIED, START + 9 * second,
				       &more));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)
	const struct CMUnitTest tests[] = {
		TEST(those_who_come_at_once),
		TEST(one_of_two_gets_the_last_place),
		TEST(who_leaves_makes_room),
		TEST(who_dies_makes_room_at_once),
		TEST(a_successor_begins_anew),
		TEST(a_turn_dies_with_who_has_it),
		TEST(a_turn_that_lasts_is_not_waited_for),
		TEST(a_turn_of_nobody_is_taken),
		TEST(each_address_has_its_own),
		TEST(rows_are_used_again),
		TEST(without_a_row_nobody_comes_in),
		TEST(the_unix_domain_has_no_address),
		TEST(both_have_to_let_him_in),
		TEST(tokens_are_shared),
		TEST(tokens_are_for_all_members),
		TEST(what_is_inherited_is_counted_once),
		TEST(too_many_are_inherited_all_the_same),
		TEST(nonsense_does_no_harm),
		TEST(nobody_makes_it_shorter),
		TEST(it_is_said_once_a_second),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("census", tests, NULL, NULL);
}
