/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_load.h"

#include "base/clock.h"
#include "tools/bench_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 512,	    /* events fetched at once */
	READ = 4096,	    /* bytes in one recv */
	UNREAD_RECEIVE = 1, /* SO_RCVBUF; the kernel raises it to its least */
	NO_FD = -1,
};

/* How long the last ticks of the window may take. */
#define GRACE (2 * CLOCK_SECOND)

/* What an event belongs to: a gate, or else a connection's index. */
#define GATE_EVENT UINT64_C(0x100000000)

enum state {
	STATE_CONNECTING, /* not a byte yet */
	STATE_MADE,
	STATE_FAILED,
	STATE_LOST,
};

struct connection {
	int fd;
	enum state state;
	struct sequence sequence;
};

struct load {
	const struct bench_plan *plan;
	const struct bench_share *share;
	struct bench_result *result;
	struct sequence_check check;
	struct connection *connections; /* the unread ones come last */
	uint32_t count;
	uint32_t opened;      /* so many of them were begun */
	uint32_t outstanding; /* begun and not decided */
	uint32_t batch;	      /* so many may be */
	uint64_t progress;    /* when one was decided last, monotonic */
	int64_t final;	      /* the window's last boundary, once it is over */
	uint32_t behind;      /* connections without it */
	bool open[GATES];
	int epfd;
};

static bool
is_unread(const struct load *load, uint32_t index)
{
	return index >= load->share->connections;
}

static void
decided(struct load *load)
{
	load->outstanding--;
	load->progress = clock_monotonic();
}

static void
made(struct load *load, uint32_t index)
{
	struct bench_result *result = load->result;

	load->connections[index].state = STATE_MADE;
	decided(load);
	if (is_unread(load, index))
		result->unread_made++;
	else
		result->made++;
}

/* It was never made, or the server closed it; ERROR: errno, or 0. */
static void
over(struct load *load, uint32_t index, int error)
{
	struct connection *connection = &load->connections[index];
	struct bench_result *result = load->result;
	bool unread = is_unread(load, index);

	if (connection->fd >= 0)
		bench_reset(connection->fd);
	connection->fd = NO_FD;
	if (connection->state == STATE_MADE) {
		connection->state = STATE_LOST;
		(*(unread ? &result->unread_closed : &result->lost))++;
		return;
	}
	connection->state = STATE_FAILED;
	decided(load);
	(*(unread ? &result->unread_failed : &result->failed))++;
	if (result->error == 0)
		result->error = error;
}

static int
watch(struct load *load, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return epoll_ctl(load->epfd, EPOLL_CTL_ADD, fd, &event);
}

/* One epoll_ctl for a connection's whole life. */
static int
watch_connection(struct load *load, uint32_t index)
{
	uint32_t events = EPOLLOUT | EPOLLRDHUP | EPOLLET;

	if (!is_unread(load, index))
		events |= EPOLLIN;
	return watch(load, load->connections[index].fd, events, index);
}

static void
begin(struct load *load, uint32_t index)
{
	struct connection *connection = &load->connections[index];
	const struct addr *address = &load->plan->address;
	int receive = is_unread(load, index) ? UNREAD_RECEIVE : 0;
	uint32_t number = load->share->first + index;

	connection->state = STATE_CONNECTING;
	load->outstanding++;
	connection->fd = bench_socket(address, number, receive);
	if (connection->fd < 0 ||
	    (connect(connection->fd, &address->sa, address->length) < 0 &&
	     errno != EINPROGRESS) ||
	    watch_connection(load, index) < 0)
		over(load, index, errno);
}

/*
 * Read what there is.  A recv that was not filled took everything, unless
 * the end of the stream is behind it.
 */
static void
receive(struct load *load, uint32_t index, bool ended)
{
	struct connection *connection = &load->connections[index];
	char bytes[READ];

	for (;;) {
		ssize_t n = recv(connection->fd, bytes, READ, MSG_DONTWAIT);
		int64_t arrival = clock_realtime();

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			over(load, index, n < 0 ? errno : 0);
			return;
		}
		if (connection->state == STATE_CONNECTING)
			made(load, index);
		sequence_bytes(&connection->sequence, &load->check, bytes,
			       (size_t)n, arrival);
		if (n < READ && !ended)
			return;
	}
}

static int
socket_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno
								       : error;
}

static void
serve_unread(struct load *load, uint32_t index, uint32_t events)
{
	struct connection *connection = &load->connections[index];

	if (connection->state == STATE_CONNECTING && (events & EPOLLOUT) &&
	    !(events & EPOLLERR))
		made(load, index);
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		over(load, index, socket_error(connection->fd));
}

static bool
is_behind(const struct load *load, uint32_t index)
{
	const struct connection *connection = &load->connections[index];

	return connection->state == STATE_MADE && !is_unread(load, index) &&
	       connection->sequence.last < load->final;
}

static void
serve(struct load *load, uint32_t index, uint32_t events)
{
	bool ended = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	bool behind = is_behind(load, index);

	if (load->connections[index].fd < 0)
		return;
	if (is_unread(load, index))
		serve_unread(load, index, events);
	else if (ended || (events & EPOLLIN))
		receive(load, index, ended);
	if (behind && !is_behind(load, index))
		load->behind--;
}

