/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_slots.h"

#include "tools/bench_socket.h"

#include "base/clock.h"
#include "base/fds.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 256,	   /* fetched at once */
	OPEN_SLOTS = 8192, /* with a rate: as many as may ever be outstanding */
	SPARE = 64,	   /* descriptors that are no sockets of the load */
};

/* A failure is not repeated before that. */
#define REST (10 * CLOCK_MILLISECOND)
/* With a rate: what is due in that time goes out together. */
#define BURST (200 * CLOCK_MICROSECOND)

/* What an event belongs to: a gate, or else the slot of that index. */
#define GATE_EVENT UINT64_C(0x100000000)

static int64_t
monotonic(void)
{
	return (int64_t)clock_monotonic();
}

/* ---- Requests and what becomes of them ---------------------------------- */

/* One request of SLOT is decided; the last one frees the slot. */
static void
decided(struct slots *slots, struct slot *slot)
{
	if (--slot->pending > 0)
		return;
	TAILQ_REMOVE(&slots->busy, slot, link);
	/* The one used last is the one that the caches have. */
	TAILQ_INSERT_HEAD(&slots->idle, slot, link);
}

int
slots_connect(struct slots *slots, struct slot *slot, uint32_t events)
{
	const struct addr *address = &slots->plan->address;

	slot->fd = bench_socket(address, slot->number, 0);
	if (slot->fd < 0 ||
	    (connect(slot->fd, &address->sa, address->length) < 0 &&
	     errno != EINPROGRESS))
		return -1;
	return slots_watch(slots, slot, events);
}

void
slots_drop(struct slot *slot)
{
	if (slot->fd >= 0)
		bench_reset(slot->fd);
	slot->fd = -1;
}

void
slots_answer(struct slots *slots, struct slot *slot, const unsigned char *bytes,
	     size_t length)
{
	struct query_counts *counts = &slots->result->counts;
	int64_t past = monotonic() - slot->sent;

	histogram_add(&counts->latency, (uint64_t)(past / CLOCK_MICROSECOND),
		      1);
	switch (slots->plan->ask->check(&slots->plan->rule, bytes, length,
					clock_realtime())) {
	case ASK_UNSYNCED:
		counts->unsynchronised++;
		counts->answered++;
		break;
	case ASK_RIGHT:
		counts->answered++;
		break;
	case ASK_REFUSED:
		counts->refused++;
		break;
	default:
		counts->wrong++;
	}
	decided(slots, slot);
}

void
slots_fail(struct slots *slots, struct slot *slot, int error)
{
	slots->result->counts.failed++;
	if (slots->result->error == 0)
		slots->result->error = error;
	slots->rest = monotonic() + REST;
	decided(slots, slot);
}

int
slots_watch(struct slots *slots, struct slot *slot, uint32_t events)
{
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64_t)(slot - slots->all),
	};

	return epoll_ctl(slots->epfd, EPOLL_CTL_ADD, slot->fd, &event);
}

/* Send COUNT requests on an idle slot. */
static void
start(struct slots *slots, struct slot *slot, uint32_t count)
{
	int sent;

	TAILQ_REMOVE(&slots->idle, slot, link);
	TAILQ_INSERT_TAIL(&slots->busy, slot, link);
	slot->seen = 0;
	slot->cookie = slots->cookie;
	slot->sent = monotonic();
	slot->asked = slot->pending = count;
	sent = slots->transport->send(slots, slot, count);
	if (sent < 0) {
		/* One of them was tried. */
		slot->pending = 1;
		sent = 1;
		slots_fail(slots, slot, errno);
		slots->transport->drop(slot);
	} else {
		slot->asked = slot->pending = (uint32_t)sent;
	}
	slots->started += (uint64_t)sent;
	slots->cookie += (uint64_t)sent;
	slots->result->counts.sent += (uint64_t)sent;
}

/* What has waited too long is lost, and so is its socket. */
static void
expire(struct slots *slots, int64_t now)
{
	struct slot *slot;

	while ((slot = TAILQ_FIRST(&slots->busy)) &&
	       now - slot->sent >= slots->plan->timeout) {
		slots->result->counts.lost += slot->pending;
		slot->pending = 1;
		slots->transport->drop(slot);
		decided(slots, slot);
	}
}

