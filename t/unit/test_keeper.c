/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper as a worker sees it: who one is, what one says, and what was
 * said.
 */
#include "keeper_room.h"

/* --- tests: who one is --- */

static void
who_registers_can_log_in(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;
	struct login one, two;

	assert_int_equal(ask(a, account(KEEPER_LOOKUP, "Ada", "")),
			 KEEPER_UNKNOWN);
	one = log_in(a, KEEPER_REGISTER, "Ada");
	assert_text(a->told.name, a->told.head.name_length, "Ada");
	assert_int_equal(ask(a, account(KEEPER_LOOKUP, "ADA", "")), KEEPER_OK);
	two = log_in(&room->b, KEEPER_LOGIN, "aDA");
	assert_text(room->b.told.name, room->b.told.head.name_length, "Ada");
	assert_int_equal(one.user, two.user);
	assert_true(one.session != two.session && one.key != two.key);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "wrong horse")),
			 KEEPER_WRONG);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "bob", "wrong horse")),
			 KEEPER_WRONG);
	assert_int_equal(ask(a, account(KEEPER_REGISTER, "ada", "wrong horse")),
			 KEEPER_TAKEN);
	/* Asked again after a keeper died, say: he has what he wanted. */
	log_in(a, KEEPER_REGISTER, "ADA");
}

static void
what_is_no_name_or_password_is_refused(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;

	assert_int_equal(ask(a, account(KEEPER_REGISTER, "a b", "12345678")),
			 KEEPER_REFUSED);
	assert_text(a->told.text, a->told.head.text_length,
		    "is made of letters, digits, _ - and .");
	assert_int_equal(ask(a, account(KEEPER_LOOKUP, "\xff", "")),
			 KEEPER_REFUSED);
	assert_int_equal(ask(a, account(KEEPER_REGISTER, "ada", "1234567")),
			 KEEPER_REFUSED);
	assert_text(a->told.text, a->told.head.text_length,
		    "has at least 8 characters");
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "")),
			 KEEPER_WRONG);
}

static void
nobody_registers_where_that_is_off(void **state)
{
	struct room *room = *state;

	kill_keeper(room);
	room->plan.settings.registration = false;
	revive(room);
	assert_int_equal(
		ask(&room->a, account(KEEPER_REGISTER, "ada", "correct horse")),
		KEEPER_CLOSED);
}

static void
a_password_can_be_changed(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;
	struct login ada = log_in(a, KEEPER_REGISTER, "ada");
	struct keeper_asked change = about(KEEPER_PASSWORD, &ada);

	change.text = "wrong horse";
	change.head.text_length = 11;
	change.more = "another one";
	change.head.more_length = 11;
	assert_int_equal(ask(a, change), KEEPER_WRONG);
	change.text = "correct horse";
	change.head.text_length = 13;
	assert_int_equal(ask(a, change), KEEPER_OK);
	/* Twice is once. */
	assert_int_equal(ask(a, change), KEEPER_OK);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "correct horse")),
			 KEEPER_WRONG);
	assert_int_equal(ask(a, account(KEEPER_LOGIN, "ada", "another one")),
			 KEEPER_OK);
	change.more = "ada";
	change.head.more_length = 3;
	assert_int_equal(ask(a, change), KEEPER_REFUSED);
	change.head.session = ada.session + 100;
	assert_int_equal(ask(a, change), KEEPER_OVER);
}

/* --- tests: lines --- */

static void
a_line_is_stored_and_published(void **state)
{
	struct room *room = *state;
	struct worker *a = &room->a;
	struct login ada = log_in(a, KEEPER_REGISTER, "ada");
	struct ring_entry entry;
	uint64_t woken;

	entry = assert_ring(room, 1, "* ada has joined");
	assert_int_equal(entry.session, ada.session);
	assert_int_equal(ada.cursor, 1);
	(void)!read(room->b.wake, &woken, sizeof(woken));
	assert_int_equal(say(a, &ada, 1, "hello"), 1);
	entry = assert_ring(room, 2, "] ada: hello");
	assert_int_equal(entry.seq, 1);
	assert_int_equal(entry.session, ada.session);
	assert_int_equal(entry.to, 0);
	assert_int_equal(read(room->b.wake, &woken, sizeof(woken)),
			 sizeof(woken));
	assert_int_equal(stored(room), 1);
	assert_int_equal(say(a, &ada, 2, "there"), 2);
	/* Again, as after a hand-off: there it is. */
	assert_int_equal(say(a, &ada, 1, "hello"), 1);
	assert_int_equal(stored(room), 2);
	assert_int_equal(ring_head(&room->ring), 3);
}

