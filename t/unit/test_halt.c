/* SPDX-License-Identifier: BSD-2-Clause */
/* One listening socket that is halted, and let go on. */
#include "master/halt.h"
#include "master/listen.h"
#include "unshared.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct service anything;

/* What is tested, with a directory for unix sockets. */
struct bench {
	char directory[64];
	int fd;
	unsigned transport;
	struct addr address;
};

static struct addr
address_of(const char *text)
{
	struct addr_listen listen;
	char error[128];

	assert_true(addr_parse_listen(text, &listen, error, sizeof(error)));
	return listen.addr[0];
}

static void
open_one(struct bench *bench, const char *text, unsigned transport, bool halted)
{
	struct addr address = address_of(text);

	bench->transport = transport;
	bench->fd = listen_open(&address, transport, &anything, false, halted);
	assert_true(bench->fd >= 0);
	listen_name(bench->fd, &bench->address);
}

static void
open_unix(struct bench *bench, bool halted)
{
	char text[96];

	snprintf(text, sizeof(text), "unix:%s/socket", bench->directory);
	open_one(bench, text, ADDR_TCP, halted);
}

static int
begin(struct bench *bench)
{
	return halt_begin(bench->fd, &bench->address, bench->transport);
}

static int
end(struct bench *bench)
{
	return halt_end(bench->fd, &bench->address, bench->transport);
}

static int
lift(struct bench *bench)
{
	return halt_lift(bench->fd, &bench->address, bench->transport);
}

static int
waiting(struct bench *bench)
{
	return halt_waiting(bench->fd, &bench->address, bench->transport);
}

static bool
found(struct bench *bench)
{
	return halt_found(bench->fd, &bench->address, bench->transport);
}

/* A connection, or -1 with errno. */
static int
connect_to(const struct addr *address)
{
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error;

	assert_true(fd >= 0);
	if (connect(fd, &address->sa, address->length) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static void
is_refused(const struct addr *address)
{
	assert_int_equal(connect_to(address), -1);
	assert_int_equal(errno, ECONNREFUSED);
}

static void
is_served(struct bench *bench)
{
	int client = connect_to(&bench->address);
	int server = accept(bench->fd, NULL, NULL);

	assert_true(client >= 0);
	assert_true(server >= 0);
	close(client);
	close(server);
}

static int
set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	snprintf(bench->directory, sizeof(bench->directory),
		 "/tmp/test_halt.XXXXXX");
	assert_non_null(mkdtemp(bench->directory));
	bench->fd = -1;
	*state = bench;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *bench = *state;

	if (bench->fd >= 0 && bench->address.sa.sa_family == AF_UNIX) {
		halt_forget(&bench->address);
		unlink(bench->address.un.sun_path);
	}
	close(bench->fd);
	/* Nothing is left in it. */
	assert_int_equal(rmdir(bench->directory), 0);
	free(bench);
	return 0;
}

/* --- TCP --- */

static void
halt_tcp(struct bench *bench, const char *address)
{
	struct addr before;
	int first, client;

	open_one(bench, address, ADDR_TCP, false);
	before = bench->address;
	assert_false(found(bench));
	first = connect_to(&bench->address);
	assert_true(first >= 0);
	assert_int_equal(begin(bench), 0);
	assert_true(found(bench));
	assert_int_equal(waiting(bench), 1);
	client = accept(bench->fd, NULL, NULL);
	assert_true(client >= 0);
	assert_int_equal(waiting(bench), 0);
	assert_int_equal(end(bench), 0);
	assert_true(found(bench));
	assert_int_equal(waiting(bench), -1);
	is_refused(&bench->address);
	/* Who was taken in stays. */
	assert_int_equal(write(client, "x", 1), 1);
	assert_int_equal(lift(bench), 0);
	assert_false(found(bench));
	listen_name(bench->fd, &bench->address);
	assert_true(addr_equal(&before, &bench->address));
	is_served(bench);
	close(client);
	close(first);
}

static void
tcp_is_halted_and_goes_on(void **state)
{
	halt_tcp(*state, "127.0.0.1:0");
}

static void
so_is_ipv6(void **state)
{
	halt_tcp(*state, "[::1]:0");
}

static void
no_request_for_a_connection_comes_in(void **state)
{
	struct bench *bench = *state;
	struct pollfd writable = { .events = POLLOUT };

	open_one(bench, "127.0.0.1:0", ADDR_TCP, false);
	assert_int_equal(begin(bench), 0);
	writable.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(
		connect(writable.fd, &bench->address.sa, bench->address.length),
		-1);
	assert_int_equal(errno, EINPROGRESS);
	assert_int_equal(waiting(bench), 0);
	/* It asks again after a second, and then there is somebody. */
	assert_int_equal(lift(bench), 0);
	assert_int_equal(poll(&writable, 1, 20000), 1);
	assert_int_equal(writable.revents, POLLOUT);
	assert_int_equal(waiting(bench), 1);
	close(writable.fd);
}

static void
its_port_is_nobody_elses(void **state)
{
	struct bench *bench = *state;
	struct bench other = { .directory = "" };
	int fd;

	open_one(bench, "127.0.0.1:0", ADDR_TCP, false);
	assert_int_equal(begin(bench), 0);
	assert_int_equal(end(bench), 0);
	fd = listen_open(&bench->address, ADDR_TCP, &anything, false, false);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, EADDRINUSE);
	/* Nor does the kernel choose it. */
	for (int i = 0; i < 100; i++) {
		open_one(&other, "127.0.0.1:0", ADDR_TCP, false);
		assert_false(addr_equal(&other.address, &bench->address));
		close(other.fd);
	}
	assert_int_equal(lift(bench), 0);
	is_served(bench);
}

