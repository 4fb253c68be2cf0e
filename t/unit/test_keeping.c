/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker's way to the keeper: every question has one answer, whoever dies or
 * changes hands meanwhile.  The keeper is played by the test.
 */
#include "ipc/keeper_wire.h"
#include "worker/keeping.h"
#include "worker/keeping_request.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PEOPLE = 300
};

struct person {
	struct keeping_session session;
	bool away; /* offered to another worker */
	int answers;
	struct keeping_answer last;
	char text[KEEPER_PAGE + 1];
	int ended;
	char why[80];
};

struct room {
	struct loop loop;
	struct keeping keeping;
	struct keeping other; /* of another worker */
	int lines;
	int keeper; /* the other end */
	int its_wake;
	int writable;
	int readable;
	struct ring ring;
	struct keeper_asked asked; /* what the keeper was asked last */
	char bytes[KEEPER_PACKET];
	const char *heard; /* what of them was not yet */
	size_t unheard;
	struct name ada;
	struct person *people;
};

/* --- the service --- */

static void
answered(struct keeping_session *session, const struct keeping_answer *answer)
{
	struct person *person = (struct person *)session;

	person->answers++;
	person->last = *answer;
	memcpy(person->text, answer->text, answer->length);
	person->text[answer->length] = '\0';
}

static void
ended(struct keeping_session *session, const char *why)
{
	struct person *person = (struct person *)session;

	person->ended++;
	strcpy(person->why, why);
}

static bool
here(const struct keeping_session *session)
{
	return !((const struct person *)session)->away;
}

static void
lines(void *context)
{
	((struct room *)context)->lines++;
}

static const struct keeping_events events = { answered, ended, here, lines };

/* --- the keeper --- */

static void
link_up(struct room *room, struct keeping *keeping)
{
	int ends[2];

	assert_int_equal(keeper_wire_pair(ends), 0);
	room->keeper = ends[0];
	room->its_wake = eventfd(0, EFD_NONBLOCK);
	room->unheard = 0;
	keeping_link(keeping, ends[1], dup(room->its_wake),
		     dup(room->readable));
	loop_run_tasks(&room->loop);
}

static void
die(struct room *room)
{
	close(room->keeper);
	close(room->its_wake);
}

/* Let the worker do all that there is to be done. */
static void
turn(struct room *room)
{
	struct epoll_event event;

	loop_run_tasks(&room->loop);
	while (epoll_wait(room->loop.epfd, &event, 1, 0) == 1) {
		struct loop_source *source = event.data.ptr;

		source->ready(source, event.events);
		loop_run_tasks(&room->loop);
	}
}

/* The next request is of TYPE. */
static void
hear(struct room *room, enum keeper_type type)
{
	size_t length;

	loop_run_tasks(&room->loop);
	if (room->unheard == 0) {
		ssize_t n =
			recv(room->keeper, room->bytes, sizeof(room->bytes), 0);

		room->heard = room->bytes;
		room->unheard = n > 0 ? (size_t)n : 0;
	}
	length = keeper_wire_asked(room->heard, room->unheard, &room->asked);
	if (length == 0)
		fail_msg("type %d was not asked", type);
	room->heard += length;
	room->unheard -= length;
	assert_int_equal(room->asked.head.type, type);
}

