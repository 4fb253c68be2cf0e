/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/keeping.h"

#include "worker/keeping_request.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Packets of answers taken before the clients get their turn. */
enum {
	PACKETS_PER_EVENT = 16
};

/* --- who is logged in --- */

static struct keeping_list *
list_of(const struct keeping_session *session)
{
	struct keeping *keeping = session->keeping;

	return session->attached
		       ? &keeping->attached[session->id % KEEPING_BUCKETS]
		       : &keeping->detached;
}

void
keeping_list_in(struct keeping_session *session, bool attached)
{
	session->attached = attached;
	TAILQ_INSERT_TAIL(list_of(session), session, entry);
}

void
keeping_list_out(struct keeping_session *session)
{
	if (session->id)
		TAILQ_REMOVE(list_of(session), session, entry);
}

static struct keeping_session *
find_session(const struct keeping *keeping, uint64_t id)
{
	struct keeping_session *session;

	for (session = TAILQ_FIRST(&keeping->attached[id % KEEPING_BUCKETS]);
	     session; session = TAILQ_NEXT(session, entry)) {
		if (session->id == id)
			return session;
	}
	return NULL;
}

/* There is a new keeper, who knows of none. */
static void
detach_all(struct keeping *keeping)
{
	struct keeping_session *session;
	struct keeping_remains *remains, *next;

	for (int i = 0; i < KEEPING_BUCKETS; i++)
		while ((session = TAILQ_FIRST(&keeping->attached[i]))) {
			keeping_list_out(session);
			keeping_list_in(session, false);
		}
	for (remains = TAILQ_FIRST(&keeping->remains); remains;
	     remains = next) {
		next = TAILQ_NEXT(remains, entry);
		remains->attached = false;
		/* Nobody comes for it: that is how the keeper knows. */
		if (remains->lines == 0) {
			TAILQ_REMOVE(&keeping->remains, remains, entry);
			free(remains);
		}
	}
}

struct keeping_remains *
keeping_bury(struct keeping *keeping, uint64_t id, uint64_t key)
{
	struct keeping_remains *remains = calloc(1, sizeof(*remains));

	/* Without memory the session stays until this worker goes. */
	if (!remains)
		return NULL;
	remains->id = id;
	remains->key = key;
	TAILQ_INSERT_TAIL(&keeping->remains, remains, entry);
	return remains;
}

/* --- lines --- */

static void
pull(struct keeping *keeping)
{
	if (feed_pull(&keeping->feed) && keeping->events)
		keeping->events->lines(keeping->context);
}

static void
wake_ready(struct loop_source *source, uint32_t events)
{
	struct keeping *keeping =
		(struct keeping *)((char *)source -
				   offsetof(struct keeping, wake));
	uint64_t count;

	(void)events;
	(void)!read(source->fd, &count, sizeof(count));
	pull(keeping);
}

/* --- answers --- */

void
keeping_end(struct keeping_session *session)
{
	struct keeping *keeping = session->keeping;
	struct keeping_request *one;

	while ((one = TAILQ_FIRST(&session->requests))) {
		keeping_request_leave(one);
		if (one->state != KEEPING_ASKED)
			keeping_request_free(keeping, one);
	}
	keeping_list_out(session);
	session->id = 0;
	keeping->events->ended(session, session->why);
}

/* The keeper says so. */
static void
end_session(struct keeping_session *session, const char *why)
{
	strlcpy(session->why, why, sizeof(session->why));
	if (session->keeping->events->here(session))
		keeping_end(session);
	else
		session->over = true;
}

static void
take_over_notice(struct keeping *keeping, const struct keeper_told *told)
{
	struct keeping_session *session =
		find_session(keeping, told->head.session);
	char why[80];

	if (!session || !keeping->events)
		return;
	strlcpy(why, "it is over", sizeof(why));
	if (told->head.text_length < sizeof(why)) {
		memcpy(why, told->text, told->head.text_length);
		why[told->head.text_length] = '\0';
	}
	end_session(session, why);
}

/* Who asked is not here any more: a session that he got is nobody's. */
static void
return_session(struct keeping *keeping, const struct keeper_told *told)
{
	struct keeping_remains *remains;

	if (!told->head.session)
		return;
	remains = keeping_bury(keeping, told->head.session, told->head.key);
	if (remains)
		remains->attached = true;
}

static void
log_in(struct keeping_session *session, const struct keeper_told *told)
{
	session->id = told->head.session;
	session->key = told->head.key;
	session->user = told->head.user;
	session->said = 0;
	memcpy(session->name, told->name, told->head.name_length);
	session->name[told->head.name_length] = '\0';
	keeping_list_in(session, true);
}

static void
deliver(struct keeping_session *session, const struct keeper_request *head,
	const struct keeper_told *told)
{
	struct keeping_answer answer = {
		.type = (enum keeper_type)head->type,
		.outcome = (enum keeper_outcome)told->head.outcome,
		.number = head->number,
		.seq = told->head.seq,
		.cursor = told->head.cursor,
		.count = told->head.count,
		.absent = told->head.absent,
		.text = told->text,
		.length = told->head.text_length,
	};

	if (head->type == KEEPER_WHO)
		memcpy(answer.more, told->name, told->head.name_length);
	session->keeping->events->answered(session, &answer);
}

