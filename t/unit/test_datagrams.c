/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datagrams: what is answered, what is not and why, and that nothing is left
 * behind when a worker retires.
 */
#include "base/clock.h"
#include "worker/datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MANY = 3 * DATAGRAM_BATCH + 5,
	MORE = 6 * DATAGRAM_BATCH, /* than are read for one event */
};

/* The message, counted from 1, that cannot be sent; 0: all can. */
static int stuck;
/* There is no memory to watch anything. */
static bool short_of_memory;
static bool synchronised;
/* The longest request that the service saw. */
static size_t longest;
static int64_t received;

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
		    int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
		    int flags);
int __real_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);
int __wrap_loop_add(struct loop *loop, struct loop_source *source,
		    uint32_t events);
bool __wrap_clock_synchronised(void);

int
__wrap_loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	if (!short_of_memory)
		return __real_loop_add(loop, source, events);
	errno = ENOMEM;
	return -1;
}

int
__wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int n;

	if (stuck == 1) {
		stuck = 0;
		errno = EPERM;
		return -1;
	}
	if (stuck > 1 && count >= (unsigned)stuck)
		count = (unsigned)stuck - 1;
	n = __real_sendmmsg(fd, messages, count, flags);
	if (stuck > 1)
		stuck -= n;
	return n;
}

bool
__wrap_clock_synchronised(void)
{
	return synchronised;
}

/* Answers with the first byte, twice; "?" is no request. */
static size_t
twice(struct instance *instance, const struct datagram *datagram, char *reply)
{
	(void)instance;
	if (datagram->length > longest)
		longest = datagram->length;
	received = datagram->received;
	if (datagram->length == 0 || datagram->bytes[0] == '?')
		return 0;
	reply[0] = reply[1] = datagram->bytes[0];
	reply[2] = '-';
	return 3;
}

static void
stamp(struct instance *instance, char *reply, size_t length)
{
	(void)instance;
	assert_int_equal(length, 3);
	reply[2] = '+';
}

static const struct service service = {
	.type = "twice",
	.transports = ADDR_UDP,
	.datagram = twice,
	.stamp = stamp,
};

/* One worker with the service, and a client. */
struct bench {
	struct loop loop;
	struct datagrams datagrams;
	struct service_config config;
	struct instance instance;
	struct tally tally;
	struct addr bound;
	int client;
};

static int
udp(struct addr *address)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memset(address, 0, sizeof(*address));
	address->in.sin_family = AF_INET;
	address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address->length = sizeof(address->in);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &address->sa, address->length), 0);
	assert_int_equal(getsockname(fd, &address->sa, &address->length), 0);
	return fd;
}

static void
bench_open(struct bench *bench)
{
	struct accept_listener listener = { .transport = ADDR_UDP };
	struct addr own;

	memset(bench, 0, sizeof(*bench));
	listener.fd = udp(&bench->bound);
	listener.bound = bench->bound;
	bench->client = udp(&own);
	assert_int_equal(
		connect(bench->client, &bench->bound.sa, bench->bound.length),
		0);
	bench->config.service = &service;
	bench->instance.config = &bench->config;
	bench->instance.tally = &bench->tally;
	assert_int_equal(loop_open(&bench->loop), 0);
	assert_int_equal(datagrams_open(&bench->datagrams, &bench->loop,
					&listener, 1, &bench->instance),
			 0);
	assert_int_equal(datagrams_begin(&bench->datagrams), 0);
	stuck = 0;
	short_of_memory = false;
	longest = 0;
	synchronised = true;
}

static void
bench_close(struct bench *bench)
{
	datagrams_close(&bench->datagrams);
	loop_close(&bench->loop);
	close(bench->client);
	limits_free(bench->instance.limits);
}

static void
ask(struct bench *bench, const char *text, int count)
{
	for (int i = 0; i < count; i++)
		assert_int_equal(send(bench->client, text, strlen(text), 0),
				 (ssize_t)strlen(text));
}

/* How many answers there are; each is TEXT. */
static int
answers(struct bench *bench, const char *text)
{
	char bytes[DATAGRAM_REPLY];
	int count = 0;
	ssize_t n;

	while ((n = recv(bench->client, bytes, sizeof(bytes), 0)) >= 0) {
		assert_int_equal(n, strlen(text));
		assert_memory_equal(bytes, text, strlen(text));
		count++;
	}
	return count;
}

static void
refused_is(const struct bench *bench, enum refusal why, uint64_t count)
{
	uint64_t sum = 0;

	assert_int_equal(bench->tally.refused_by[why], count);
	for (int i = 0; i < REFUSALS; i++)
		sum += bench->tally.refused_by[i];
	assert_int_equal(bench->tally.refused, sum);
}

static void
each_is_answered(void **state)
{
	struct bench bench;
	int64_t before = clock_realtime();

	(void)state;
	bench_open(&bench);
	ask(&bench, "abc", MANY);
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "aa+"), MANY);
	assert_int_equal(bench.tally.requests, MANY);
	assert_int_equal(bench.tally.bytes_in, 3 * MANY);
	assert_int_equal(bench.tally.bytes_out, 3 * MANY);
	assert_int_equal(bench.tally.refused, 0);
	assert_true(received >= before && received <= clock_realtime());
	bench_close(&bench);
}

/* Those that the service has no answer for are between the others. */
static void
no_request(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench);
	for (int i = 0; i < 10; i++) {
		ask(&bench, "?", 1);
		ask(&bench, "x", 2);
		ask(&bench, "", 1);
	}
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "xx+"), 20);
	assert_int_equal(bench.tally.requests, 20);
	refused_is(&bench, REFUSED_MALFORMED, 20);
	bench_close(&bench);
}

