/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/datagrams.h"

#include "base/clock.h"
#include "ipc/scoreboard.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Read in one go before the others get their turn. */
enum {
	BATCHES_PER_EVENT = 4,
	LAST_BATCHES = 128, /* of those that wait when the worker retires */
	LOW_PORTS = 1024,
};

/* Where it was sent to and when it came; where the answer comes from. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) +
		   CMSG_SPACE(sizeof(struct timespec))];
};

struct datagram_batch {
	uint64_t now; /* when it was read; CLOCK_MONOTONIC, nanoseconds */
	struct mmsghdr in[DATAGRAM_BATCH];
	struct mmsghdr out[DATAGRAM_BATCH];
	struct iovec in_vectors[DATAGRAM_BATCH];
	struct iovec out_vectors[DATAGRAM_BATCH];
	struct addr from[DATAGRAM_BATCH];
	union control controls[DATAGRAM_BATCH];
	char replies[DATAGRAM_BATCH][DATAGRAM_REPLY];
	size_t room;	 /* of each request */
	char requests[]; /* DATAGRAM_BATCH of them */
};

static size_t
room_of(const struct instance *instance)
{
	return instance->config->service->mirror ? DATAGRAM_WHOLE
						 : DATAGRAM_ROOM;
}

/* Make room where COUNT were. */
static void
prepare(struct datagram_batch *batch, int count)
{
	for (int i = 0; i < count; i++) {
		batch->in_vectors[i] = (struct iovec){
			batch->requests + (size_t)i * batch->room, batch->room
		};
		batch->in[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i].sa,
			.msg_namelen = sizeof(batch->from[i].un),
			.msg_iov = &batch->in_vectors[i],
			.msg_iovlen = 1,
			.msg_control = &batch->controls[i],
			.msg_controllen = sizeof(batch->controls[i]),
		};
	}
}

/* When the kernel got it. */
static int64_t
received_at(struct msghdr *message)
{
	struct cmsghdr *header;
	struct timespec at;

	for (header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&at, CMSG_DATA(header), sizeof(at));
		return at.tv_sec * CLOCK_SECOND + at.tv_nsec;
	}
	return clock_realtime();
}

/*
 * What a request was sent to becomes what its answer is sent from.  The route
 * back is the kernel's to find, and not bound to the interface that the request
 * came in on, except where an address means nothing without one.  False: the
 * kernel chooses the address, too.
 */
static bool
turn_round(struct cmsghdr *header)
{
	struct in_pktinfo *info = (void *)CMSG_DATA(header);
	struct in6_pktinfo *info6 = (void *)CMSG_DATA(header);

	if (header->cmsg_level == IPPROTO_IP &&
	    header->cmsg_type == IP_PKTINFO) {
		/* ipi_spec_dst is ours, also where a broadcast was sent to. */
		info->ipi_ifindex = 0;
		info->ipi_addr.s_addr = 0;
		return true;
	}
	if (header->cmsg_level != IPPROTO_IPV6 ||
	    header->cmsg_type != IPV6_PKTINFO ||
	    IN6_IS_ADDR_MULTICAST(&info6->ipi6_addr))
		return false;
	if (!IN6_IS_ADDR_LINKLOCAL(&info6->ipi6_addr))
		info6->ipi6_ifindex = 0;
	return true;
}

/* Leave only what says from which address the answer goes; its length. */
static size_t
source_only(struct msghdr *message, union control *control)
{
	struct cmsghdr *header;
	size_t length;

	for (header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		if (!turn_round(header))
			continue;
		length = CMSG_ALIGN(header->cmsg_len);
		memmove(control, header, length);
		return length;
	}
	return 0;
}

/*
 * Whether an answer to FROM might be answered in its turn: well-known services
 * are there, or one of the same kind as this.
 */
static bool
may_loop(const struct datagram_source *source, const struct addr *from)
{
	unsigned port = addr_port(from);

	return port < LOW_PORTS || port == source->port;
}