static void
settle(struct keeping *keeping, struct keeping_request *one,
       const struct keeper_told *told)
{
	struct keeping_session *session = one->session;
	struct keeper_request head = keeping_request_head(one);

	if (session && !keeping->events->here(session)) {
		/* If it comes back it asks again. */
		return_session(keeping, told);
		keeping_request_enter(keeping, one, KEEPING_HELD);
		return;
	}
	if (one->remains)
		one->remains->lines--;
	keeping_request_free(keeping, one);
	if (!session) {
		return_session(keeping, told);
	} else if (told->head.outcome == KEEPER_OVER && session->id) {
		end_session(session, "it is over");
	} else {
		if (told->head.session && !session->id)
			log_in(session, told);
		deliver(session, &head, told);
	}
}

static void
take_answer(struct keeping *keeping, const struct keeper_told *told)
{
	struct keeping_request *one;

	if (told->head.token == 0) {
		take_over_notice(keeping, told);
		return;
	}
	/* Whoever asked may have been closed. */
	one = keeping_request_find(keeping, told->head.token);
	if (one)
		settle(keeping, one, told);
}

/* False when there are no more for now. */
static bool
receive(struct keeping *keeping)
{
	const char *bytes = keeping->packet;
	struct keeper_told told;
	ssize_t n = recv(keeping->link.fd, keeping->packet, KEEPER_PACKET,
			 MSG_DONTWAIT | MSG_TRUNC);
	size_t length;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* What was published before an answer comes before it. */
	if (n > 0)
		pull(keeping);
	while (n > 0 && n <= KEEPER_PACKET &&
	       (length = keeper_wire_told(bytes, (size_t)n, &told)) > 0) {
		take_answer(keeping, &told);
		bytes += length;
		n -= (ssize_t)length;
		if (n == 0)
			return keeping->link.fd >= 0;
	}
	/* It died; the next one is on its way. */
	keeping_lose(keeping);
	return false;
}

static void
link_ready(struct loop_source *source, uint32_t events)
{
	struct keeping *keeping =
		(struct keeping *)((char *)source -
				   offsetof(struct keeping, link));

	if (events & EPOLLOUT && keeping->full) {
		keeping->full = false;
		(void)loop_modify(keeping->loop, &keeping->link, EPOLLIN);
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		for (int i = 0; i < PACKETS_PER_EVENT; i++)
			if (!receive(keeping))
				break;
	keeping_flush(keeping);
}

/* --- life --- */

int
keeping_open(struct keeping *keeping, struct loop *loop)
{
	*keeping = (struct keeping){ .loop = loop };
	feed_init(&keeping->feed);
	keeping->link = (struct loop_source){ link_ready, -1 };
	keeping->wake = (struct loop_source){ wake_ready, -1 };
	for (int i = 0; i < KEEPING_BUCKETS; i++)
		TAILQ_INIT(&keeping->attached[i]);
	TAILQ_INIT(&keeping->detached);
	TAILQ_INIT(&keeping->remains);
	keeping->flush.run = keeping_send;
	keeping->packet = malloc(KEEPER_PACKET);
	if (!keeping->packet)
		return -1;
	return keeping_request_open(keeping);
}

static int
watch(struct keeping *keeping)
{
	if (loop_add(keeping->loop, &keeping->link, EPOLLIN) < 0)
		return -1;
	if (loop_add(keeping->loop, &keeping->wake, EPOLLIN) == 0)
		return 0;
	loop_remove(keeping->loop, &keeping->link);
	return -1;
}

void
keeping_link(struct keeping *keeping, int link, int wake, int ring)
{
	bool mapped = feed_map(&keeping->feed, ring) == 0;

	close(ring);
	keeping_lose(keeping);
	keeping->link.fd = link;
	keeping->wake.fd = wake;
	if (!mapped || watch(keeping) < 0) {
		close(link);
		close(wake);
		keeping->link.fd = -1;
		keeping->wake.fd = -1;
		return;
	}
	detach_all(keeping);
	keeping_request_again(keeping);
	keeping_flush(keeping);
	pull(keeping);
}

void
keeping_close(struct keeping *keeping)
{
	struct keeping_remains *remains;

	keeping_lose(keeping);
	while ((remains = TAILQ_FIRST(&keeping->remains))) {
		TAILQ_REMOVE(&keeping->remains, remains, entry);
		free(remains);
	}
	keeping_request_close(keeping);
	feed_close(&keeping->feed);
	loop_forget(keeping->loop, &keeping->flush);
	free(keeping->packet);
}

void
keeping_use(struct keeping *keeping, const struct keeping_events *events,
	    void *context)
{
	keeping->events = events;
	keeping->context = context;
}
