/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker whose memory is out: what a client would need costs that client,
 * what a line would need costs that line, and both are counted.
 */
#include "base/clock.h"
#include "service/registry.h"
#include "worker/accept.h"
#include "worker/conns.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* How many allocations more there is memory for; -1: for all. */
static int memory = -1;
/* Whether epoll can watch one more. */
static bool watches = true;
/* How much of the next lines goes out; -1: all of it. */
static ssize_t takes = -1;
static int64_t the_time;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
int __real_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);
int __wrap_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);
ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
int64_t __wrap_clock_realtime(void);

static bool
granted(void)
{
	if (memory == 0) {
		errno = ENOMEM;
		return false;
	}
	if (memory > 0)
		memory--;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return granted() ? __real_malloc(size) : NULL;
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return granted() ? __real_calloc(count, size) : NULL;
}

void *
__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return granted() ? __real_reallocarray(old, count, size) : NULL;
}

int
__wrap_loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	if (watches)
		return __real_loop_add(loop, source, events);
	errno = ENOMEM;
	return -1;
}

ssize_t
__wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	if (takes == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (takes > 0 && (size_t)takes < length)
		length = (size_t)takes;
	return __real_send(fd, bytes, length, flags);
}

int64_t
__wrap_clock_realtime(void)
{
	return the_time;
}

/* ---- The bench: a stream of seconds --------------------------------------- */

struct bench {
	struct loop loop;
	struct scoreboard scoreboard;
	struct peers peers;
	struct conns conns;
	struct service_config config;
	struct instance instance;
	struct scoreboard_slot slot;
	struct tally *tally;
	struct accept_listener listener;
	char *map; /* of a scoreboard that nobody else is on */
};

static void
changed(struct conns *conns)
{
	(void)conns;
}

static void
configure(struct service_config *config)
{
	const struct service *stream = registry_find("stream");
	struct complaints complaints = { 0 };
	config_setting_t *group;
	config_t text;

	config_init(&text);
	assert_true(config_read_string(
		&text, "s = { format = \"%s\"; timezone = \"UTC\"; };"));
	group = config_lookup(&text, "s");
	config->service = stream;
	config->settings = malloc(stream->settings_size);
	assert_non_null(config->settings);
	memcpy(config->settings, stream->defaults, stream->settings_size);
	settings_read(group, stream->settings, config->settings, NULL, NULL,
		      &complaints);
	stream->configure(config, group, &complaints);
	assert_int_equal(complaints.count, 0);
	config_destroy(&text);
}

static int
make_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	memory = -1;
	watches = true;
	takes = -1;
	the_time = 1000 * CLOCK_SECOND;
	bench->map = calloc(1, SCOREBOARD_SIZE);
	bench->scoreboard.map = bench->map;
	assert_int_equal(loop_open(&bench->loop), 0);
	peers_init(&bench->peers, &bench->scoreboard, 0, 1);
	conns_init(&bench->conns, &bench->loop, &bench->peers, 0, changed);
	bench->conns.listeners = &bench->listener;
	configure(&bench->config);
	bench->tally = &bench->slot.services[0];
	bench->instance.config = &bench->config;
	bench->instance.conns = &bench->conns;
	bench->instance.tally = bench->tally;
	bench->instance.lateness = &bench->slot.lateness;
	bench->instance.due = 1001 * CLOCK_SECOND;
	TAILQ_INIT(&bench->instance.blocked);
	assert_int_equal(bench->config.service->start(&bench->instance), 0);
	*state = bench;
	return 0;
}

static int
free_bench(void **state)
{
	struct bench *bench = *state;

	memory = -1;
	while (bench->instance.member_count)
		conn_close(bench->instance.members[0], CONN_STOPPING);
	bench->config.service->stop(&bench->instance);
	free(bench->instance.members);
	conns_free(&bench->conns);
	loop_close(&bench->loop);
	bench->config.service->release(&bench->config);
	free(bench->config.settings);
	free(bench->map);
	free(bench);
	return 0;
}