static void
lines_look_as_they_should(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");
	struct keeper_asked action = line(&ada, 1, "", "waves");
	struct ring_entry entry;
	char text[RING_LINE];

	action.head.kind = RING_ACTION;
	assert_int_equal(ask(&room->a, action), KEEPER_OK);
	entry = assert_ring(room, 3, "] * ada waves");
	assert_int_equal(entry.kind, RING_ACTION);
	assert_int_equal(ask(&room->a, line(&ada, 2, "BOB", "psst")),
			 KEEPER_OK);
	assert_int_equal(room->a.told.head.absent, 0);
	entry = assert_ring(room, 4, "] ada -> bob: psst");
	assert_int_equal(entry.to, bob.user);
	assert_int_equal(ring_read(&room->ring, 4, &entry, text), RING_GOT);
	assert_int_equal(text[0], '[');
	assert_int_equal(text[20], ']');
	assert_int_equal(ask(&room->a, line(&ada, 3, "eve", "psst")),
			 KEEPER_UNKNOWN);
	assert_int_equal(ask(&room->a, line(&ada, 4, "e v e", "psst")),
			 KEEPER_UNKNOWN);
	send_request(&room->b, about(KEEPER_LEAVE, &bob));
	/* An answer to the same worker comes after it was read. */
	assert_int_equal(ask(&room->b, account(KEEPER_LOOKUP, "bob", "")),
			 KEEPER_OK);
	assert_int_equal(ask(&room->a, line(&ada, 5, "bob", "psst")),
			 KEEPER_OK);
	assert_int_equal(room->a.told.head.absent, 1);
	assert_ring(room, 5, "* bob has left");
}

static void
what_no_terminal_should_see_is_refused(void **state)
{
	static const char *const bad[] = {
		"a\nb",	    "\033[2J",	"a\r",	     "\xff",
		"\xc2\x9b", "\u2028 x", "tab\there", "\x7f",
	};
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct keeper_asked asked;

	for (uint64_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ask(&room->a, line(&ada, i + 1, "", bad[i])),
				 KEEPER_REFUSED);
	assert_int_equal(ask(&room->a, line(&ada, 1, "", "")), KEEPER_REFUSED);
	asked = line(&ada, 1, "", "joined?");
	asked.head.kind = RING_JOINED;
	assert_int_equal(ask(&room->a, asked), KEEPER_REFUSED);
	assert_int_equal(stored(room), 0);
	assert_int_equal(ring_head(&room->ring), 1);
}

static void
nobody_speaks_for_another_workers_session(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login forged = ada;

	assert_int_equal(ask(&room->b, line(&ada, 1, "", "it is me")),
			 KEEPER_OVER);
	forged.key++;
	send_request(&room->b, attachment(&forged));
	assert_int_equal(hear(&room->b), KEEPER_OVER);
	assert_int_equal(room->b.told.head.token, 0);
	assert_int_equal(room->b.told.head.session, ada.session);
	assert_int_equal(ask(&room->b, line(&ada, 1, "", "it is me")),
			 KEEPER_OVER);
	assert_int_equal(say(&room->a, &ada, 1, "it is me"), 1);
}

static void
a_request_that_is_none_ends_its_worker_alone(void **state)
{
	struct room *room = *state;
	struct pollfd wait = { .fd = room->b.fd, .events = POLLIN };
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	char byte;

	assert_int_equal(send(room->b.fd, "nonsense", 8, 0), 8);
	assert_int_equal(poll(&wait, 1, 10000), 1);
	assert_int_equal(recv(room->b.fd, &byte, 1, 0), 0);
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	assert_int_equal(logged(room, "keeper request refused"), 1);
}

static void
many_lines_are_one_order(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");
	uint64_t seq = 0, head;

	for (uint64_t n = 1; n <= 200; n++) {
		send_request(&room->a, line(&ada, n, "", "from ada"));
		send_request(&room->b, line(&bob, n, "", "from bob"));
	}
	for (int i = 0; i < 200; i++) {
		assert_int_equal(hear(&room->a), KEEPER_OK);
		assert_int_equal(hear(&room->b), KEEPER_OK);
	}
	assert_int_equal(stored(room), 400);
	head = ring_head(&room->ring);
	assert_int_equal(head, 402);
	for (uint64_t n = 3; n <= head; n++) {
		struct ring_entry entry;
		char text[RING_LINE];

		assert_int_equal(ring_read(&room->ring, n, &entry, text),
				 RING_GOT);
		assert_int_equal(entry.seq, ++seq);
	}
}

/* --- tests: history --- */

