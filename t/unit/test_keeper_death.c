/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A keeper that dies, and a store that is gone, full or damaged: what was
 * acknowledged is there, once, and the rest can be asked again.
 */
#include "keeper_room.h"
#include "small_disk.h"

#include <sys/mman.h>

/* By how much the keeper's clock is ahead; it is a child of the test. */
static uint64_t *ahead;

uint64_t __wrap_clock_monotonic(void);
uint64_t __real_clock_monotonic(void);

uint64_t
__wrap_clock_monotonic(void)
{
	return __real_clock_monotonic() +
	       (ahead ? __atomic_load_n(ahead, __ATOMIC_SEQ_CST) : 0);
}

static int
open_with_clock(void **state)
{
	ahead = mmap(NULL, sizeof(*ahead), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return ahead == MAP_FAILED ? -1 : open_room(state);
}

static int
close_with_clock(void **state)
{
	munmap(ahead, sizeof(*ahead));
	ahead = NULL;
	return close_room(state);
}

static void
pass_seconds(uint64_t seconds)
{
	__atomic_add_fetch(ahead, seconds * (uint64_t)CLOCK_SECOND,
			   __ATOMIC_SEQ_CST);
}

/* --- tests: death --- */

static void
a_keeper_that_was_killed_is_followed_by_another(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	uint64_t seq = 0;

	for (int round = 0; round < 5; round++) {
		uint64_t first = (uint64_t)round * 50;

		for (uint64_t n = first + 1; n <= first + 50; n++)
			send_request(&room->a, line(&ada, n, "", "hello"));
		/* At any moment of that. */
		for (int i = 0; i < round * 12; i++)
			(void)hear(&room->a);
		kill_keeper(room);
		revive(room);
		send_request(&room->a, attachment(&ada));
		for (uint64_t n = first + 1; n <= first + 50; n++)
			assert_int_equal(say(&room->a, &ada, n, "hello"),
					 ++seq);
	}
	assert_int_equal(stored(room), 250);
	/* Nobody left or came, and the ring has each line once. */
	assert_int_equal(ring_head(&room->ring), 251);
	assert_ring(room, 251, "] ada: hello");
}

static void
what_was_stored_and_not_published_is(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct store_message message = { .time = 1700000000,
					 .kind = RING_MESSAGE,
					 .session = ada.session,
					 .number = 2,
					 .from = ada.user,
					 .from_name = "ada",
					 .text = "late",
					 .length = 4 };
	struct store *store;

	assert_int_equal(say(&room->a, &ada, 1, "early"), 1);
	kill_keeper(room);
	/* As one that died right after its commit. */
	store = open_store(room);
	assert_int_equal(store_add_message(store, &message), STORE_OK);
	store_close(store);
	revive(room);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(say(&room->a, &ada, 2, "late"), 2);
	assert_ring(room, 2, "] ada: early");
	assert_ring(room, 3, "[2023-11-14 22:13:20] ada: late");
	assert_int_equal(ring_head(&room->ring), 3);
}

static void
a_new_run_of_timed_begins_with_nobody(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");

	say(&room->a, &ada, 1, "hello");
	kill_keeper(room);
	ring_close(&room->ring);
	close(room->plan.ring);
	close(room->readable);
	assert_int_equal(
		ring_create(RING_LEAST, &room->plan.ring, &room->readable), 0);
	assert_int_equal(ring_open_reader(&room->ring, room->readable), 0);
	revive(room);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(hear(&room->a), KEEPER_OVER);
	ada = log_in(&room->a, KEEPER_LOGIN, "ada");
	assert_int_equal(ada.cursor, 1);
	assert_int_equal(room->a.told.head.seq, 1);
	assert_int_equal(say(&room->a, &ada, 1, "again"), 2);
	assert_int_equal(ring_head(&room->ring), 2);
}

/* As both attach it to a keeper that is new, in either order. */
static void
who_has_a_session_now_is_heard_before_who_had_it(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct keeper_asked now = attachment(&ada);

	kill_keeper(room);
	revive(room);
	now.head.number = 1;
	send_request(&room->b, now);
	assert_int_equal(say(&room->b, &ada, 1, "quick"), 1);
	send_request(&room->a, attachment(&ada));
	send_request(&room->a, about(KEEPER_PASS, &ada));
	send_request(&room->a, line(&ada, 2, "", "late"));
	assert_int_equal(hear(&room->a), KEEPER_OVER);
	assert_int_equal(say(&room->b, &ada, 2, "still here"), 2);
}

static void
a_session_goes_on_with_another_worker(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");

	send_request(&room->a, line(&ada, 1, "", "on the way"));
	send_request(&room->b, attachment(&ada));
	assert_int_equal(hear(&room->a), KEEPER_OK);
	assert_int_equal(say(&room->b, &ada, 1, "on the way"), 1);
	/* The old one's end is not the session's. */
	part(&room->a);
	assert_int_equal(say(&room->b, &ada, 2, "here"), 2);
	assert_int_equal(ring_head(&room->ring), 3);
	/* And in the other order: for a moment it is nobody's. */
	join(room, &room->a);
	part(&room->b);
	assert_int_equal(ask(&room->a, account(KEEPER_LOOKUP, "ada", "")),
			 KEEPER_OK);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(say(&room->a, &ada, 3, "there"), 3);
	assert_int_equal(ring_head(&room->ring), 4);
}

static void
notices_are_of_first_and_last_sessions(void **state)
{
	struct room *room = *state;
	struct login one = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login two = log_in(&room->b, KEEPER_LOGIN, "ada");

	assert_int_equal(ring_head(&room->ring), 1);
	assert_int_equal(ask(&room->a, about(KEEPER_WHO, &one)), KEEPER_OK);
	assert_text(room->a.told.text, room->a.told.head.text_length,
		    "* ada, 2 sessions\n");
	assert_int_equal(room->a.told.head.count, 2);
	send_request(&room->a, about(KEEPER_LEAVE, &one));
	assert_int_equal(ask(&room->a, about(KEEPER_WHO, &one)), KEEPER_OK);
	assert_text(room->a.told.text, room->a.told.head.text_length,
		    "* ada\n");
	assert_int_equal(ring_head(&room->ring), 1);
	/* His last word comes before he is gone. */
	send_request(&room->b, line(&two, 1, "", "bye"));
	send_request(&room->b, about(KEEPER_LEAVE, &two));
	assert_int_equal(hear(&room->b), KEEPER_OK);
	assert_int_equal(ask(&room->b, about(KEEPER_WHO, &two)), KEEPER_OK);
	assert_int_equal(room->b.told.head.text_length, 0);
	assert_ring(room, 2, "] ada: bye");
	assert_ring(room, 3, "* ada has left");
}

/* Until entry NUMBER is in the ring. */
static void
wait_for_entry(struct room *room, uint64_t number)
{
	uint64_t end = __real_clock_monotonic() + 10 * (uint64_t)CLOCK_SECOND;

	while (ring_head(&room->ring) < number)
		assert_true(__real_clock_monotonic() < end);
}

static void
sessions_of_a_worker_that_died_are_over(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");

	part(&room->a);
	/* Answered after that was seen. */
	log_in(&room->b, KEEPER_REGISTER, "eve");
	pass_seconds(2);
	wait_for_entry(room, 4);
	assert_ring(room, 4, "* ada has left");
	assert_int_equal(say(&room->b, &bob, 1, "hello"), 1);
	join(room, &room->a);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(hear(&room->a), KEEPER_OVER);
}

static void
sessions_that_were_passed_on_have_time(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login eve = log_in(&room->a, KEEPER_REGISTER, "eve");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");

	send_request(&room->a, about(KEEPER_PASS, &ada));
	send_request(&room->a, about(KEEPER_PASS, &eve));
	/* Whoever has it says so; who had it is too late then. */
	send_request(&room->a, attachment(&eve));
	send_request(&room->b, about(KEEPER_PASS, &eve));
	assert_int_equal(say(&room->a, &eve, 1, "hello"), 1);
	part(&room->a);
	log_in(&room->b, KEEPER_LOGIN, "bob");
	pass_seconds(8);
	wait_for_entry(room, 5);
	assert_ring(room, 5, "* eve has left");
	send_request(&room->b, attachment(&ada));
	assert_int_equal(say(&room->b, &ada, 1, "still here"), 2);
	send_request(&room->b, about(KEEPER_PASS, &ada));
	assert_int_equal(say(&room->b, &bob, 1, "and then?"), 3);
	pass_seconds(11);
	wait_for_entry(room, 8);
	assert_ring(room, 8, "* ada has left");
}

static void
sessions_that_nobody_has_after_a_restart_are_over(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");

	kill_keeper(room);
	revive(room);
	send_request(&room->b, attachment(&bob));
	assert_int_equal(say(&room->b, &bob, 1, "hello"), 1);
	pass_seconds(11);
	wait_for_entry(room, 4);
	assert_ring(room, 4, "* ada has left");
	assert_int_equal(say(&room->b, &bob, 2, "hello"), 2);
	send_request(&room->a, attachment(&ada));
	assert_int_equal(hear(&room->a), KEEPER_OVER);
}

/* --- tests: a store that is not there --- */

static void
wait_for_log(struct room *room, const char *description)
{
	struct pollfd wait = { .fd = room->log[0], .events = POLLIN };

	do
		assert_int_equal(poll(&wait, 1, 10000), 1);
	while (logged(room, description) == 0);
}

static void
wait_until_it_recovers(struct worker *worker, struct keeper_asked asked)
{
	uint64_t end = clock_monotonic() + 10 * (uint64_t)CLOCK_SECOND;

	while (ask(worker, asked) == KEEPER_TROUBLE)
		assert_true(clock_monotonic() < end);
}

static void
a_damaged_store_is_said_and_got_over(void **state)
{
	struct room *room = *state;
	char file[96], aside[96];
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	FILE *bad;

	snprintf(file, sizeof(file), "%s/timed.db", room->directory);
	snprintf(aside, sizeof(aside), "%s/aside", room->directory);
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	order(room, KEEPER_ORDER_LEAVE, NULL, 0);
	assert_int_equal(waitpid(room->pid, NULL, 0), room->pid);
	close(room->command);
	part(&room->a);
	part(&room->b);
	assert_int_equal(rename(file, aside), 0);
	bad = fopen(file, "w");
	for (int i = 0; i < 10000; i++)
		fputc('x', bad);
	fclose(bad);
	(void)logged(room, "");
	revive(room);
	send_request(&room->a, attachment(&ada));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&room->a, line(&ada, 2, "", "lost?")),
				 KEEPER_TROUBLE);
		assert_text(room->a.told.text, room->a.told.head.text_length,
			    "file is not a database");
		assert_int_equal(ask(&room->a, account(KEEPER_LOGIN, "ada",
						       "correct horse")),
				 KEEPER_TROUBLE);
		assert_int_equal(
			ask(&room->a, account(KEEPER_LOOKUP, "ada", "")),
			KEEPER_TROUBLE);
	}
	assert_int_equal(logged(room, "store failed"), 1);
	pass_seconds(61);
	wait_for_log(room, "store failed");
	assert_int_equal(rename(aside, file), 0);
	wait_until_it_recovers(&room->a, line(&ada, 2, "", "lost?"));
	assert_int_equal(room->a.told.head.seq, 2);
	assert_int_equal(logged(room, "store recovered"), 1);
	assert_int_equal(stored(room), 2);
}

