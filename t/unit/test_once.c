/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients who are answered once: taken one for each wake, and sent all of the
 * answer, whatever they said before.
 */
#include "worker/accept.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	CLIENTS = 40,
};

/* There is no memory to watch anything. */
static bool short_of_memory;

int __real_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);
int __wrap_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);

int
__wrap_loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	if (!short_of_memory)
		return __real_loop_add(loop, source, events);
	errno = ENOMEM;
	return -1;
}

/* A client who says something as soon as somebody has read; -1: nobody. */
static int talker = -1;

ssize_t __real_recv(int fd, void *bytes, size_t length, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t length, int flags);

ssize_t
__wrap_recv(int fd, void *bytes, size_t length, int flags)
{
	ssize_t n = __real_recv(fd, bytes, length, flags);

	if (talker >= 0)
		assert_int_equal(send(talker, "late", 4, 0), 4);
	talker = -1;
	return n;
}

static size_t
hello(struct instance *instance, char *reply)
{
	(void)instance;
	memcpy(reply, "hello", 5);
	return 5;
}

static const struct service service = {
	.type = "hello",
	.transports = ADDR_TCP,
	.once = hello,
};

/* One worker with the service. */
struct bench {
	struct loop loop;
	struct scoreboard scoreboard;
	struct peers peers;
	struct conns conns;
	struct acceptor acceptor;
	struct service_config config;
	struct instance instance;
	struct tally tally;
	struct accept_listener listener;
	char *map; /* of a scoreboard that nobody else is on */
};

static void
changed(struct conns *conns)
{
	(void)conns;
}

static void
listen_on(struct accept_listener *listener)
{
	struct addr *bound = &listener->bound;

	listener->transport = ADDR_TCP;
	listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	bound->in.sin_family = AF_INET;
	bound->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bound->length = sizeof(bound->in);
	assert_int_equal(bind(listener->fd, &bound->sa, bound->length), 0);
	assert_int_equal(listen(listener->fd, CLIENTS), 0);
	assert_int_equal(getsockname(listener->fd, &bound->sa, &bound->length),
			 0);
}

static int
make_bench(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	short_of_memory = false;
	bench->map = calloc(1, SCOREBOARD_SIZE);
	bench->scoreboard.map = bench->map;
	bench->config.service = &service;
	bench->instance.config = &bench->config;
	bench->instance.tally = &bench->tally;
	listen_on(&bench->listener);
	assert_int_equal(loop_open(&bench->loop), 0);
	peers_init(&bench->peers, &bench->scoreboard, 0, 1);
	conns_init(&bench->conns, &bench->loop, &bench->peers, 0, changed);
	assert_int_equal(accept_open(&bench->acceptor, &bench->conns,
				     &bench->peers, &bench->listener, 1,
				     &bench->instance),
			 0);
	assert_int_equal(accept_begin(&bench->acceptor), 0);
	*state = bench;
	return 0;
}

static int
free_bench(void **state)
{
	struct bench *bench = *state;

	accept_end(&bench->acceptor, false);
	accept_close(&bench->acceptor);
	conns_free(&bench->conns);
	loop_close(&bench->loop);
	free(bench->map);
	free(bench);
	return 0;
}

/* So many clients; each says TEXT at once. */
static void
come(const struct bench *bench, int *clients, int count, const char *text)
{
	const struct addr *bound = &bench->listener.bound;

	for (int i = 0; i < count; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(clients[i], &bound->sa, bound->length),
				 0);
		assert_int_equal(send(clients[i], text, strlen(text), 0),
				 strlen(text));
	}
}

/* Each has its answer and the end of file, and leaves. */
static void
leave(const int *clients, int count)
{
	char bytes[16];

	for (int i = 0; i < count; i++) {
		assert_int_equal(
			recv(clients[i], bytes, sizeof(bytes), MSG_WAITALL), 5);
		assert_memory_equal(bytes, "hello", 5);
		assert_int_equal(recv(clients[i], bytes, sizeof(bytes), 0), 0);
		close(clients[i]);
	}
}

/* Call back once, if there is something to do; else false. */
static bool
turn(struct bench *bench)
{
	struct epoll_event event;
	struct loop_source *source;

	if (epoll_wait(bench->loop.epfd, &event, 1, 0) != 1)
		return false;
	source = event.data.ptr;
	source->ready(source, event.events);
	return true;
}

static void
tally_is(const struct bench *bench, uint64_t count)
{
	assert_int_equal(bench->tally.accepted, count);
	assert_int_equal(bench->tally.closed, count);
	assert_int_equal(bench->tally.requests, count);
	assert_int_equal(bench->tally.bytes_out, 5 * count);
	assert_int_equal(bench->tally.refused, 0);
}

static void
one_for_each_wake(void **state)
{
	struct bench *bench = *state;
	int clients[CLIENTS];

	come(bench, clients, CLIENTS, "");
	for (uint64_t i = 1; i <= CLIENTS; i++) {
		assert_true(turn(bench));
		tally_is(bench, i);
	}
	assert_false(turn(bench));
	leave(clients, CLIENTS);
}

/* What is not read before the close would make a reset of it. */
static void
who_talks_first_gets_all_of_it(void **state)
{
	struct bench *bench = *state;
	int clients[3];

	come(bench, clients, 3, "what time is it?\r\n");
	while (turn(bench))
		;
	tally_is(bench, 3);
	leave(clients, 3);
}

/* That close is a reset, but the answer went before it. */
static void
who_talks_at_the_last_moment_has_the_answer(void **state)
{
	struct bench *bench = *state;
	char bytes[16];
	int client;

	come(bench, &client, 1, "");
	talker = client;
	while (turn(bench))
		;
	assert_int_equal(talker, -1);
	tally_is(bench, 1);
	assert_int_equal(recv(client, bytes, sizeof(bytes), MSG_WAITALL), 5);
	assert_memory_equal(bytes, "hello", 5);
	close(client);
}

/* It rests then, as it does without descriptors, and goes on afterwards. */
static void
no_memory_to_be_watched(void **state)
{
	struct bench *bench = *state;
	int clients[CLIENTS];

	come(bench, clients, CLIENTS, "");
	short_of_memory = true;
	while (turn(bench))
		;
	assert_int_equal(bench->acceptor.mode, ACCEPT_RESTING);
	assert_in_range(bench->tally.accepted, 1, CLIENTS - 1);
	short_of_memory = false;
	accept_relieved(&bench->acceptor);
	while (turn(bench))
		;
	tally_is(bench, CLIENTS);
	leave(clients, CLIENTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_for_each_wake, make_bench,
						free_bench),
		cmocka_unit_test_setup_teardown(who_talks_first_gets_all_of_it,
						make_bench, free_bench),
		cmocka_unit_test_setup_teardown(
			who_talks_at_the_last_moment_has_the_answer, make_bench,
			free_bench),
		cmocka_unit_test_setup_teardown(no_memory_to_be_watched,
						make_bench, free_bench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