static void
history_comes_in_pages(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct keeper_asked asked = about(KEEPER_HISTORY, &ada);
	char text[1001] = "";
	uint32_t left = 30;
	int pages = 0, lines = 0;

	memset(text, 'x', 1000);
	for (uint64_t n = 1; n <= 30; n++)
		say(&room->a, &ada, n, text);
	for (asked.head.count = 25; asked.head.count > 0; pages++) {
		assert_int_equal(ask(&room->a, asked), KEEPER_OK);
		for (uint32_t i = 0; i < room->a.told.head.text_length; i++)
			lines += room->a.told.text[i] == '\n';
		assert_int_equal(room->a.told.head.seq, 5 + lines);
		left = room->a.told.head.count;
		asked.head.count = left;
		asked.head.from = room->a.told.head.seq;
	}
	assert_int_equal(lines, 25);
	assert_int_equal(pages, 5);
	/* Up to a place, as after a login. */
	asked.head.count = 2;
	asked.head.from = 0;
	asked.head.until = 7;
	assert_int_equal(ask(&room->a, asked), KEEPER_OK);
	assert_int_equal(room->a.told.head.seq, 7);
	asked.head.session = ada.session + 9;
	assert_int_equal(ask(&room->a, asked), KEEPER_OVER);
}

static void
old_messages_are_pruned(void **state)
{
	struct room *room = *state;
	struct login ada;

	kill_keeper(room);
	room->plan.settings.history_keep = 100;
	revive(room);
	ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	for (uint64_t n = 1; n <= 2000; n++)
		say(&room->a, &ada, n, "hello");
	/* It is done now and then, and never for the last thousand. */
	assert_in_range(stored(room), 1024, 1024 + 256);
}

/* --- tests: too much --- */

static void
logins_that_are_too_many_are_told_so_and_lines_flow(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	enum {
		MANY = 3 * ACCOUNTS_QUEUE
	};
	int busy = 0, wrong = 0;

	for (int i = 0; i < MANY; i++)
		send_request(&room->b,
			     account(KEEPER_LOGIN, "ada", "wrong horse"));
	/* Those who are let in take a second and more: nobody waits so long. */
	assert_int_equal(say(&room->a, &ada, 1, "hello"), 1);
	kill_keeper(room);
	revive(room);
	send_request(&room->a, attachment(&ada));
	for (int i = 0; i < ACCOUNTS_QUEUE - ACCOUNTS_SPARE + 20; i++)
		send_request(&room->b,
			     account(KEEPER_LOGIN, "ada", "wrong horse"));
	/* They are refused at once, before the first hash is done. */
	for (int i = 0; i < 20 + 2; i++) {
		enum keeper_outcome outcome = hear(&room->b);

		busy += outcome == KEEPER_BUSY;
		wrong += outcome == KEEPER_WRONG;
	}
	assert_in_range(busy, 10, 20);
	assert_int_equal(busy + wrong, 22);
}

static void
a_worker_that_does_not_read_holds_up_nobody(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");
	struct keeper_asked asked = about(KEEPER_HISTORY, &bob);
	char text[1001] = "";
	uint64_t sent = 0;

	memset(text, 'x', 1000);
	for (uint64_t n = 1; n <= 10; n++)
		say(&room->a, &ada, n, text);
	asked.head.count = 10;
	asked.head.until = 10;
	for (int i = 0; i < 150; i++, sent++)
		send_request(&room->b, asked);
	for (uint64_t n = 11; n <= 50; n++)
		say(&room->a, &ada, n, "hello");
	/* And all of it comes, when he reads. */
	for (uint64_t last = 0; sent > 0; sent--) {
		assert_int_equal(hear(&room->b), KEEPER_OK);
		assert_true(room->b.told.head.token > last);
		last = room->b.told.head.token;
		assert_true(room->b.told.head.text_length > 4000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ROOM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_room, close_room)
		ROOM_TEST(who_registers_can_log_in),
		ROOM_TEST(what_is_no_name_or_password_is_refused),
		ROOM_TEST(nobody_registers_where_that_is_off),
		ROOM_TEST(a_password_can_be_changed),
		ROOM_TEST(a_line_is_stored_and_published),
		ROOM_TEST(lines_look_as_they_should),
		ROOM_TEST(what_no_terminal_should_see_is_refused),
		ROOM_TEST(nobody_speaks_for_another_workers_session),
		ROOM_TEST(a_request_that_is_none_ends_its_worker_alone),
		ROOM_TEST(many_lines_are_one_order),
		ROOM_TEST(history_comes_in_pages),
		ROOM_TEST(old_messages_are_pruned),
		ROOM_TEST(logins_that_are_too_many_are_told_so_and_lines_flow),
		ROOM_TEST(a_worker_that_does_not_read_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