/* A new client, whom the worker takes in or not; its end of the socket. */
static int
come(struct bench *bench, bool welcome)
{
	struct addr nobody = { .length = sizeof(sa_family_t),
			       .sa = { .sa_family = AF_UNIX } };
	int ends[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(conn_open(&bench->instance, 0, ends[1], &nobody),
			 welcome);
	return ends[0];
}

static void
expect_text(int fd, const char *text)
{
	char bytes[64];
	ssize_t n = recv(fd, bytes, sizeof(bytes) - 1, 0);

	assert_true(n >= 0);
	bytes[n] = '\0';
	assert_string_equal(bytes, text);
}

/* The worker has closed this one, without a word. */
static void
expect_end(int fd)
{
	expect_text(fd, "");
	close(fd);
}

static void
tick(struct bench *bench, int64_t second)
{
	the_time = second * CLOCK_SECOND;
	bench->config.service->tick(&bench->instance, the_time, false);
	bench->instance.due = the_time + CLOCK_SECOND;
}

/* The number that the next descriptor will have. */
static int
next_descriptor(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	close(fd);
	return fd;
}

/* ---- Those who come ------------------------------------------------------- */

static void
the_first_client_is_refused_and_the_next_one_served(void **state)
{
	struct bench *bench = *state;
	int before = next_descriptor();
	int client;

	/* The list of chunks, a chunk, the list of members. */
	for (int i = 0; i < 3; i++) {
		memory = i;
		expect_end(come(bench, false));
		assert_int_equal(bench->tally->refused, i + 1);
		assert_int_equal(bench->conns.count, 0);
		assert_int_equal(bench->instance.member_count, 0);
	}
	memory = -1;
	watches = false;
	expect_end(come(bench, false));
	assert_int_equal(bench->tally->refused, 4);
	assert_int_equal(bench->instance.member_count, 0);
	assert_int_equal(next_descriptor(), before);
	assert_int_equal(bench->tally->accepted, 0);

	watches = true;
	client = come(bench, true);
	expect_text(client, "1000\n");
	close(client);
}

static void
those_who_are_there_miss_nothing(void **state)
{
	struct bench *bench = *state;
	int clients[CONN_CHUNK];
	char line[8] = "1000\n";

	for (int i = 0; i < CONN_CHUNK; i++) {
		clients[i] = come(bench, true);
		expect_text(clients[i], line);
	}
	for (int second = 1; second < 10; second++) {
		if (second > 1) {
			memory = 0;
			expect_end(come(bench, false));
			assert_int_equal(bench->tally->refused, second - 1);
		}
		tick(bench, 1000 + second);
		line[3] = (char)('0' + second);
		for (int i = 0; i < CONN_CHUNK; i++)
			expect_text(clients[i], line);
	}
	memory = -1;
	close(come(bench, true));
	assert_int_equal(bench->tally->accepted, CONN_CHUNK + 1);
	assert_int_equal(bench->tally->closed, 0);
	for (int i = 0; i < CONN_CHUNK; i++)
		close(clients[i]);
}

static void
who_cannot_have_a_first_line_is_closed(void **state)
{
	struct bench *bench = *state;
	int client = come(bench, true);
	int slow, other;

	expect_text(client, "1000\n");
	/* Because of him the first line of this second must be kept. */
	takes = 2;
	slow = come(bench, true);
	expect_text(slow, "10");
	takes = -1;
	the_time += CLOCK_SECOND;
	memory = 0;
	/* The second one must not get the line that the first could not. */
	expect_end(come(bench, true));
	expect_end(come(bench, true));
	assert_int_equal(bench->tally->accepted, 4);
	assert_int_equal(bench->tally->closed, 2);
	assert_int_equal(bench->conns.count, 2);
	memory = -1;
	other = come(bench, true);
	expect_text(other, "1001\n");
	close(client);
	close(slow);
	close(other);
}

/* ---- Lines ---------------------------------------------------------------- */

static void
a_line_is_skipped_for_all(void **state)
{
	struct bench *bench = *state;
	int client = come(bench, true);
	int slow = come(bench, true);

	expect_text(client, "1000\n");
	expect_text(slow, "1000\n");
	tick(bench, 1001);
	expect_text(client, "1001\n");
	expect_text(slow, "1001\n");
	/* One who owes a part of a line keeps that line. */
	takes = 2;
	tick(bench, 1002);
	takes = -1;
	expect_text(client, "10");
	expect_text(slow, "10");
	memory = 0;
	tick(bench, 1003);
	assert_int_equal(bench->tally->skipped, 2);
	assert_int_equal(bench->instance.member_count, 2);
	memory = -1;
	for (uint32_t i = 0; i < bench->instance.member_count; i++) {
		struct conn *conn = bench->instance.members[i];

		conn->source.ready(&conn->source, EPOLLOUT);
	}
	tick(bench, 1004);
	expect_text(client, "02\n1004\n");
	expect_text(slow, "02\n1004\n");
	assert_int_equal(bench->tally->skipped, 2);
	close(client);
	close(slow);
}

/* ---- Those who are behind -------------------------------------------------- */

static struct conn *
newest(const struct bench *bench)
{
	return bench->instance.members[bench->instance.member_count - 1];
}

/* One who has the line of this second; *CONN is his. */
static int
listen_in(struct bench *bench, struct conn **conn)
{
	int client = come(bench, true);

	expect_text(client, "1000\n");
	*conn = newest(bench);
	return client;
}

static void
a_part_that_cannot_be_remembered_ends_it(void **state)
{
	struct bench *bench = *state;
	struct conn *conn;
	int client = listen_in(bench, &conn);
	int other;

	tick(bench, 1001);
	expect_text(client, "1001\n");
	takes = 2;
	memory = 0;
	tick(bench, 1002);
	assert_int_equal(bench->instance.member_count, 0);
	assert_int_equal(bench->tally->closed, 1);
	/* What went out is counted, and is no line. */
	assert_int_equal(bench->tally->bytes_out, 5 + 5 + 2);
	assert_int_equal(bench->tally->ticks, 2);
	expect_text(client, "10");
	expect_end(client);
	takes = -1;
	memory = -1;
	other = come(bench, true);
	expect_text(other, "1002\n");
	close(other);
}

static void
who_takes_nothing_is_skipped_and_stays(void **state)
{
	struct bench *bench = *state;
	struct conn *conn;
	int client = listen_in(bench, &conn);

	bench->config.stall = 1;
	tick(bench, 1001);
	expect_text(client, "1001\n");
	takes = 0;
	memory = 0;
	for (int second = 1002; second < 1005; second++)
		tick(bench, second);
	assert_int_equal(bench->tally->skipped, 3);
	/* Nobody knows for how long, and so nobody holds it against him. */
	assert_null(conn->debt);
	conn_close_stalled(&bench->instance);
	assert_int_equal(bench->instance.member_count, 1);
	takes = -1;
	tick(bench, 1005);
	expect_text(client, "1005\n");
	takes = 0;
	memory = -1;
	tick(bench, 1006);
	assert_non_null(conn->debt);
	conn_close_stalled(&bench->instance);
	assert_int_equal(bench->instance.member_count, 0);
	expect_end(client);
}

static void
what_is_his_alone_is_kept_or_he_goes(void **state)
{
	struct bench *bench = *state;
	struct iovec part = { (char[]){ "abcd" }, 4 };
	struct conn *conn;
	size_t sent;
	int client;

	/* A copy of the rest, and the debt. */
	for (int i = 0; i < 2; i++) {
		client = listen_in(bench, &conn);
		takes = 1;
		memory = i;
		assert_int_equal(conn_write(conn, &part, 1), CONN_GONE);
		takes = memory = -1;
		expect_text(client, "a");
		expect_end(client);
	}
	client = listen_in(bench, &conn);
	takes = 1;
	memory = 0;
	assert_int_equal(conn_push(conn, &part, 1, &sent), CONN_GONE);
	assert_int_equal(bench->tally->closed, 3);
	takes = memory = -1;
	expect_text(client, "a");
	expect_end(client);
	client = listen_in(bench, &conn);
	takes = 1;
	memory = 2;
	assert_int_equal(conn_write(conn, &part, 1), CONN_PARTLY);
	/* Who has a debt needs memory for the bytes alone. */
	memory = 1;
	assert_true(conn_owe(conn, "ef", 2));
	assert_false(conn_owe(conn, "gh", 2));
	assert_int_equal(conn_owes(conn), 5);
	takes = -1;
	conn->source.ready(&conn->source, EPOLLOUT);
	expect_text(client, "abcdef");
	close(client);
}

/* ---- Those who change hands while they are behind ------------------------- */

static void
a_return_needs_no_memory(void **state)
{
	struct bench *bench = *state;
	struct conn *conn;
	int client = listen_in(bench, &conn);
	uint64_t since;

	takes = 2;
	tick(bench, 1001);
	since = conn->debt->since;
	memory = 0;
	conn_offer(conn);
	assert_true(TAILQ_EMPTY(&bench->instance.blocked));
	conn_reclaim(conn);
	assert_ptr_equal(TAILQ_FIRST(&bench->instance.blocked)->conn, conn);
	assert_int_equal(conn->debt->since, since);
	takes = -1;
	conn->source.ready(&conn->source, EPOLLOUT);
	expect_text(client, "1001\n");
	close(client);
}

static void
who_cannot_be_taken_over_is_closed(void **state)
{
	struct bench *bench = *state;
	struct handoff_conn saved;
	struct conn *conn;
	const char *owed;
	char rest[8];
	int client = listen_in(bench, &conn);
	int fd = dup(conn->source.fd);
	int before;

	takes = 2;
	tick(bench, 1001);
	conn_save(conn, &saved, &owed);
	assert_true(saved.flags & CONN_BLOCKED);
	assert_int_equal(saved.owed, 3);
	memcpy(rest, owed, saved.owed);
	conn_offer(conn);
	conn_give(conn);
	before = next_descriptor();
	/* The debt, what is owed. */
	for (int i = 0; i < 2; i++) {
		memory = i;
		assert_null(
			conn_restore(&bench->instance, dup(fd), &saved, rest));
		assert_int_equal(next_descriptor(), before);
		assert_int_equal(bench->tally->closed, i + 1);
	}
	/* There are a struct and a place for it. */
	memory = 2;
	conn = conn_restore(&bench->instance, fd, &saved, rest);
	assert_non_null(conn);
	assert_int_equal(conn->debt->since, saved.blocked_since);
	takes = -1;
	conn->source.ready(&conn->source, EPOLLOUT);
	expect_text(client, "1001\n");
	close(client);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, free_bench)
	const struct CMUnitTest tests[] = {
		TEST(the_first_client_is_refused_and_the_next_one_served),
		TEST(those_who_are_there_miss_nothing),
		TEST(who_cannot_have_a_first_line_is_closed),
		TEST(a_line_is_skipped_for_all),
		TEST(a_part_that_cannot_be_remembered_ends_it),
		TEST(who_takes_nothing_is_skipped_and_stays),
		TEST(what_is_his_alone_is_kept_or_he_goes),
		TEST(a_return_needs_no_memory),
		TEST(who_cannot_be_taken_over_is_closed),
	};

	return cmocka_run_group_tests_name("shortage", tests, NULL, NULL);
}
