/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What operators ask of the keeper.
 */
#include "keeper_room.h"

/* --- tests: operators --- */

static int
operator(struct room *room, const char *question)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	order_text(room, KEEPER_ORDER_ANSWER, question, &ends[0], 1);
	close(ends[0]);
	return ends[1];
}

/* All that an operator is told, to the end. */
static char *
told_to(int fd)
{
	char *text = calloc(1, 1 << 20);
	struct timeval limit = { .tv_sec = 10 };
	size_t length = 0;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while ((n = read(fd, text + length, (1 << 20) - 1 - length)) > 0)
		length += (size_t)n;
	assert_int_equal(n, 0);
	close(fd);
	return text;
}

static void
assert_told(struct room *room, const char *question, const char *wanted)
{
	char *text = told_to(operator(room, question));

	if (!strstr(text, wanted))
		fail_msg("%s: %s", question, text);
	free(text);
}

static int
lines_of(const char *text)
{
	int count = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		count++;
	}
	return count;
}

static void
operators_see_who_is_registered(void **state)
{
	struct room *room = *state;
	char *text;

	assert_told(room, "users", "{\"ok\":true}\n");
	log_in(&room->a, KEEPER_REGISTER, "ada");
	log_in(&room->b, KEEPER_LOGIN, "ada");
	log_in(&room->b, KEEPER_REGISTER, "Bob");
	text = told_to(operator(room, "users"));
	assert_int_equal(lines_of(text), 3);
	assert_memory_equal(text, "{\"user\":{\"name\":\"ada\",", 22);
	assert_non_null(strstr(text, "\"sessions\":2}}\n"));
	assert_non_null(strstr(text, "\"name\":\"Bob\""));
	assert_null(strstr(text, "$y$"));
	free(text);
}

static void
a_user_that_is_removed_is_gone(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	struct login bob = log_in(&room->b, KEEPER_REGISTER, "bob");

	say(&room->a, &ada, 1, "hello");
	assert_told(room, "users del eve",
		    "{\"ok\":false,\"error\":\"there is no user "
		    "\\\"eve\\\"\",\"exit\":1}\n");
	assert_told(room, "users del e v", "\"exit\":64}\n");
	assert_told(room, "users del ADA", "{\"ok\":true,\"removed\":1}\n");
	assert_int_equal(hear(&room->a), KEEPER_OVER);
	assert_int_equal(room->a.told.head.session, ada.session);
	assert_text(room->a.told.text, room->a.told.head.text_length,
		    "your name was removed");
	assert_int_equal(ask(&room->a, line(&ada, 2, "", "I?")), KEEPER_OVER);
	assert_int_equal(
		ask(&room->a, account(KEEPER_LOGIN, "ada", "correct horse")),
		KEEPER_WRONG);
	assert_int_equal(say(&room->b, &bob, 1, "he is gone"), 2);
	assert_ring(room, 4, "* ada has left");
	assert_int_equal(stored(room), 2);
	/* Who takes the name is somebody else. */
	assert_true(log_in(&room->a, KEEPER_REGISTER, "ada").user > bob.user);
}

static void
who_is_removed_while_he_logs_in_is_not_let_in(void **state)
{
	struct room *room = *state;

	log_in(&room->a, KEEPER_REGISTER, "ada");
	send_request(&room->b, account(KEEPER_LOGIN, "ada", "correct horse"));
	assert_told(room, "users del ada", "{\"ok\":true,\"removed\":1}\n");
	assert_int_equal(hear(&room->b), KEEPER_WRONG);
}

static void
all_users_can_be_removed(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");

	say(&room->a, &ada, 1, "hello");
	log_in(&room->b, KEEPER_REGISTER, "bob");
	assert_told(room, "users clear", "{\"ok\":true,\"removed\":2}\n");
	assert_int_equal(hear(&room->a), KEEPER_OVER);
	assert_int_equal(hear(&room->b), KEEPER_OVER);
	assert_told(room, "users", "{\"ok\":true}\n");
	assert_int_equal(stored(room), 1);
	assert_int_equal(logged(room, "user removed"), 1);
}

static void
operators_see_the_history_and_clear_it(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	char *text;

	for (uint64_t n = 1; n <= 200; n++)
		say(&room->a, &ada, n, "\"quoted\"");
	assert_int_equal(ask(&room->a, line(&ada, 201, "ada", "me")),
			 KEEPER_OK);
	text = told_to(operator(room, "history 150"));
	assert_int_equal(lines_of(text), 151);
	assert_memory_equal(text, "{\"message\":{\"seq\":52,", 21);
	assert_non_null(strstr(text, "\"from\":\"ada\",\"text\":"
				     "\"\\\"quoted\\\"\"}}\n"));
	assert_non_null(strstr(text, "\"text\":\"me\",\"to\":\"ada\"}}\n"));
	free(text);
	text = told_to(operator(room, "history 100000"));
	assert_int_equal(lines_of(text), 202);
	free(text);
	assert_told(room, "history 0", "\"exit\":64}\n");
	assert_told(room, "history x", "\"exit\":64}\n");
	assert_told(room, "history clear", "{\"ok\":true,\"removed\":201}\n");
	assert_told(room, "history 10", "{\"ok\":true}\n");
	assert_int_equal(stored(room), 0);
	assert_int_equal(say(&room->a, &ada, 202, "new"), 202);
	assert_told(room, "what?", "\"exit\":64}\n");
}

static void
a_slow_operator_holds_up_nobody(void **state)
{
	struct room *room = *state;
	struct login ada = log_in(&room->a, KEEPER_REGISTER, "ada");
	int fds[OPERATOR_PEERS];
	char text[1001] = "", *answer;

	memset(text, 'x', 1000);
	for (uint64_t n = 1; n <= 500; n++)
		say(&room->a, &ada, n, text);
	for (int i = 0; i < OPERATOR_PEERS; i++)
		fds[i] = operator(room, "history 500");
	say(&room->a, &ada, 501, "hello");
	assert_told(room, "users", "\"exit\":75}\n");
	for (int i = 0; i < OPERATOR_PEERS; i++) {
		answer = told_to(fds[i]);
		assert_true(lines_of(answer) > 500);
		free(answer);
	}
	assert_told(room, "users", "{\"ok\":true}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define ROOM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_room, close_room)
		ROOM_TEST(operators_see_who_is_registered),
		ROOM_TEST(a_user_that_is_removed_is_gone),
		ROOM_TEST(who_is_removed_while_he_logs_in_is_not_let_in),
		ROOM_TEST(all_users_can_be_removed),
		ROOM_TEST(operators_see_the_history_and_clear_it),
		ROOM_TEST(a_slow_operator_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
