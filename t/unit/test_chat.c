/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A chat client and its worker, with a keeper that is played: what it answers
 * when it is not well, that nothing is lost while it takes no questions, and
 * what is handed over.
 */
#include "base/clock.h"
#include "ipc/handoff.h"
#include "service/chat.h"
#include "service/registry.h"
#include "worker/conns.h"
#include "worker/peers.h"

#include <bsd/string.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the keeper, as it is played --- */

static struct {
	const struct keeping_events *events;
	void *context;
	bool full;	 /* it takes no questions */
	char asked[512]; /* all questions, "say hello;" */
	int left;	 /* sessions that are over */
	bool nonsense;	 /* what is to be restored makes no sense */
} keeper;

static struct keeping_request *const UNDER_WAY = (void *)&keeper;

void
keeping_use(struct keeping *keeping, const struct keeping_events *events,
	    void *context)
{
	(void)keeping;
	keeper.events = events;
	keeper.context = context;
}

void
keeping_enter(struct keeping *keeping, struct keeping_session *session)
{
	session->keeping = keeping;
	TAILQ_INIT(&session->requests);
}

void
keeping_leave(struct keeping_session *session)
{
	(void)session;
	keeper.left++;
}

static bool
ask(struct keeping_session *session, const char *format, ...)
{
	size_t at = strlen(keeper.asked);
	va_list list;

	if (keeper.full)
		return false;
	va_start(list, format);
	vsnprintf(keeper.asked + at, sizeof(keeper.asked) - at, format, list);
	va_end(list);
	/* All that is looked at is whether there is any. */
	session->requests.tqh_first = UNDER_WAY;
	return true;
}

bool
keeping_lookup(struct keeping_session *session, const struct name *name)
{
	return ask(session, "lookup %s;", name->text);
}

bool
keeping_login(struct keeping_session *session, const struct name *name,
	      const char *password, size_t length)
{
	return ask(session, "login %s %.*s;", name->text, (int)length,
		   password);
}

bool
keeping_register(struct keeping_session *session, const struct name *name,
		 const char *password, size_t length)
{
	return ask(session, "register %s %.*s;", name->text, (int)length,
		   password);
}

bool
keeping_password(struct keeping_session *session, const char *old,
		 size_t old_length, const char *new, size_t new_length)
{
	return ask(session, "password %.*s %.*s;", (int)old_length, old,
		   (int)new_length, new);
}

bool
keeping_say(struct keeping_session *session, enum ring_kind kind,
	    const struct name *to, const char *text, size_t length)
{
	if (!ask(session, "%s %s%s%.*s;", kind == RING_ACTION ? "act" : "say",
		 to ? to->text : "", to ? ": " : "", (int)length, text))
		return false;
	session->said++;
	return true;
}

bool
keeping_history(struct keeping_session *session, uint32_t count, uint64_t from,
		uint64_t until)
{
	return ask(session, "history %u %lu %lu;", count, (unsigned long)from,
		   (unsigned long)until);
}

bool
keeping_who(struct keeping_session *session, const char *after)
{
	return ask(session, "who %s;", after);
}

size_t
keeping_save(const struct keeping_session *session, char *room)
{
	memcpy(room, session->name, sizeof(session->name));
	return sizeof(session->name);
}

void
keeping_forget(struct keeping_session *session)
{
	(void)session;
}

bool
keeping_restore(struct keeping *keeping, struct keeping_session *session,
		const char *state, size_t length)
{
	keeping_enter(keeping, session);
	if (keeper.nonsense || length != sizeof(session->name))
		return false;
	memcpy(session->name, state, length);
	return true;
}

void
keeping_resume(struct keeping_session *session)
{
	(void)session;
}

/* --- a worker with one client --- */

struct bench {
	struct loop loop;
	struct scoreboard scoreboard;
	struct peers peers;
	struct conns conns;
	struct keeping keeping;
	struct service_config config;
	struct instance instance;
	struct scoreboard_slot slot;
	struct complaints complaints;
	char *map;
	int client;
};