/* Wait for events, at most NANOSECONDS (negative: no end), and serve them. */
static void
turn(struct load *load, int64_t nanoseconds)
{
	struct epoll_event events[BATCH];
	int64_t wait =
		(nanoseconds + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND;
	int timeout = wait > INT32_MAX ? INT32_MAX : (int)wait;
	int n = epoll_wait(load->epfd, events, BATCH,
			   nanoseconds < 0 ? -1 : timeout);

	for (int i = 0; i < n; i++) {
		uint64_t data = events[i].data.u64;

		if (data < GATE_EVENT) {
			serve(load, (uint32_t)data, events[i].events);
			continue;
		}
		data -= GATE_EVENT;
		load->open[data] = true;
		epoll_ctl(load->epfd, EPOLL_CTL_DEL,
			  load->share->ends.gates[data], NULL);
	}
}

static int64_t
at_least_zero(int64_t value)
{
	return value < 0 ? 0 : value;
}

/* Nothing was decided for too long: neither will the rest be. */
static void
give_up(struct load *load)
{
	for (uint32_t i = 0; i < load->opened; i++)
		if (load->connections[i].state == STATE_CONNECTING)
			over(load, i, ETIMEDOUT);
	for (; load->opened < load->count; load->opened++) {
		load->connections[load->opened].fd = NO_FD;
		load->outstanding++;
		over(load, load->opened, ETIMEDOUT);
	}
}

static void
connect_all(struct load *load)
{
	const int64_t patience = BENCH_PATIENCE_MS * CLOCK_MILLISECOND;

	load->progress = clock_monotonic();
	while ((load->opened < load->count || load->outstanding > 0) &&
	       !load->open[GATE_GO]) {
		int64_t past;

		while (load->opened < load->count &&
		       load->outstanding < load->batch)
			begin(load, load->opened++);
		past = (int64_t)(clock_monotonic() - load->progress);
		if (past > patience)
			give_up(load);
		if (load->outstanding > 0)
			turn(load, at_least_zero(patience - past));
	}
}

static int64_t
cpu_time(void)
{
	struct timespec used = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * CLOCK_SECOND + used.tv_nsec;
}

/* Serve until TIME, unless GATE opens before it. */
static void
serve_until(struct load *load, int64_t time, enum bench_gate gate)
{
	int64_t left;

	while (!load->open[gate] && (left = time - clock_realtime()) > 0)
		turn(load, left);
}

static void
take_window(struct load *load)
{
	load->check.from = load->plan->from;
	load->check.until = load->plan->until;
}

static void
measure_window(struct load *load)
{
	int64_t before;

	take_window(load);
	serve_until(load, load->check.from, GATE_STOP);
	before = cpu_time();
	serve_until(load, load->check.until, GATE_STOP);
	if (load->open[GATE_STOP]) {
		take_window(load);
		serve_until(load, load->check.until, GATE_RELEASE);
	}
	load->result->cpu = cpu_time() - before;
}

/*
 * Let the ticks of the last boundary come in.  What has no stamp must come
 * before it would be taken for the next one's.
 */
static void
wait_for_last(struct load *load)
{
	const struct sequence_rule *rule = &load->check.rule;
	int64_t until = load->check.until;

	load->final = clock_boundary(until, rule->interval);
	for (uint32_t i = 0; i < load->opened; i++)
		load->behind += is_behind(load, i);
	until += rule->stamped ? GRACE : rule->interval / 4;
	while (load->behind > 0 && !load->open[GATE_RELEASE] &&
	       clock_realtime() < until)
		turn(load, at_least_zero(until - clock_realtime()));
}

static void
account(struct load *load)
{
	uint32_t readers = load->share->connections;

	for (uint32_t i = 0; i < load->opened && i < readers; i++) {
		const struct connection *connection = &load->connections[i];
		bool lost = connection->state == STATE_LOST;

		if (lost || connection->state == STATE_MADE)
			sequence_end(&connection->sequence, &load->check, lost);
	}
}

static void
report(const struct load *load)
{
	/* A main process that is gone opens the gates; nothing is lost. */
	if (write(load->share->ends.report, "", 1) < 0)
		return;
}

static int
load_open(struct load *load)
{
	load->check.rule = load->plan->rule;
	load->check.counts = &load->result->counts;
	load->check.from = load->check.until = INT64_MAX;
	load->final = INT64_MIN;
	load->count = load->share->connections + load->share->unread;
	load->batch = BENCH_OUTSTANDING / load->plan->processes;
	load->connections = calloc(load->count, sizeof(*load->connections));
	load->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (!load->connections || load->epfd < 0)
		return -1;
	for (uint32_t i = 0; i < GATES; i++)
		if (watch(load, load->share->ends.gates[i], EPOLLIN,
			  GATE_EVENT + i) < 0)
			return -1;
	if (load->share->probe_fd < 0)
		return 0;
	load->connections[0].fd = load->share->probe_fd;
	load->connections[0].sequence = load->share->probe;
	load->opened = load->outstanding = 1;
	made(load, 0);
	return watch_connection(load, 0);
}

static void
load_close(struct load *load)
{
	for (uint32_t i = 0; i < load->opened; i++)
		if (load->connections[i].fd >= 0)
			bench_reset(load->connections[i].fd);
	close(load->epfd);
	free(load->connections);
}

int
bench_load(const struct bench_plan *plan, const struct bench_share *share,
	   struct bench_result *result)
{
	struct load load = { .plan = plan, .share = share, .result = result };
	struct pollfd release = { .fd = share->ends.gates[GATE_RELEASE] };

	if (load_open(&load) < 0) {
		bench_complain("cannot start a load process: %s",
			       strerror(errno));
		free(load.connections);
		return EX_OSERR;
	}
	connect_all(&load);
	report(&load);
	while (!load.open[GATE_GO] && !load.open[GATE_RELEASE])
		turn(&load, -1);
	measure_window(&load);
	wait_for_last(&load);
	account(&load);
	report(&load);
	while (poll(&release, 1, -1) < 0 && errno == EINTR)
		;
	load_close(&load);
	return 0;
}
