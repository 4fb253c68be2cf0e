/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/handover.h"

#include "base/clock.h"
#include "ipc/events.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint64_t STALL = 2 * (uint64_t)CLOCK_SECOND;
static const uint64_t SETTLING = (uint64_t)CLOCK_SECOND;
static const uint64_t PULSE = 10 * (uint64_t)CLOCK_MILLISECOND;

static bool
is_open(const struct handover_link *link)
{
	return link->source.fd >= 0;
}

/* --- what has a receipt, and what has none --- */

static struct conn **
offered_to(const struct handover_link *link)
{
	struct handover *handover = link->handover;

	return handover->offered[link - handover->links];
}

/* The receipt for the oldest batch: its connections are the successor's. */
static void
settle(struct handover_link *link)
{
	struct conn **offered = offered_to(link);
	int count = link->counts[0];

	link->given += (uint64_t)count;
	link->handover->given += (uint64_t)count;
	link->batches--;
	memmove(link->counts, link->counts + 1,
		(size_t)link->batches * sizeof(*link->counts));
	link->waiting_since = clock_monotonic();
	link->handover->settled = link->waiting_since;
	for (int i = 0; i < count; i++)
		conn_give(offered[i]);
	link->offered -= count;
	memmove(offered, offered + count,
		(size_t)link->offered * sizeof(struct conn *));
}

/* Take the receipts that are there.  False when the successor is no good. */
static bool
take_receipts(struct handover_link *link)
{
	int count, got;

	while ((got = handoff_receipt(link->source.fd, &count)) > 0) {
		if (link->batches == 0 || count != link->counts[0])
			return false;
		settle(link);
	}
	return got == 0;
}

/*
 * Its receipts are final once the socket is shut down: what has none is ours
 * again, whatever the other end still finds in its queue.
 */
static void
let_go(struct handover_link *link)
{
	struct conn **offered = offered_to(link);

	shutdown(link->source.fd, SHUT_RDWR);
	(void)take_receipts(link);
	loop_remove(link->handover->conns->loop, &link->source);
	close(link->source.fd);
	link->source.fd = -1;
	link->batches = 0;
	for (int i = 0; i < link->offered; i++)
		conn_reclaim(offered[i]);
	link->offered = 0;
}

static void
give_up(struct handover_link *link, const char *reason)
{
	struct log_record record;
	int returned = 0;

	for (int i = 0; i < link->batches; i++)
		returned += link->counts[i];
	if (log_begin(&record, EVENT_HANDOVER_FAILED)) {
		log_tag(&record, "to_generation", "%" PRIu64, link->generation);
		log_tag(&record, "reason", "%s", reason);
		log_tag(&record, "taken", "%" PRIu64, link->given);
		log_tag(&record, "without_receipt", "%d", returned);
		log_end(&record);
	}
	let_go(link);
}

/* --- who gets the next batch --- */

/* Of the last generation that came, whoever got the least so far. */
static struct handover_link *
choose(struct handover *handover)
{
	struct handover_link *chosen = NULL;
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < HANDOVER_LINKS; i++) {
		struct handover_link *link = &handover->links[i];
		uint64_t has = link->given;

		if (!is_open(link) || link->generation != handover->generation)
			continue;
		for (int k = 0; k < link->batches; k++)
			has += (uint64_t)link->counts[k];
		if (has < least) {
			least = has;
			chosen = link;
		}
	}
	return chosen;
}

static int
links_open(const struct handover *handover)
{
	int count = 0;

	for (int i = 0; i < HANDOVER_LINKS; i++)
		count += is_open(&handover->links[i]) &&
			 handover->links[i].generation == handover->generation;
	return count;
}

/* A connection that is here, or NULL.  Those who wait longest come first. */
static struct conn *
next_conn(struct handover *handover)
{
	for (int i = 0; i < handover->instance_count; i++) {
		struct instance *instance = &handover->instances[i];

		if (!TAILQ_EMPTY(&instance->blocked))
			return TAILQ_FIRST(&instance->blocked)->conn;
		if (instance->member_count > 0)
			return instance->members[instance->member_count - 1];
	}
	return NULL;
}

static uint32_t
conns_here(const struct handover *handover)
{
	uint32_t count = 0;

	for (int i = 0; i < handover->instance_count; i++)
		count += handover->instances[i].member_count;
	return count;
}

/* --- a batch --- */

static bool
add(struct handover *handover, struct conn *conn)
{
	const struct service *service = conn->instance->config->service;
	struct handoff_conn saved;
	const char *owed;

	conn_save(conn, &saved, &owed);
	if (service->save)
		saved.state = (uint32_t)service->save(conn, handover->state);
	return handoff_add(&handover->batch, conn->source.fd, &saved, owed,
			   handover->state);
}

/* As many as are this successor's share, and fit. */
static void
offer(struct handover *handover, struct handover_link *link, int share)
{
	struct conn **offered = offered_to(link);
	struct conn *conn;

	handoff_begin(&handover->batch);
	while (handover->batch.count < share && (conn = next_conn(handover)) &&
	       add(handover, conn)) {
		conn_offer(conn);
		offered[link->offered++] = conn;
	}
}

/* What could not be sent is not under way. */
static void
take_back(struct handover_link *link, int count)
{
	struct conn **offered = offered_to(link);

	while (count-- > 0)
		conn_reclaim(offered[--link->offered]);
}