static void
changed(struct conns *conns)
{
	(void)conns;
}

static int
connect_one(struct bench *bench)
{
	struct addr nobody = { .length = sizeof(sa_family_t),
			       .sa = { .sa_family = AF_UNIX } };
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_true(conn_open(&bench->instance, 0, ends[1], &nobody));
	return ends[0];
}

static int
make_bench(void **state)
{
	const struct service *service = registry_find("chat");
	struct bench *bench = calloc(1, sizeof(*bench));
	struct chat_settings *settings = malloc(service->settings_size);

	memset(&keeper, 0, sizeof(keeper));
	bench->map = calloc(1, SCOREBOARD_SIZE);
	bench->scoreboard.map = bench->map;
	assert_int_equal(loop_open(&bench->loop), 0);
	peers_init(&bench->peers, &bench->scoreboard, 0, 1);
	conns_init(&bench->conns, &bench->loop, &bench->peers, 0, changed);
	memcpy(settings, service->defaults, service->settings_size);
	settings->login_pause = 0.01;
	settings->lines_per_second = 0;
	bench->config.service = service;
	bench->config.settings = settings;
	service->configure(&bench->config, NULL, &bench->complaints);
	assert_int_equal(bench->complaints.count, 0);
	bench->instance.config = &bench->config;
	bench->instance.conns = &bench->conns;
	bench->instance.keeping = &bench->keeping;
	bench->instance.tally = &bench->slot.services[0];
	TAILQ_INIT(&bench->instance.blocked);
	feed_init(&bench->keeping.feed);
	assert_int_equal(service->start(&bench->instance), 0);
	bench->client = connect_one(bench);
	*state = bench;
	return 0;
}

static int
free_bench(void **state)
{
	struct bench *bench = *state;

	while (bench->instance.member_count)
		conn_close(bench->instance.members[0], CONN_STOPPING);
	bench->config.service->stop(&bench->instance);
	bench->config.service->release(&bench->config);
	close(bench->client);
	free(bench->config.settings);
	free(bench->instance.members);
	conns_free(&bench->conns);
	loop_close(&bench->loop);
	free(bench->map);
	free(bench);
	return 0;
}

static void
turn(struct bench *bench, int milliseconds)
{
	struct epoll_event events[16];
	int n = epoll_wait(bench->loop.epfd, events, 16, milliseconds);

	for (int i = 0; i < n; i++) {
		struct loop_source *source = events[i].data.ptr;

		source->ready(source, events[i].events);
	}
}

static struct chat_client *
client_of(struct bench *bench)
{
	return bench->instance.members[0]->own.pointer;
}

static void
type(struct bench *bench, const char *text)
{
	assert_int_equal(send(bench->client, text, strlen(text), 0),
			 strlen(text));
	turn(bench, 0);
}

static void
expect(struct bench *bench, const char *text)
{
	char bytes[4096];
	ssize_t n = recv(bench->client, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);

	bytes[n > 0 ? n : 0] = '\0';
	assert_string_equal(bytes, text);
}

static void
expect_asked(const char *text)
{
	assert_string_equal(keeper.asked, text);
	keeper.asked[0] = '\0';
}

static void
answer_with(struct bench *bench, struct keeping_answer answer)
{
	struct keeping_session *session = &client_of(bench)->session;

	if (!answer.text)
		answer.text = "";
	answer.length = strlen(answer.text);
	TAILQ_INIT(&session->requests);
	keeper.events->answered(session, &answer);
	/* What was not read meanwhile. */
	turn(bench, 0);
}

static void
answer(struct bench *bench, enum keeper_type type, enum keeper_outcome outcome,
       const char *text)
{
	answer_with(bench, (struct keeping_answer){
				   .type = type,
				   .outcome = outcome,
				   .text = text,
				   .number = client_of(bench)->session.said });
}