static void
a_store_that_was_replaced_ends_the_sessions(void **state)
{
	struct room *room = *state;
	char file[96];
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");

	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	snprintf(file, sizeof(file), "rm %s/timed.db*", room->directory);
	assert_int_equal(system(file), 0);
	assert_int_equal(hear(&room->a), KEEPER_OVER);
	assert_int_equal(room->a.told.head.session, ada.session);
	/* Seqs go on where they were: clients never see one twice. */
	ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 2);
}

static void
a_full_disk_is_said_and_got_over(void **state)
{
	struct room *room = *state;
	char filler[96];
	struct login ada;
	uint64_t n = 1, kept;

	kill_keeper(room);
	assert_true(small_disk_mount(room->directory, 512));
	revive(room);
	ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	small_disk_fill(room->directory, filler, sizeof(filler));
	while (ask(&room->a, line(&ada, n, "", "hello")) == KEEPER_OK)
		n++;
	assert_int_equal(room->a.told.head.outcome, KEEPER_TROUBLE);
	kept = n - 1;
	assert_true(room->a.told.head.text_length > 0);
	unlink(filler);
	wait_until_it_recovers(&room->a, line(&ada, n, "", "hello"));
	assert_int_equal(room->a.told.head.seq, kept + 1);
	assert_int_equal(stored(room), kept + 1);
	/* The ring has what the store has: nothing that was refused. */
	assert_int_equal(ring_head(&room->ring), kept + 2);
	kill_keeper(room);
	assert_int_equal(umount2(room->directory, MNT_DETACH), 0);
}