/* Its whole length is told, and what is there of it is bounded. */
static void
a_long_one(void **state)
{
	char text[4 * DATAGRAM_ROOM];
	struct bench bench;

	(void)state;
	bench_open(&bench);
	memset(text, 'l', sizeof(text));
	assert_int_equal(send(bench.client, text, sizeof(text), 0),
			 sizeof(text));
	ask(&bench, "l", 1);
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "ll+"), 2);
	assert_int_equal(longest, sizeof(text));
	assert_int_equal(bench.tally.bytes_in, sizeof(text) + 1);
	bench_close(&bench);
}

/* One that the system does not take, wherever it is, costs no other. */
static void
one_that_cannot_be_sent(void **state)
{
	static const int places[] = { 1, 2, 5, 10 };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct bench bench;

		bench_open(&bench);
		ask(&bench, "y", 10);
		stuck = places[i];
		datagrams_look(&bench.datagrams);
		assert_int_equal(answers(&bench, "yy+"), 9);
		assert_int_equal(bench.tally.requests, 9);
		assert_int_equal(bench.tally.bytes_out, 27);
		refused_is(&bench, REFUSED_UNSENT, 1);
		bench_close(&bench);
	}
}

static void
above_the_rate(void **state)
{
	const struct limits_rate rate = { 0.001, 4, 0 };
	struct bench bench;

	(void)state;
	bench_open(&bench);
	bench.instance.limits = limits_new(&rate);
	assert_non_null(bench.instance.limits);
	ask(&bench, "r", MANY);
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "rr+"), 4);
	refused_is(&bench, REFUSED_RATE, MANY - 4);
	bench_close(&bench);
}

static void
while_the_clock_is_not_synchronised(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench);
	bench.config.require_sync = true;
	synchronised = false;
	ask(&bench, "s", 3);
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "ss+"), 0);
	refused_is(&bench, REFUSED_UNSYNCHRONISED, 3);
	synchronised = true;
	ask(&bench, "s", 3);
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "ss+"), 3);
	bench_close(&bench);
}

/* A peer with the same port, on another address. */
static void
from_a_port_like_its_own(void **state)
{
	struct bench bench;
	struct addr other;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)state;
	bench_open(&bench);
	bench.config.no_low_ports = true;
	other = bench.bound;
	other.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	assert_int_equal(bind(fd, &other.sa, other.length), 0);
	close(bench.client);
	bench.client = fd;
	assert_int_equal(connect(fd, &bench.bound.sa, bench.bound.length), 0);
	ask(&bench, "p", 2);
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "pp+"), 0);
	refused_is(&bench, REFUSED_LOW_PORT, 2);
	bench.config.no_low_ports = false;
	ask(&bench, "p", 2);
	datagrams_look(&bench.datagrams);
	assert_int_equal(answers(&bench, "pp+"), 2);
	bench_close(&bench);
}

/* Has the loop nothing to do any more? */
static bool
idle(struct loop *loop)
{
	struct epoll_event event;

	return epoll_wait(loop->epfd, &event, 1, 0) == 0;
}

/* Call back for what is there, as loop_run() does; how often that was. */
static int
run(struct bench *bench)
{
	struct loop_source *source = &bench->datagrams.sources[0].source;
	struct epoll_event event;
	int times = 0;

	while (epoll_wait(bench->loop.epfd, &event, 1, 0) == 1) {
		assert_ptr_equal(event.data.ptr, source);
		source->ready(source, event.events);
		times++;
	}
	return times;
}

/* All of a storm is answered, and others have their turn in between. */
static void
more_than_one_event(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench);
	ask(&bench, "m", MORE);
	assert_int_equal(run(&bench), 2);
	assert_int_equal(answers(&bench, "mm+"), MORE);
	ask(&bench, "n", 1);
	assert_int_equal(run(&bench), 1);
	assert_int_equal(answers(&bench, "nn+"), 1);
	bench_close(&bench);
}

/* It is watched again as soon as there is memory for that. */
static void
no_memory_to_be_watched(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench);
	ask(&bench, "m", MORE);
	short_of_memory = true;
	assert_int_equal(run(&bench), 1);
	assert_in_range(answers(&bench, "mm+"), 1, MORE - 1);
	datagrams_look(&bench.datagrams);
	short_of_memory = false;
	assert_true(idle(&bench.loop));
	ask(&bench, "m", 1);
	assert_true(idle(&bench.loop));
	datagrams_look(&bench.datagrams);
	assert_int_equal(bench.tally.requests, MORE + 1);
	ask(&bench, "m", 1);
	assert_int_equal(run(&bench), 1);
	assert_int_equal(bench.tally.requests, MORE + 2);
	bench_close(&bench);
}

/* What waits when it ends is answered, and nothing after that. */
static void
nothing_is_left_behind(void **state)
{
	struct bench bench;

	(void)state;
	bench_open(&bench);
	ask(&bench, "z", MANY);
	datagrams_end(&bench.datagrams);
	assert_int_equal(answers(&bench, "zz+"), MANY);
	assert_int_equal(bench.tally.requests, MANY);
	datagrams_look(&bench.datagrams);
	datagrams_end(&bench.datagrams);
	bench_close(&bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_answered),
		cmocka_unit_test(no_request),
		cmocka_unit_test(a_long_one),
		cmocka_unit_test(one_that_cannot_be_sent),
		cmocka_unit_test(above_the_rate),
		cmocka_unit_test(while_the_clock_is_not_synchronised),
		cmocka_unit_test(from_a_port_like_its_own),
		cmocka_unit_test(more_than_one_event),
		cmocka_unit_test(no_memory_to_be_watched),
		cmocka_unit_test(nothing_is_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