static void
hear_nothing(struct room *room)
{
	loop_run_tasks(&room->loop);
	assert_int_equal(room->unheard, 0);
	assert_int_equal(recv(room->keeper, room->bytes, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
tell(struct room *room, struct keeper_told told)
{
	char bytes[KEEPER_ANSWER_MOST];
	size_t length = keeper_wire_answer(&told, bytes);

	assert_int_equal(send(room->keeper, bytes, length, 0), length);
	turn(room);
}

static struct keeper_told
answer_to(const struct room *room, enum keeper_outcome outcome)
{
	return (struct keeper_told){
		.head = { .token = room->asked.head.token,
			  .outcome = (uint16_t)outcome },
	};
}

static void
let_in(struct room *room, uint64_t session)
{
	struct keeper_told told = answer_to(room, KEEPER_OK);

	told.head.session = session;
	told.head.key = session + 1000;
	told.head.user = 7;
	told.head.cursor = 3;
	told.head.seq = 2;
	told.head.name_length = 3;
	told.name = "Ada";
	tell(room, told);
}

static struct person *
log_in(struct room *room, int who)
{
	struct person *person = &room->people[who];

	keeping_enter(&room->keeping, &person->session);
	assert_true(keeping_login(&person->session, &room->ada, "12345678", 8));
	hear(room, KEEPER_LOGIN);
	let_in(room, (uint64_t)who + 1);
	assert_int_equal(person->session.id, who + 1);
	return person;
}

static bool
say(struct person *person, const char *text)
{
	return keeping_say(&person->session, RING_MESSAGE, NULL, text,
			   strlen(text));
}

static void
hear_line(struct room *room, uint64_t session, uint64_t number)
{
	hear(room, KEEPER_SAY);
	assert_int_equal(room->asked.head.session, session);
	assert_int_equal(room->asked.head.number, number);
}

static int
open_room(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	room->people = calloc(PEOPLE, sizeof(*room->people));
	*state = room;
	name_parse("ada", 3, &room->ada);
	if (loop_open(&room->loop) < 0 ||
	    keeping_open(&room->keeping, &room->loop) < 0 ||
	    keeping_open(&room->other, &room->loop) < 0 ||
	    ring_create(RING_LEAST, &room->writable, &room->readable) < 0 ||
	    ring_open_writer(&room->ring, room->writable) < 0)
		return -1;
	keeping_use(&room->keeping, &events, room);
	keeping_use(&room->other, &events, room);
	link_up(room, &room->keeping);
	return 0;
}

static int
close_room(void **state)
{
	struct room *room = *state;

	keeping_close(&room->keeping);
	keeping_close(&room->other);
	die(room);
	loop_close(&room->loop);
	ring_close(&room->ring);
	close(room->readable);
	close(room->writable);
	free(room->people);
	free(room);
	return 0;
}

/* --- tests --- */

static void
a_question_has_its_answer(void **state)
{
	struct room *room = *state;
	struct person *person = room->people;
	struct keeper_told told;

	assert_true(room->keeping.link.fd >= 0);
	keeping_enter(&room->keeping, &person->session);
	assert_true(keeping_lookup(&person->session, &room->ada));
	hear(room, KEEPER_LOOKUP);
	assert_memory_equal(room->asked.name, "ada", 3);
	assert_int_equal(person->answers, 0);
	tell(room, answer_to(room, KEEPER_UNKNOWN));
	assert_int_equal(person->answers, 1);
	assert_int_equal(person->last.type, KEEPER_LOOKUP);
	assert_int_equal(person->last.outcome, KEEPER_UNKNOWN);
	/* The same one again is not an answer any more. */
	tell(room, answer_to(room, KEEPER_OK));
	assert_int_equal(person->answers, 1);
	assert_true(keeping_who(&person->session, "bob"));
	hear(room, KEEPER_WHO);
	assert_memory_equal(room->asked.name, "bob", 3);
	told = answer_to(room, KEEPER_OK);
	told.name = "eve";
	told.text = "* dan\n* eve\n";
	told.head.name_length = 3;
	told.head.text_length = 12;
	told.head.count = 5;
	tell(room, told);
	assert_string_equal(person->text, "* dan\n* eve\n");
	assert_string_equal(person->last.more, "eve");
	assert_int_equal(person->last.count, 5);
	keeping_leave(&person->session);
}

static void
who_logs_in_has_a_session(void **state)
{
	struct room *room = *state;
	struct person *person = log_in(room, 4);

	assert_memory_equal(room->asked.text, "12345678", 8);
	assert_int_equal(person->session.id, 5);
	assert_int_equal(person->session.user, 7);
	assert_string_equal(person->session.name, "Ada");
	assert_int_equal(person->last.cursor, 3);
	assert_int_equal(person->last.seq, 2);
	assert_true(say(person, "one"));
	assert_true(say(person, "two"));
	assert_int_equal(person->session.said, 2);
	hear_line(room, 5, 1);
	assert_memory_equal(room->asked.text, "one", 3);
	hear_line(room, 5, 2);
	keeping_leave(&person->session);
}

static void
another_keeper_is_told_and_asked_again(void **state)
{
	struct room *room = *state;
	struct person *person = log_in(room, 0);
	struct person *second = log_in(room, 1);

	say(person, "one");
	hear_line(room, 1, 1);
	tell(room, answer_to(room, KEEPER_OK));
	say(person, "two");
	say(second, "one");
	say(person, "three");
	die(room);
	turn(room);
	assert_false(room->keeping.link.fd >= 0);
	say(person, "four");
	assert_true(keeping_history(&person->session, 20, 1, 2));
	link_up(room, &room->keeping);
	assert_true(room->keeping.link.fd >= 0);
	for (int i = 0; i < 2; i++) {
		hear(room, KEEPER_ATTACH);
		assert_int_equal(room->asked.head.from,
				 room->asked.head.session + 1000);
	}
	hear_line(room, 1, 2);
	hear_line(room, 2, 1);
	hear_line(room, 1, 3);
	hear_line(room, 1, 4);
	hear(room, KEEPER_HISTORY);
	assert_int_equal(room->asked.head.count, 20);
	assert_int_equal(room->asked.head.from, 1);
	assert_int_equal(room->asked.head.until, 2);
	hear_nothing(room);
	keeping_leave(&person->session);
	keeping_leave(&second->session);
}

static void
what_was_said_comes_before_the_leave(void **state)
{
	struct room *room = *state;
	struct person *person = log_in(room, 0);

	say(person, "bye");
	keeping_history(&person->session, 20, 0, 0);
	keeping_leave(&person->session);
	hear_line(room, 1, 1);
	die(room);
	turn(room);
	link_up(room, &room->keeping);
	/* Nobody waits for the history any more. */
	hear(room, KEEPER_ATTACH);
	hear_line(room, 1, 1);
	hear_nothing(room);
	tell(room, answer_to(room, KEEPER_OK));
	hear(room, KEEPER_LEAVE);
	assert_int_equal(room->asked.head.session, 1);
	hear_nothing(room);
	assert_int_equal(person->answers, 1);
	assert_int_equal(room->keeping.unused_count, KEEPER_REQUESTS);
}

static void
who_left_before_he_was_in_is_told_of(void **state)
{
	struct room *room = *state;
	struct person *person = room->people;

	keeping_enter(&room->keeping, &person->session);
	keeping_register(&person->session, &room->ada, "12345678", 8);
	hear(room, KEEPER_REGISTER);
	keeping_leave(&person->session);
	hear_nothing(room);
	let_in(room, 9);
	assert_int_equal(person->answers, 0);
	hear(room, KEEPER_LEAVE);
	assert_int_equal(room->asked.head.session, 9);
}

static void
one_cannot_ask_without_end(void **state)
{
	struct room *room = *state;
	struct person *person = log_in(room, 0);
	char text[KEEPER_TEXT];
	int count = 0;

	memset(text, 'x', sizeof(text));
	die(room);
	turn(room);
	while (keeping_say(&person->session, RING_MESSAGE, NULL, text,
			   sizeof(text)))
		count++;
	assert_int_equal(count, KEEPING_BYTES / (KEEPER_TEXT + 100));
	assert_int_equal(person->session.said, count);
	/* And all together neither: others can still hand over to us. */
	for (int i = 1; i < PEOPLE; i++) {
		struct keeping_session *session = &room->people[i].session;

		keeping_enter(&room->keeping, session);
		while (keeping_lookup(session, &room->ada))
			count++;
	}
	assert_int_equal(count, KEEPER_REQUESTS / 4 * 3);
	for (int i = 0; i < PEOPLE; i++)
		keeping_leave(&room->people[i].session);
	link_up(room, &room->keeping);
}

static void
a_keeper_that_does_not_read_is_waited_for(void **state)
{
	struct room *room = *state;
	struct person *person;
	char text[KEEPER_TEXT];
	int asked = 0;

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 100; i++)
		log_in(room, i);
	for (int i = 0; i < 100; i++)
		for (int k = 0; k < 3; k++)
			asked += keeping_say(&room->people[i].session,
					     RING_MESSAGE, NULL, text,
					     sizeof(text));
	assert_int_equal(asked, 300);
	turn(room);
	assert_true(room->keeping.full);
	for (int i = 0; i < 100; i++)
		for (uint64_t k = 1; k <= 3; k++) {
			hear_line(room, (uint64_t)i + 1, k);
			turn(room);
		}
	hear_nothing(room);
	assert_false(room->keeping.full);
	person = &room->people[99];
	tell(room, answer_to(room, KEEPER_OK));
	assert_int_equal(person->last.number, 3);
	for (int i = 0; i < 100; i++)
		keeping_leave(&room->people[i].session);
}

static void
another_worker_goes_on(void **state)
{
	struct room *room = *state;
	struct person *old = log_in(room, 0), *new = &room->people[1];
	char kept[KEEPING_STATE];
	size_t length;
	int old_keeper;

	say(old, "one");
	say(old, "two");
	hear_line(room, 1, 1);
	tell(room, answer_to(room, KEEPER_OK));
	keeping_who(&old->session, "");
	hear_line(room, 1, 2);
	length = keeping_save(&old->session, kept);
	assert_true(length <= sizeof(kept));
	old->away = true;
	/* The answer comes too late to be told: the next worker asks. */
	tell(room, answer_to(room, KEEPER_OK));
	assert_int_equal(old->answers, 2);
	old_keeper = room->keeper;
	close(room->its_wake);
	link_up(room, &room->other);
	assert_true(keeping_restore(&room->other, &new->session, kept, length));
	hear_nothing(room);
	keeping_forget(&old->session);
	assert_true(recv(old_keeper, room->bytes, sizeof(room->bytes), 0) > 0);
	assert_true(recv(old_keeper, room->bytes, sizeof(room->bytes), 0) > 0);
	assert_int_equal(((struct keeper_request *)(void *)room->bytes)->type,
			 KEEPER_PASS);
	keeping_resume(&new->session);
	assert_int_equal(new->session.id, 1);
	assert_string_equal(new->session.name, "Ada");
	hear(room, KEEPER_ATTACH);
	assert_int_equal(room->asked.head.session, 1);
	assert_int_equal(room->asked.head.from, 1001);
	hear_line(room, 1, 2);
	tell(room, answer_to(room, KEEPER_OK));
	assert_int_equal(new->answers, 1);
	assert_int_equal(new->last.number, 2);
	hear(room, KEEPER_WHO);
	say(new, "three");
	hear_line(room, 1, 3);
	keeping_leave(&new->session);
	close(old_keeper);
}

static void
who_comes_back_asks_again(void **state)
{
	struct room *room = *state;
	struct person *person = log_in(room, 0);

	say(person, "one");
	hear_line(room, 1, 1);
	person->away = true;
	tell(room, answer_to(room, KEEPER_OK));
	assert_int_equal(person->answers, 1);
	person->away = false;
	hear_nothing(room);
	keeping_resume(&person->session);
	hear_line(room, 1, 1);
	tell(room, answer_to(room, KEEPER_OK));
	assert_int_equal(person->answers, 2);
	assert_int_equal(person->last.number, 1);
	keeping_leave(&person->session);
}

static void
a_login_that_changes_hands_is_asked_again(void **state)
{
	struct room *room = *state;
	struct person *old = room->people, *new = &room->people[1];
	char kept[KEEPING_STATE];
	size_t length;
	int old_keeper = room->keeper;

	keeping_enter(&room->keeping, &old->session);
	keeping_login(&old->session, &room->ada, "12345678", 8);
	hear(room, KEEPER_LOGIN);
	length = keeping_save(&old->session, kept);
	old->away = true;
	let_in(room, 3);
	/* That session is nobody's. */
	hear(room, KEEPER_LEAVE);
	assert_int_equal(room->asked.head.session, 3);
	keeping_forget(&old->session);
	close(room->its_wake);
	link_up(room, &room->other);
	assert_true(keeping_restore(&room->other, &new->session, kept, length));
	keeping_resume(&new->session);
	hear(room, KEEPER_LOGIN);
	assert_memory_equal(room->asked.text, "12345678", 8);
	let_in(room, 4);
	assert_int_equal(new->session.id, 4);
	assert_int_equal(new->last.type, KEEPER_LOGIN);
	keeping_leave(&new->session);
	close(old_keeper);
}

static void
a_session_that_the_keeper_ends_is_over(void **state)
{
	struct room *room = *state;
	struct person *person = log_in(room, 0), *second = log_in(room, 1);
	struct keeper_told over = {
		.head = { .outcome = KEEPER_OVER,
			  .session = 1,
			  .text_length = 9 },
		.text = "so it is!",
	};

	say(person, "one");
	tell(room, over);
	assert_int_equal(person->ended, 1);
	assert_string_equal(person->why, "so it is!");
	assert_int_equal(person->session.id, 0);
	hear_line(room, 1, 1);
	tell(room, answer_to(room, KEEPER_OVER));
	assert_int_equal(person->answers, 1);
	keeping_leave(&person->session);
	hear_nothing(room);
	/* While it is on the way to another worker: when it is back. */
	second->away = true;
	over.head.session = 2;
	tell(room, over);
	assert_int_equal(second->ended, 0);
	second->away = false;
	keeping_resume(&second->session);
	assert_int_equal(second->ended, 1);
	/* Or the answer says so. */
	second = log_in(room, 2);
	say(second, "one");
	hear_line(room, 3, 1);
	tell(room, answer_to(room, KEEPER_OVER));
	assert_int_equal(second->ended, 1);
	assert_int_equal(second->answers, 1);
	over.head.session = 99;
	tell(room, over);
}

static void
what_was_saved_badly_is_refused(void **state)
{
	struct room *room = *state;
	struct person *person = log_in(room, 0), *new = &room->people[1];
	char kept[KEEPING_STATE], bad[KEEPING_STATE];
	uint32_t unused;
	size_t length;

	say(person, "one");
	say(person, "two");
	length = keeping_save(&person->session, kept);
	unused = room->keeping.unused_count;
	for (size_t n = 0; n < length; n++) {
		char *exact = malloc(n + 1);

		memcpy(exact + 1, kept, n);
		assert_false(keeping_restore(&room->keeping, &new->session,
					     exact + 1, n));
		free(exact);
	}
	memcpy(bad, kept, length);
	bad[length] = '\0';
	assert_false(keeping_restore(&room->keeping, &new->session, bad,
				     length + 1));
	/* One question more, of no length. */
	bad[32]++;
	memset(bad + length, 0, 4);
	assert_false(keeping_restore(&room->keeping, &new->session, bad,
				     length + 4));
	memset(bad + 32, 0xff, 4); /* so many questions */
	assert_false(
		keeping_restore(&room->keeping, &new->session, bad, length));
	assert_int_equal(room->keeping.unused_count, unused);
	keeping_leave(&person->session);
}

static void
passwords_are_wiped(void **state)
{
	struct room *room = *state;

	log_in(room, 0);
	for (int i = 0; i < KEEPER_REQUESTS; i++)
		assert_null(memmem(room->keeping.pool[i].bytes,
				   KEEPER_REQUEST_MOST, "12345678", 8));
	keeping_leave(&room->people[0].session);
}

static void
lines_are_told_of(void **state)
{
	struct room *room = *state;
	struct ring_entry entry = { .kind = RING_MESSAGE, .length = 2 };
	uint64_t one = 1;

	ring_append(&room->ring, &entry, "x\n");
	ring_publish(&room->ring);
	assert_int_equal(write(room->its_wake, &one, sizeof(one)), 8);
	turn(room);
	assert_int_equal(room->lines, 1);
	assert_int_equal(room->keeping.feed.head, 1);
	assert_int_equal(write(room->its_wake, &one, sizeof(one)), 8);
	turn(room);
	assert_int_equal(room->lines, 1);
	/* What was there before an answer is there before it is told. */
	ring_append(&room->ring, &entry, "y\n");
	ring_publish(&room->ring);
	log_in(room, 0);
	assert_int_equal(room->lines, 2);
	keeping_leave(&room->people[0].session);
}

static void
nonsense_ends_the_link(void **state)
{
	struct room *room = *state;

	assert_int_equal(send(room->keeper, "nonsense", 8, 0), 8);
	turn(room);
	assert_false(room->keeping.link.fd >= 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ROOM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_room, close_room)
		ROOM_TEST(a_question_has_its_answer),
		ROOM_TEST(who_logs_in_has_a_session),
		ROOM_TEST(another_keeper_is_told_and_asked_again),
		ROOM_TEST(what_was_said_comes_before_the_leave),
		ROOM_TEST(who_left_before_he_was_in_is_told_of),
		ROOM_TEST(one_cannot_ask_without_end),
		ROOM_TEST(a_keeper_that_does_not_read_is_waited_for),
		ROOM_TEST(another_worker_goes_on),
		ROOM_TEST(who_comes_back_asks_again),
		ROOM_TEST(a_login_that_changes_hands_is_asked_again),
		ROOM_TEST(a_session_that_the_keeper_ends_is_over),
		ROOM_TEST(what_was_saved_badly_is_refused),
		ROOM_TEST(passwords_are_wiped),
		ROOM_TEST(lines_are_told_of),
		ROOM_TEST(nonsense_ends_the_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