/* Why the service is not even asked; REFUSALS: it is. */
static enum refusal
refusal_of(const struct datagram_source *source, const struct addr *from)
{
	const struct instance *instance = source->instance;

	if (gate_denies(instance, from))
		return REFUSED_DENIED;
	if (instance->config->no_low_ports && may_loop(source, from))
		return REFUSED_LOW_PORT;
	if (instance->limits && !limits_admit(instance->limits, from,
					      source->datagrams->batch->now))
		return REFUSED_RATE;
	if (instance->config->require_sync && !clock_synchronised())
		return REFUSED_UNSYNCHRONISED;
	return REFUSALS;
}

/* The answer to DATAGRAM, in REPLY or where it is; false: there is none. */
static bool
make_answer(struct instance *instance, const struct datagram *datagram,
	    char *reply, struct iovec *vector)
{
	const struct service *service = instance->config->service;

	if (service->mirror) {
		*vector = (struct iovec){ (void *)(uintptr_t)datagram->bytes,
					  datagram->length };
		return true;
	}
	*vector = (struct iovec){ reply, service->datagram(instance, datagram,
							   reply) };
	return vector->iov_len > 0;
}

/* Whether the I-th request gets an answer; it is the COUNT-th of them then. */
static bool
answer(struct datagram_source *source, int i, int count)
{
	struct instance *instance = source->instance;
	struct datagram_batch *batch = source->datagrams->batch;
	struct msghdr *in = &batch->in[i].msg_hdr;
	struct datagram datagram = { .bytes = batch->in_vectors[i].iov_base,
				     .length = batch->in[i].msg_len };
	enum refusal refusal;

	counter_add(&instance->tally->bytes_in, datagram.length);
	datagram.from = batch->from[i];
	datagram.from.length = in->msg_namelen;
	refusal = refusal_of(source, &datagram.from);
	if (refusal == REFUSED_DENIED)
		gate_note(instance, &datagram.from, refusal);
	else if (refusal != REFUSALS)
		tally_refuse(instance->tally, refusal);
	if (refusal != REFUSALS)
		return false;
	datagram.received = received_at(in);
	if (!make_answer(instance, &datagram, batch->replies[count],
			 &batch->out_vectors[count])) {
		tally_refuse(instance->tally, REFUSED_MALFORMED);
		return false;
	}
	batch->out[count].msg_hdr = (struct msghdr){
		.msg_name = in->msg_name,
		.msg_namelen = in->msg_namelen,
		.msg_iov = &batch->out_vectors[count],
		.msg_iovlen = 1,
		.msg_control = &batch->controls[i],
		.msg_controllen = source_only(in, &batch->controls[i]),
	};
	return true;
}

/* What a full queue does not take is dropped: it would be late. */
static void
send_answers(struct datagram_source *source, int count)
{
	struct instance *instance = source->instance;
	struct datagram_batch *batch = source->datagrams->batch;
	const struct service *service = instance->config->service;
	int sent = 0;

	if (service->stamp)
		for (int i = 0; i < count; i++)
			service->stamp(instance, batch->replies[i],
				       batch->out_vectors[i].iov_len);
	while (sent < count) {
		int n = sendmmsg(source->source.fd, batch->out + sent,
				 (unsigned)(count - sent), MSG_DONTWAIT);

		for (int i = 0; i < n; i++)
			counter_add(&instance->tally->bytes_out,
				    batch->out[sent + i].msg_len);
		if (n > 0)
			counter_add(&instance->tally->requests, (uint64_t)n);
		else
			tally_refuse(instance->tally, REFUSED_UNSENT);
		/* One that cannot be sent does not keep the others back. */
		sent += n > 0 ? n : 1;
	}
}

/* Whether there may be more. */
static bool
serve_batch(struct datagram_source *source)
{
	struct datagram_batch *batch = source->datagrams->batch;
	int count = 0;
	int n;

	n = recvmmsg(source->source.fd, batch->in, DATAGRAM_BATCH,
		     MSG_DONTWAIT | MSG_TRUNC, NULL);
	batch->now = clock_monotonic();
	for (int i = 0; i < n; i++)
		count += answer(source, i, count);
	if (count > 0)
		send_answers(source, count);
	prepare(batch, n);
	return n == DATAGRAM_BATCH;
}