/* --- tests: the end --- */

static void
it_ends_when_the_master_does(void **state)
{
	struct room *room = *state;
	int status;

	close(room->command);
	assert_int_equal(waitpid(room->pid, &status, 0), room->pid);
	assert_int_equal(status, 0);
	room->pid = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ROOM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_with_clock, close_with_clock)
		ROOM_TEST(a_keeper_that_was_killed_is_followed_by_another),
		ROOM_TEST(what_was_stored_and_not_published_is),
		ROOM_TEST(a_new_run_of_timed_begins_with_nobody),
		ROOM_TEST(who_has_a_session_now_is_heard_before_who_had_it),
		ROOM_TEST(a_session_goes_on_with_another_worker),
		ROOM_TEST(notices_are_of_first_and_last_sessions),
		ROOM_TEST(sessions_of_a_worker_that_died_are_over),
		ROOM_TEST(sessions_that_were_passed_on_have_time),
		ROOM_TEST(sessions_that_nobody_has_after_a_restart_are_over),
		ROOM_TEST(a_damaged_store_is_said_and_got_over),
		ROOM_TEST(a_store_that_was_replaced_ends_the_sessions),
		ROOM_TEST(a_full_disk_is_said_and_got_over),
		ROOM_TEST(it_ends_when_the_master_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