/* How many requests the rate asks for until NOW and were not sent. */
static uint64_t
due(const struct slots *slots, int64_t now)
{
	double wanted =
		(double)(now - slots->from) / CLOCK_SECOND * slots->rate;

	if (now <= slots->from || wanted <= (double)slots->started)
		return 0;
	return (uint64_t)wanted - slots->started;
}

static void
send_due(struct slots *slots, int64_t now)
{
	uint64_t left = due(slots, now);
	struct slot *slot;

	while (left > 0 && now >= slots->rest &&
	       (slot = TAILQ_FIRST(&slots->idle))) {
		uint32_t count =
			left < slot->size ? (uint32_t)left : slot->size;

		start(slots, slot, count);
		left = due(slots, now);
	}
}

static void
send_all(struct slots *slots, int64_t now)
{
	struct slot *slot;

	while (now >= slots->rest && (slot = TAILQ_FIRST(&slots->idle)))
		start(slots, slot, slot->size);
}

/* ---- The loop ----------------------------------------------------------- */

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Wait for events until TIME, monotonic (INT64_MAX: no end); serve them. */
static void
turn(struct slots *slots, int64_t time)
{
	struct epoll_event events[EVENTS];
	int64_t left = time == INT64_MAX ? 0 : time - monotonic();
	struct timespec wait = clock_timespec(left > 0 ? left : 0);
	int n = epoll_pwait2(slots->epfd, events, EVENTS,
			     time == INT64_MAX ? NULL : &wait, NULL);

	for (int i = 0; i < n; i++) {
		uint64_t data = events[i].data.u64;

		if (data < GATE_EVENT) {
			slots->transport->serve(slots, &slots->all[data],
						events[i].events);
			continue;
		}
		/* It stays open: once is enough. */
		slots->open[data - GATE_EVENT] = true;
	}
}

/* When there is something to do again, if no event comes before. */
static int64_t
next_time(const struct slots *slots, int64_t now, int64_t until)
{
	const struct slot *first = TAILQ_FIRST(&slots->busy);
	int64_t next = now < until ? until : INT64_MAX;

	if (first)
		next = earlier(next, first->sent + slots->plan->timeout);
	if (now >= until || TAILQ_EMPTY(&slots->idle))
		return next;
	if (slots->rest > now)
		return earlier(next, slots->rest);
	if (slots->rate > 0) {
		double gap = (double)CLOCK_SECOND / slots->rate;
		int64_t at = slots->from +
			     (int64_t)((double)(slots->started + 1) * gap);

		at = at < now + BURST ? now + BURST : at;
		next = earlier(next, at);
	}
	return next;
}

/* Send and receive until the window is over and all is decided. */
static void
measure(struct slots *slots)
{
	const struct query_plan *plan = slots->plan;
	int64_t burst = 0;
	bool ended = false; /* the last ones are out */

	slots->from = plan->from;
	for (;;) {
		int64_t now = monotonic();
		int64_t until = plan->until;

		if (slots->open[GATE_RELEASE])
			return;
		if (slots->open[GATE_STOP])
			until = earlier(until, now);
		expire(slots, now);
		if (slots->rate > 0 && !ended &&
		    (now >= burst || now >= until)) {
			send_due(slots, earlier(now, until));
			burst = now + BURST;
			ended = now >= until;
		} else if (slots->rate <= 0 && now < until) {
			send_all(slots, now);
		}
		if (now >= until && TAILQ_EMPTY(&slots->busy))
			break;
		turn(slots, next_time(slots, now, until));
	}
	if (slots->rate > 0)
		slots->result->counts.unsent = due(slots, plan->until);
}

/* ---- The process -------------------------------------------------------- */