static void
it_is_opened_halted(void **state)
{
	struct bench *bench = *state;

	open_one(bench, "127.0.0.1:0", ADDR_TCP, true);
	assert_true(addr_port(&bench->address) > 0);
	assert_true(found(bench));
	is_refused(&bench->address);
	assert_int_equal(lift(bench), 0);
	is_served(bench);
}

static void
halt_twice(struct bench *bench)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(begin(bench), 0);
		assert_int_equal(end(bench), 0);
	}
	for (int i = 0; i < 2; i++)
		assert_int_equal(lift(bench), 0);
}

static void
halting_twice_is_halting_once(void **state)
{
	struct bench *bench = *state;

	open_one(bench, "127.0.0.1:0", ADDR_TCP, false);
	halt_twice(bench);
	is_served(bench);
}

/* --- unix sockets --- */

static void
a_unix_socket_is_halted_and_goes_on(void **state)
{
	struct bench *bench = *state;
	struct stat before, after;
	int client;

	open_unix(bench, false);
	assert_int_equal(stat(bench->address.un.sun_path, &before), 0);
	client = connect_to(&bench->address);
	assert_true(client >= 0);
	assert_int_equal(begin(bench), 0);
	assert_int_equal(end(bench), 0);
	assert_true(found(bench));
	is_refused(&bench->address);
	assert_true(halt_alive(&bench->address));
	assert_int_equal(stat(bench->address.un.sun_path, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(lift(bench), 0);
	assert_false(found(bench));
	/* Who came before is still there, and the file is the same. */
	close(client);
	client = accept(bench->fd, NULL, NULL);
	assert_true(client >= 0);
	close(client);
	is_served(bench);
	assert_int_equal(stat(bench->address.un.sun_path, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
}

static void
so_it_is_for_unix_sockets(void **state)
{
	struct bench *bench = *state;

	open_unix(bench, false);
	halt_twice(bench);
	is_served(bench);
}

static void
a_unix_socket_whose_file_is_gone(void **state)
{
	struct bench *bench = *state;

	open_unix(bench, false);
	assert_int_equal(unlink(bench->address.un.sun_path), 0);
	halt_twice(bench);
	assert_int_equal(connect_to(&bench->address), -1);
	assert_int_equal(errno, ENOENT);
}

/* Whatever has that name and is no socket is not ours. */
static void
a_file_in_the_way_is_left_alone(void **state)
{
	struct bench *bench = *state;
	char path[96];
	FILE *file;

	open_unix(bench, false);
	snprintf(path, sizeof(path), "%s/.socket.paused", bench->directory);
	file = fopen(path, "we");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(begin(bench), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(lift(bench), 0);
	is_served(bench);
	assert_int_equal(unlink(path), 0);
}

static void
a_unix_socket_is_opened_halted(void **state)
{
	struct bench *bench = *state;

	open_unix(bench, true);
	is_refused(&bench->address);
	assert_int_equal(lift(bench), 0);
	is_served(bench);
}

static void
what_a_crash_left_is_replaced(void **state)
{
	struct bench *bench = *state;

	open_unix(bench, true);
	close(bench->fd);
	assert_false(halt_alive(&bench->address));
	open_unix(bench, false);
	assert_false(found(bench));
	is_served(bench);
}

static void
what_is_alive_is_not(void **state)
{
	struct bench *bench = *state;

	open_unix(bench, true);
	assert_int_equal(
		listen_open(&bench->address, ADDR_TCP, &anything, false, false),
		-1);
	assert_int_equal(errno, EADDRINUSE);
}

static void
a_name_of_any_length(void **state)
{
	struct bench *bench = *state;
	char text[6 + sizeof(bench->address.un.sun_path)];
	size_t length = sizeof(bench->address.un.sun_path) - 1;

	snprintf(text, sizeof(text), "unix:%s/", bench->directory);
	memset(text + strlen(text), 'x', 5 + length - strlen(text));
	text[5 + length] = '\0';
	open_one(bench, text, ADDR_TCP, true);
	is_refused(&bench->address);
	assert_true(halt_alive(&bench->address));
	assert_int_equal(lift(bench), 0);
	is_served(bench);
}

static void
an_abstract_socket_cannot_be_halted(void **state)
{
	struct bench *bench = *state;

	bench->transport = ADDR_TCP;
	bench->address.un.sun_family = AF_UNIX;
	bench->address.length = sizeof(bench->address.un);
	bench->address.un.sun_path[1] = 'x';
	bench->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(begin(bench), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_false(found(bench));
	assert_int_equal(lift(bench), 0);
}

/* --- datagrams --- */

static void
send_to(const struct addr *address, const char *byte)
{
	int fd = socket(address->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(sendto(fd, byte, 1, 0, &address->sa, address->length),
			 1);
	close(fd);
}

/* The next byte that waits, or 0. */
static char
take(int fd)
{
	char byte = 0;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 1 ? byte : 0;
}

static void
halt_udp(struct bench *bench, const char *address)
{
	open_one(bench, address, ADDR_UDP, false);
	send_to(&bench->address, "a");
	assert_int_equal(begin(bench), 0);
	assert_int_equal(end(bench), 0);
	assert_true(found(bench));
	assert_int_equal(waiting(bench), -1);
	send_to(&bench->address, "b");
	assert_int_equal(lift(bench), 0);
	assert_false(found(bench));
	send_to(&bench->address, "c");
	assert_int_equal(take(bench->fd), 'a');
	assert_int_equal(take(bench->fd), 'c');
	assert_int_equal(take(bench->fd), 0);
}

static void
datagrams_are_dropped(void **state)
{
	halt_udp(*state, "udp:127.0.0.1:0");
}

static void
datagrams_of_ipv6_are_dropped(void **state)
{
	halt_udp(*state, "udp:[::1]:0");
}

static void
datagrams_are_dropped_from_the_start(void **state)
{
	struct bench *bench = *state;

	open_one(bench, "udp:127.0.0.1:0", ADDR_UDP, true);
	send_to(&bench->address, "a");
	assert_int_equal(take(bench->fd), 0);
	assert_int_equal(lift(bench), 0);
	send_to(&bench->address, "b");
	assert_int_equal(take(bench->fd), 'b');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tcp_is_halted_and_goes_on),
		TEST(so_is_ipv6),
		TEST(no_request_for_a_connection_comes_in),
		TEST(it_is_opened_halted),
		TEST(its_port_is_nobody_elses),
		TEST(halting_twice_is_halting_once),
		TEST(a_unix_socket_is_halted_and_goes_on),
		TEST(so_it_is_for_unix_sockets),
		TEST(a_unix_socket_whose_file_is_gone),
		TEST(a_file_in_the_way_is_left_alone),
		TEST(a_unix_socket_is_opened_halted),
		TEST(what_a_crash_left_is_replaced),
		TEST(what_is_alive_is_not),
		TEST(a_name_of_any_length),
		TEST(an_abstract_socket_cannot_be_halted),
		TEST(datagrams_are_dropped),
		TEST(datagrams_of_ipv6_are_dropped),
		TEST(datagrams_are_dropped_from_the_start),
	};

	/* Where filters of what comes are allowed, for which see halt.c. */
	if (!unshared_loopback()) {
		perror("a network of its own");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