enum sent {
	SENT,
	SENT_LATER,  /* this successor, or the system, is full */
	SENT_NOTHING /* to a successor that is gone now */
};

static enum sent
send_batch(struct handover *handover, struct handover_link *link, int share)
{
	int count, error;

	offer(handover, link, share);
	count = handover->batch.count;
	if (handoff_send(link->source.fd, &handover->batch) == 0) {
		if (link->batches == 0)
			link->waiting_since = clock_monotonic();
		link->counts[link->batches++] = count;
		return SENT;
	}
	error = errno;
	take_back(link, count);
	if (error == EAGAIN || error == ETOOMANYREFS || error == ENOBUFS ||
	    error == ENOMEM)
		return SENT_LATER;
	give_up(link, strerror(error));
	return SENT_NOTHING;
}

static int
share_of(uint32_t left, int successors)
{
	uint32_t share =
		(left + (uint32_t)successors - 1) / (uint32_t)successors;

	return share < HANDOFF_BATCH ? (int)share : HANDOFF_BATCH;
}

void
handover_continue(struct handover *handover)
{
	uint32_t left;

	if (!handover->open)
		return;
	while ((left = conns_here(handover)) > 0) {
		struct handover_link *link = choose(handover);

		if (!link || link->batches == HANDOVER_WINDOW)
			return;
		if (send_batch(handover, link,
			       share_of(left, links_open(handover))) ==
		    SENT_LATER)
			return;
	}
}

/* --- events --- */

static void
link_ready(struct loop_source *source, uint32_t events)
{
	struct handover_link *link = (struct handover_link *)source;
	struct handover *handover = link->handover;

	(void)events;
	if (!take_receipts(link))
		give_up(link, "it is gone");
	handover_continue(handover);
}

/* Look for those that stall, and try again what did not go. */
static void
pulse(struct timer *timer, bool stepped)
{
	struct handover *handover =
		(struct handover *)((char *)timer -
				    offsetof(struct handover, pulse));
	uint64_t now = clock_monotonic();

	(void)stepped;
	for (int i = 0; i < HANDOVER_LINKS; i++) {
		struct handover_link *link = &handover->links[i];

		if (!is_open(link))
			continue;
		if (link->batches > 0 && now - link->waiting_since >= STALL)
			give_up(link, "it does not answer");
		else if (link->batches == 0 &&
			 link->generation != handover->generation)
			let_go(link);
	}
	handover_continue(handover);
	/* It may be the time to leave. */
	handover->conns->changed(handover->conns);
}

/* --- life --- */

int
handover_open(struct handover *handover, struct conns *conns,
	      struct instance *instances, int instance_count)
{
	handover->conns = conns;
	handover->instances = instances;
	handover->instance_count = instance_count;
	for (int i = 0; i < HANDOVER_LINKS; i++)
		handover->links[i].source.fd = -1;
	return timer_open(&handover->pulse, conns->loop, CLOCK_MONOTONIC,
			  pulse);
}

static struct handover_link *
free_link(struct handover *handover)
{
	for (int i = 0; i < HANDOVER_LINKS; i++)
		if (!is_open(&handover->links[i]))
			return &handover->links[i];
	return NULL;
}

static void
add_link(struct handover *handover, uint64_t generation, int fd)
{
	struct handover_link *link = free_link(handover);

	if (!link) {
		close(fd);
		return;
	}
	*link = (struct handover_link){
		.source = { link_ready, fd },
		.handover = handover,
		.generation = generation,
	};
	if (loop_add(handover->conns->loop, &link->source, EPOLLIN) < 0) {
		close(fd);
		link->source.fd = -1;
	}
}

void
handover_begin(struct handover *handover, uint64_t generation, const int *fds,
	       int count)
{
	if (!handover->open) {
		handover->open = true;
		handover->began = clock_monotonic();
		timer_every(&handover->pulse, PULSE);
	}
	if (generation > handover->generation)
		handover->generation = generation;
	for (int i = 0; i < count; i++)
		add_link(handover, generation, fds[i]);
	handover_continue(handover);
}

bool
handover_under_way(const struct handover *handover)
{
	for (int i = 0; i < HANDOVER_LINKS; i++)
		if (is_open(&handover->links[i]) &&
		    handover->links[i].batches > 0)
			return true;
	return false;
}

bool
handover_settling(const struct handover *handover)
{
	return handover->settled > 0 &&
	       clock_monotonic() - handover->settled < SETTLING;
}

void
handover_cancel(struct handover *handover)
{
	if (!handover->open)
		return;
	handover->open = false;
	timer_cancel(&handover->pulse);
	for (int i = 0; i < HANDOVER_LINKS; i++)
		if (is_open(&handover->links[i]))
			let_go(&handover->links[i]);
}

static void
log_done(const struct handover *handover)
{
	uint64_t took = clock_monotonic() - handover->began;
	struct log_record record;

	if (!log_begin(&record, EVENT_HANDED_OVER))
		return;
	log_tag(&record, "connections", "%" PRIu64, handover->given);
	log_tag(&record, "to_generation", "%" PRIu64, handover->generation);
	log_tag(&record, "ms", "%.3f", (double)took / 1e6);
	log_end(&record);
}

void
handover_close(struct handover *handover)
{
	bool was_open = handover->open;

	handover_cancel(handover);
	if (was_open)
		log_done(handover);
	timer_close(&handover->pulse);
}