/* The client is in the room. */
static void
enter(struct bench *bench)
{
	expect(bench, "name: ");
	type(bench, "ada\n");
	expect_asked("lookup ada;");
	answer(bench, KEEPER_LOOKUP, KEEPER_OK, NULL);
	expect(bench, "password: ");
	type(bench, "a secret\n");
	expect_asked("login ada a secret;");
	strcpy(client_of(bench)->session.name, "ada");
	client_of(bench)->session.id = 7;
	answer(bench, KEEPER_LOGIN, KEEPER_OK, NULL);
	expect(bench, "* welcome, ada; /help tells what there is\n");
}

/* --- what the keeper answers --- */

/* OUTCOME of a login, what the client is told, and whether it is a try. */
static void
expect_refusal(struct bench *bench, enum keeper_outcome outcome,
	       const char *text, const char *told, bool is_try)
{
	struct chat_client *client = client_of(bench);

	client->tries = 0;
	expect(bench, "name: ");
	type(bench, "ada\n");
	answer(bench, KEEPER_LOOKUP, KEEPER_OK, NULL);
	expect(bench, "password: ");
	type(bench, "a secret\n");
	answer(bench, KEEPER_LOGIN, outcome, text);
	expect(bench, told);
	assert_int_equal(client->tries, is_try);
	/* The pause. */
	turn(bench, 10000);
}

static void
logins_that_fail(void **state)
{
	struct bench *bench = *state;

	expect_refusal(bench, KEEPER_WRONG, NULL,
		       "! that is not the password of ada\n", true);
	expect_refusal(bench, KEEPER_BUSY, NULL,
		       "! too many log in at once, try again\n", false);
	expect_refusal(bench, KEEPER_TROUBLE, "disk I/O error",
		       "! nobody can log in just now: disk I/O error\n", false);
	expect_refusal(bench, KEEPER_UNKNOWN, NULL,
		       "! nobody here is called ada\n", true);
	expect_refusal(bench, KEEPER_TAKEN, NULL,
		       "! somebody else is called ada now\n", true);
	expect_refusal(bench, KEEPER_REFUSED, "a name must be nice",
		       "! a name must be nice\n", true);
}

static void
a_lookup_that_fails(void **state)
{
	struct bench *bench = *state;

	expect(bench, "name: ");
	type(bench, "ada\n");
	answer(bench, KEEPER_LOOKUP, KEEPER_TROUBLE, "no such file");
	expect(bench, "! nobody can log in just now: no such file\n");
	turn(bench, 10000);
	expect(bench, "name: ");
	type(bench, "ada\n");
	answer(bench, KEEPER_LOOKUP, KEEPER_UNKNOWN, NULL);
	expect(bench, "new name, choose a password: ");
}

static void
lines_that_are_not_stored(void **state)
{
	struct bench *bench = *state;

	enter(bench);
	type(bench, "hello\n");
	answer(bench, KEEPER_SAY, KEEPER_TROUBLE, "database or disk is full");
	expect(bench, "! this was not stored: database or disk is full\n");
	type(bench, "/msg bob hello\n");
	answer(bench, KEEPER_SAY, KEEPER_TROUBLE, "locked");
	expect(bench, "! this was not stored: locked\n");
	type(bench, "/history\n");
	answer(bench, KEEPER_HISTORY, KEEPER_TROUBLE, "locked");
	expect(bench, "! that cannot be shown just now: locked\n");
	type(bench, "/passwd\nold one\nthe new one\n");
	expect(bench, "old password: new password: ");
	answer(bench, KEEPER_PASSWORD, KEEPER_TROUBLE, "locked");
	expect(bench, "! your password is as it was: locked\n");
	keeper.asked[0] = '\0';
	type(bench, "still here\n");
	expect_asked("say still here;");
}

static void
a_session_that_is_over_ends(void **state)
{
	struct bench *bench = *state;

	enter(bench);
	type(bench, "hello\n");
	answer(bench, KEEPER_SAY, KEEPER_OVER, NULL);
	expect(bench, "! you are not logged in any more\n");
	assert_int_equal(recv(bench->client, &(char){ 0 }, 1, 0), 0);
	assert_int_equal(keeper.left, 1);
}