/* Whether there may be more. */
static bool
serve_batches(struct datagram_source *source, int most)
{
	for (int i = 0; i < most; i++)
		if (!serve_batch(source))
			return false;
	return true;
}

/*
 * Edge-triggered: the loop need not look again at a socket that was just
 * emptied.  0, or -1 with errno.
 */
static int
watch(struct datagram_source *source)
{
	source->watched = loop_add(source->datagrams->loop, &source->source,
				   EPOLLIN | EPOLLET | EPOLLEXCLUSIVE) == 0;
	return source->watched ? 0 : -1;
}

/*
 * Who left something in the socket is not woken for it again, unless he is
 * watched anew; then others have their turn first.
 */
static void
source_ready(struct loop_source *loop_source, uint32_t events)
{
	struct datagram_source *source = (struct datagram_source *)loop_source;

	(void)events;
	if (!serve_batches(source, BATCHES_PER_EVENT))
		return;
	loop_remove(source->datagrams->loop, loop_source);
	watch(source);
}

static struct datagram_batch *
new_batch(const struct datagrams *datagrams)
{
	struct datagram_batch *batch;
	size_t room = 0;

	for (int i = 0; i < datagrams->count; i++) {
		size_t each = room_of(datagrams->sources[i].instance);

		room = each > room ? each : room;
	}
	batch = calloc(1, sizeof(*batch) + DATAGRAM_BATCH * room);
	if (batch)
		batch->room = room;
	return batch;
}

int
datagrams_open(struct datagrams *datagrams, struct loop *loop,
	       const struct accept_listener *listeners, int count,
	       struct instance *instances)
{
	int found = 0;

	*datagrams = (struct datagrams){ .loop = loop };
	datagrams->sources =
		calloc((size_t)count + 1, sizeof(*datagrams->sources));
	if (!datagrams->sources)
		return -1;
	for (int i = 0; i < count; i++) {
		struct datagram_source *source = &datagrams->sources[found];

		if (listeners[i].transport != ADDR_UDP)
			continue;
		source->source.ready = source_ready;
		source->source.fd = listeners[i].fd;
		source->datagrams = datagrams;
		source->instance = &instances[listeners[i].service];
		source->port = addr_port(&listeners[i].bound);
		found++;
	}
	datagrams->count = found;
	if (found == 0)
		return 0;
	datagrams->batch = new_batch(datagrams);
	if (datagrams->batch) {
		prepare(datagrams->batch, DATAGRAM_BATCH);
		return 0;
	}
	free(datagrams->sources);
	return -1;
}

void
datagrams_close(struct datagrams *datagrams)
{
	datagrams_end(datagrams);
	free(datagrams->batch);
	free(datagrams->sources);
	*datagrams = (struct datagrams){ .count = 0 };
}

int
datagrams_begin(struct datagrams *datagrams)
{
	int result = 0;

	if (datagrams->open)
		return 0;
	datagrams->open = true;
	for (int i = 0; i < datagrams->count; i++)
		if (watch(&datagrams->sources[i]) < 0)
			result = -1;
	return result;
}

void
datagrams_end(struct datagrams *datagrams)
{
	for (int i = 0; i < datagrams->count; i++) {
		struct datagram_source *source = &datagrams->sources[i];

		if (datagrams->open) {
			loop_remove(datagrams->loop, &source->source);
			serve_batches(source, LAST_BATCHES);
		}
		close(source->source.fd);
	}
	datagrams->open = false;
	datagrams->count = 0;
}

void
datagrams_look(struct datagrams *datagrams)
{
	for (int i = 0; datagrams->open && i < datagrams->count; i++) {
		struct datagram_source *source = &datagrams->sources[i];

		source_ready(&source->source, EPOLLIN);
		if (!source->watched)
			watch(source);
	}
}
