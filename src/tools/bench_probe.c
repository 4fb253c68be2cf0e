/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_probe.h"

#include "base/clock.h"
#include "tools/bench_socket.h"
#include "tools/records.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
	ADDRESSES = 16
};

struct probe {
	const struct bench_options *options;
	struct records records;
	struct sequence_check check;
	struct sequence_counts counts;
	struct sequence *sequence;
	uint64_t seen;	 /* records */
	int64_t arrival; /* of the bytes being cut */
	bool too_long;
};

static void
take_record(void *context, const char *bytes, size_t length, bool end)
{
	struct probe *probe = context;
	bool newline = probe->records.form == RECORDS_LINES;

	if (!end && probe->seen == 0)
		probe->too_long = true;
	if (probe->too_long)
		return;
	if (probe->seen == 0)
		sequence_learn(&probe->check.rule, probe->options->interval,
			       bytes, length, newline, probe->arrival);
	probe->seen += end;
	sequence_bytes(probe->sequence, &probe->check, bytes, length,
		       probe->arrival);
	if (newline && end)
		sequence_bytes(probe->sequence, &probe->check, "\n", 1,
			       probe->arrival);
}

/* 0, or an errno. */
static int
wait_for(int fd, short events, int milliseconds)
{
	struct pollfd polled = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&polled, 1, milliseconds);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	return n == 0 ? ETIMEDOUT : 0;
}

static int
finish_connecting(int fd)
{
	int error = wait_for(fd, POLLOUT, BENCH_PATIENCE_MS);
	socklen_t size = sizeof(error);

	if (error == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	return error;
}

static int
connect_to(const struct addr *address)
{
	int fd = bench_socket(address, 0, 0);
	int error = 0;
	char text[ADDR_TEXT];

	if (fd < 0 || connect(fd, &address->sa, address->length) < 0)
		error = errno;
	if (error == EINPROGRESS)
		error = finish_connecting(fd);
	if (error == 0)
		return fd;
	addr_format(address, text);
	bench_complain("cannot connect to %s: %s", text, strerror(error));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int
connect_any(const struct bench_options *options, struct addr *address)
{
	struct addr addresses[ADDRESSES];
	char error[256];
	int count = addr_resolve(options->target, options->port, SOCK_STREAM,
				 addresses, ADDRESSES, error, sizeof(error));
	int fd = -1;

	if (count < 0)
		bench_complain("%s: %s", options->target, error);
	for (int i = 0; i < count && fd < 0; i++) {
		*address = addresses[i];
		fd = connect_to(address);
	}
	return fd;
}

/* Read on until whole records were seen and nothing else is held. */
static int
read_records(struct probe *probe, int fd)
{
	struct records *records = &probe->records;
	char bytes[RECORDS_MAX];

	while (!probe->too_long && (probe->seen == 0 || records->held > 0)) {
		bool waiting = records_waiting(records);
		int error = wait_for(fd, POLLIN,
				     waiting ? RECORDS_SILENCE_MS
					     : BENCH_PATIENCE_MS);
		ssize_t n;

		if (error == ETIMEDOUT && waiting) {
			records_silence(records);
			continue;
		}
		if (error != 0) {
			errno = error;
			return -1;
		}
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		probe->arrival = clock_realtime();
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			errno = ECONNRESET;
			return -1;
		}
		records_bytes(records, bytes, (size_t)n);
	}
	errno = EMSGSIZE;
	return probe->too_long ? -1 : 0;
}

int
bench_probe(const struct bench_options *options, struct bench_plan *plan,
	    struct sequence *sequence)
{
	struct probe probe = {
		.options = options,
		.sequence = sequence,
		.check = { .from = INT64_MAX, .until = INT64_MAX },
	};
	int fd = connect_any(options, &plan->address);

	if (fd < 0)
		return -1;
	probe.check.counts = &probe.counts;
	records_open(&probe.records, take_record, &probe);
	if (read_records(&probe, fd) < 0) {
		bench_complain("%s: no line came: %s", options->target,
			       strerror(errno));
		bench_reset(fd);
		return -1;
	}
	plan->rule = probe.check.rule;
	return fd;
}