static void
a_session_that_is_ended_says_why(void **state)
{
	struct bench *bench = *state;

	enter(bench);
	keeper.events->ended(&client_of(bench)->session,
			     "an operator has removed ada");
	expect(bench, "! an operator has removed ada\n");
	assert_int_equal(recv(bench->client, &(char){ 0 }, 1, 0), 0);
}

/* --- no room with the keeper --- */

static void
nothing_is_lost_while_the_keeper_takes_no_questions(void **state)
{
	struct bench *bench = *state;
	char burst[3000];

	enter(bench);
	keeper.full = true;
	type(bench, "one\ntwo\n/who\nthr");
	type(bench, "ee\n");
	memset(burst, 'x', sizeof(burst));
	/* What it cannot take is not read: the kernel has it. */
	for (int i = 0; i < 20; i++)
		if (send(bench->client, burst, sizeof(burst), 0) > 0)
			turn(bench, 0);
	assert_true(client_of(bench)->kept_length <= CHAT_KEPT);
	assert_true(bench->instance.members[0]->flags & CONN_HELD);
	expect_asked("");
	keeper.full = false;
	/* An answer to whoever else makes room. */
	answer(bench, KEEPER_SAY, KEEPER_OK, NULL);
	expect_asked("say one;say two;who ;");
	answer(bench, KEEPER_WHO, KEEPER_OK, "* ada\n");
	expect(bench, "* ada\n* in all: 0\n"
		      "! a line has at most 1,024 bytes\n");
	expect_asked("say three;");
	assert_false(bench->instance.members[0]->flags & CONN_HELD);
}

static void
pages_follow_each_other_as_they_are_taken(void **state)
{
	struct bench *bench = *state;
	struct conn *conn = bench->instance.members[0];
	struct keeping_answer page = { .type = KEEPER_HISTORY,
				       .outcome = KEEPER_OK };
	char text[KEEPER_PAGE + 1];
	char bytes[65536];
	int pages = 0;

	enter(bench);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	page.text = text;
	type(bench, "/history 1000\n");
	expect_asked("history 1000 0 0;");
	for (;;) {
		page.seq = (uint64_t)++pages;
		page.count = 900;
		answer_with(bench, page);
		/* Nothing more is asked for than it takes. */
		if (conn_owes(conn) > 0)
			break;
		assert_true(keeper.asked[0]);
		keeper.asked[0] = '\0';
		assert_true(pages < 1000);
	}
	assert_true(conn_owes(conn) <= HANDOFF_OWED);
	expect_asked("");
	while (recv(bench->client, bytes, sizeof(bytes), 0) > 0)
		turn(bench, 0);
	snprintf(bytes, sizeof(bytes), "history 900 %d 0;", pages);
	expect_asked(bytes);
}

static void
who_is_here_in_pages(void **state)
{
	struct bench *bench = *state;

	enter(bench);
	type(bench, "/who\nhello\n");
	expect_asked("who ;");
	answer_with(bench, (struct keeping_answer){ .type = KEEPER_WHO,
						    .text = "* ada\n",
						    .more = "ada" });
	expect_asked("who ada;");
	answer_with(bench, (struct keeping_answer){ .type = KEEPER_WHO,
						    .text = "* bob\n",
						    .count = 3 });
	expect(bench, "* ada\n* bob\n* in all: 3\n");
	expect_asked("say hello;");
}

/* --- the hand-off --- */