/* One that is open already would be told of again and again. */
static int
watch_gates(struct slots *slots, const struct crew_ends *ends)
{
	for (int i = 0; i < GATES; i++) {
		struct epoll_event event = {
			.events = EPOLLIN | EPOLLET,
			.data.u64 = GATE_EVENT + (unsigned)i,
		};

		if (epoll_ctl(slots->epfd, EPOLL_CTL_ADD, ends->gates[i],
			      &event) < 0)
			return -1;
	}
	return 0;
}

/* How many slots this process has, and of what size each is. */
static uint32_t
count_slots(const struct query_plan *plan, uint32_t number,
	    uint32_t *outstanding)
{
	unsigned long limit = fds_raise_limit();

	if (plan->rate > 0) {
		*outstanding = 0;
		if (limit <= SPARE)
			return 1;
		return limit - SPARE < OPEN_SLOTS ? (uint32_t)(limit - SPARE)
						  : OPEN_SLOTS;
	}
	*outstanding = crew_part(plan->outstanding, number, plan->processes);
	return (*outstanding + plan->batch - 1) / plan->batch;
}

static int
open_slots(struct slots *slots, uint32_t number)
{
	const struct query_plan *plan = slots->plan;
	size_t bytes =
		slots->transport->pieces ? plan->answer + plan->request : 0;
	uint32_t outstanding;

	slots->count = count_slots(plan, number, &outstanding);
	slots->all = calloc(slots->count, sizeof(*slots->all));
	if (bytes > 0)
		slots->bytes = calloc(slots->count, bytes);
	if (!slots->all || (bytes > 0 && !slots->bytes))
		return -1;
	for (uint32_t i = 0; i < slots->count; i++) {
		struct slot *slot = &slots->all[i];

		slot->fd = -1;
		slot->number = i * plan->processes + number;
		slot->size = outstanding > 0
				     ? crew_part(outstanding, i, slots->count)
				     : plan->batch;
		if (bytes > 0)
			slot->bytes = slots->bytes + i * bytes;
		TAILQ_INSERT_TAIL(&slots->idle, slot, link);
		/* With a rate nobody knows how many it takes. */
		if (slots->transport->open && outstanding > 0)
			slots->transport->open(slots, slot);
	}
	return 0;
}

static int
slots_open(struct slots *slots, const struct slots_share *share)
{
	TAILQ_INIT(&slots->idle);
	TAILQ_INIT(&slots->busy);
	slots->rate = slots->plan->rate / slots->plan->processes;
	slots->transport = slots->plan->udp	    ? &transport_datagrams
			   : slots->plan->ask->kept ? &transport_kept
						    : &transport_connects;
	if (getrandom(&slots->cookie, sizeof(slots->cookie), 0) !=
	    sizeof(slots->cookie))
		return -1;
	slots->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (slots->epfd < 0 || watch_gates(slots, &share->ends) < 0)
		return -1;
	return open_slots(slots, share->number);
}

static void
slots_close(struct slots *slots)
{
	for (uint32_t i = 0; i < slots->count; i++)
		if (slots->all[i].fd >= 0)
			slots->transport->drop(&slots->all[i]);
	close(slots->epfd);
	free(slots->bytes);
	free(slots->all);
}

static void
report(const struct slots_share *share)
{
	/* A main process that is gone opens the gates; nothing is lost. */
	if (write(share->ends.report, "", 1) < 0)
		return;
}

static int64_t
cpu_time(void)
{
	struct timespec used = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * CLOCK_SECOND + used.tv_nsec;
}

int
slots_bear(const struct query_plan *plan, const struct slots_share *share,
	   struct query_result *result)
{
	struct slots slots = { .plan = plan, .result = result };
	int64_t before;

	if (slots_open(&slots, share) < 0) {
		bench_complain("cannot start a load process: %s",
			       strerror(errno));
		free(slots.all);
		free(slots.bytes);
		return EX_OSERR;
	}
	report(share);
	while (!slots.open[GATE_GO] && !slots.open[GATE_RELEASE])
		turn(&slots, INT64_MAX);
	before = cpu_time();
	measure(&slots);
	result->cpu = cpu_time() - before;
	report(share);
	while (!slots.open[GATE_RELEASE])
		turn(&slots, INT64_MAX);
	slots_close(&slots);
	return 0;
}