/* It goes on in another worker, which is this one. */
static void
pass_on(struct bench *bench)
{
	const struct service *service = bench->config.service;
	struct conn *conn = bench->instance.members[0];
	static char room[HANDOFF_STATE];
	size_t length = service->save(conn, room);

	assert_true(length <= HANDOFF_STATE);
	service->forget(conn);
	assert_null(conn->own.pointer);
	/* Nothing that was cut short is taken for a client. */
	for (size_t i = 0; i < length; i += 7)
		assert_false(service->restore(conn, room, i));
	keeper.nonsense = true;
	assert_false(service->restore(conn, room, length));
	keeper.nonsense = false;
	assert_true(service->restore(conn, room, length));
	service->resume(conn);
}

static void
each_stage_goes_on_in_another_worker(void **state)
{
	struct bench *bench = *state;

	expect(bench, "name: ");
	type(bench, "a");
	pass_on(bench);
	type(bench, "da\nkept for ");
	expect_asked("lookup ada;");
	pass_on(bench);
	type(bench, "later\n");
	expect_asked("");
	answer(bench, KEEPER_LOOKUP, KEEPER_OK, NULL);
	expect(bench, "password: ");
	expect_asked("login ada kept for later;");
	pass_on(bench);
	answer(bench, KEEPER_LOGIN, KEEPER_WRONG, NULL);
	expect(bench, "! that is not the password of ada\n");
	pass_on(bench);
	turn(bench, 10000);
	enter(bench);
	type(bench, "/ack on\n/msg bob hello\n");
	expect(bench, "* each line is acknowledged\n");
	pass_on(bench);
	answer_with(bench, (struct keeping_answer){ .type = KEEPER_SAY,
						    .seq = 9,
						    .absent = true });
	expect(bench, "+ 9\n* bob is not here, and will find it in the "
		      "history\n");
	keeper.asked[0] = '\0';
	type(bench, "/passwd\nthe old one\n");
	expect(bench, "old password: new password: ");
	pass_on(bench);
	type(bench, "the new one\n");
	expect_asked("password the old one the new one;");
	pass_on(bench);
	answer(bench, KEEPER_PASSWORD, KEEPER_OK, NULL);
	expect(bench, "* your password is changed\n");
}

static void
a_limit_of_idleness_comes_and_goes_with_the_worker(void **state)
{
	struct bench *bench = *state;
	struct chat_settings *settings = bench->config.settings;

	enter(bench);
	assert_int_equal(client_of(bench)->due.kind, CHAT_DUE_NEVER);
	settings->idle_seconds = 1000;
	pass_on(bench);
	assert_int_equal(client_of(bench)->due.kind, CHAT_DUE_IDLE);
	settings->idle_seconds = 0;
	pass_on(bench);
	assert_int_equal(client_of(bench)->due.kind, CHAT_DUE_NEVER);
}

static void
whose_time_comes_while_it_is_offered_is_left_alone(void **state)
{
	struct bench *bench = *state;
	struct conn *conn = bench->instance.members[0];

	expect(bench, "name: ");
	type(bench, "ada\n");
	answer(bench, KEEPER_LOOKUP, KEEPER_OK, NULL);
	type(bench, "a secret\n");
	answer(bench, KEEPER_LOGIN, KEEPER_WRONG, NULL);
	expect(bench, "password: ! that is not the password of ada\n");
	conn_offer(conn);
	turn(bench, 10000);
	expect(bench, "");
	conn_reclaim(conn);
	for (int i = 0; i < 100 && client_of(bench)->stage == CHAT_PAUSE; i++)
		turn(bench, 10000);
	expect(bench, "name: ");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)
	const struct CMUnitTest tests[] = {
		TEST(logins_that_fail),
		TEST(a_lookup_that_fails),
		TEST(lines_that_are_not_stored),
		TEST(a_session_that_is_over_ends),
		TEST(a_session_that_is_ended_says_why),
		TEST(nothing_is_lost_while_the_keeper_takes_no_questions),
		TEST(pages_follow_each_other_as_they_are_taken),
		TEST(who_is_here_in_pages),
		TEST(each_stage_goes_on_in_another_worker),
		TEST(a_limit_of_idleness_comes_and_goes_with_the_worker),
		TEST(whose_time_comes_while_it_is_offered_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
