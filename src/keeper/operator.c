/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/operator.h"

#include "base/clock.h"
#include "ipc/answer.h"
#include "ipc/control.h"
#include "ipc/events.h"
#include "keeper/context.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

/* Users or messages in one page. */
enum {
	PAGE = 64
};

/* Messages, unless a number is asked for. */
#define LAST "20"

/* --- what is written --- */

/* Add OBJECT, which is taken over, to what is to be sent. */
static void
add(struct operator_peer *peer, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0;
	char *grown = realloc(peer->answer, peer->length + length + 1);

	json_decref(object);
	/* Out of memory the answer ends early, without an `ok`. */
	if (text && grown) {
		memcpy(grown + peer->length, text, length);
		grown[peer->length + length] = '\n';
		peer->length += length + 1;
	}
	if (grown)
		peer->answer = grown;
	if (!text || !grown)
		peer->list = OPERATOR_NOTHING;
	free(text);
}

static void
add_done(struct operator_peer *peer, const char *what, uint64_t count)
{
	peer->list = OPERATOR_NOTHING;
	if (what)
		add(peer,
		    json_pack("{s:b, s:I}", "ok", 1, what, (json_int_t)count));
	else
		add(peer, json_pack("{s:b}", "ok", 1));
}

static void add_refusal(struct operator_peer *peer, int status,
			const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void
add_refusal(struct operator_peer *peer, int status, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	peer->list = OPERATOR_NOTHING;
	add(peer, answer_refusal(status, text));
}

/* The store failed. */
static void
add_trouble(struct operator_peer *peer)
{
	struct keeper *keeper = peer->operators->keeper;

	supply_failed(keeper);
	add_refusal(peer, EXIT_FAILURE, "%s/timed.db: %s",
		    keeper->plan->state_dir, keeper->trouble);
}

/* --- lists --- */

static void
add_user(struct operator_peer *peer, const struct store_user *user)
{
	const struct roster_user *here =
		roster_user(&peer->operators->keeper->roster, user->id);

	add(peer,
	    json_pack("{s:{s:s, s:I, s:I, s:I}}", "user", "name", user->name,
		      "created", (json_int_t)user->created, "last_seen",
		      (json_int_t)user->last_seen, "sessions",
		      (json_int_t)(here ? here->sessions : 0)));
}

static void
page_of_users(struct operator_peer *peer)
{
	struct keeper *keeper = peer->operators->keeper;
	enum store_result result = STORE_FAILED;
	struct store_user user;

	for (int i = 0; i < PAGE && peer->list == OPERATOR_USERS; i++) {
		result = keeper->store ? store_next_user(keeper->store,
							 peer->after, &user)
				       : STORE_FAILED;
		if (result != STORE_OK)
			break;
		peer->after = user.id;
		add_user(peer, &user);
	}
	explicit_bzero(&user, sizeof(user));
	if (result == STORE_NONE)
		add_done(peer, NULL, 0);
	else if (result == STORE_FAILED)
		add_trouble(peer);
}

/* What is being listed, and how many are still wanted of the page. */
struct listing {
	struct operator_peer *peer;
	int left;
};

static bool
add_message(void *context, const struct store_message *message)
{
	struct listing *listing = context;
	struct operator_peer *peer = listing->peer;
	json_t *object = json_pack(
		"{s:I, s:I, s:s, s:s, s:s%}", "seq", (json_int_t)message->seq,
		"time", (json_int_t)message->time, "kind",
		message->kind == RING_ACTION ? "action" : "message", "from",
		message->from_name, "text", message->text, message->length);

	if (object && message->to_name)
		json_object_set_new(object, "to",
				    json_string(message->to_name));
	/* What is no UTF-8 was put there by another hand. */
	if (object)
		add(peer, json_pack("{s:o}", "message", object));
	peer->after = message->seq;
	peer->wanted--;
	return --listing->left > 0 && peer->wanted > 0 &&
	       peer->list == OPERATOR_HISTORY_LIST;
}

static void
page_of_history(struct operator_peer *peer)
{
	struct keeper *keeper = peer->operators->keeper;
	struct listing listing = { peer, PAGE };

	if (!keeper->store || store_messages(keeper->store, peer->after,
					     add_message, &listing) != STORE_OK)
		add_trouble(peer);
	else if (peer->list == OPERATOR_HISTORY_LIST &&
		 (listing.left > 0 || peer->wanted == 0))
		add_done(peer, NULL, 0);
}

/* --- what is to be done --- */

static void
end_sessions(struct keeper *keeper, uint64_t user)
{
	struct roster_session *session, *next;

	for (session = TAILQ_FIRST(&keeper->roster.all); session;
	     session = next) {
		next = TAILQ_NEXT(session, entry);
		if (session->user && (!user || session->user->id == user))
			requests_end_session(keeper, session,
					     "your name was removed");
	}
}

static void
users(struct operator_peer *peer, const char *argument)
{
	(void)argument;
	peer->list = OPERATOR_USERS;
}

static void
users_del(struct operator_peer *peer, const char *argument)
{
	struct keeper *keeper = peer->operators->keeper;
	enum store_result result = STORE_FAILED;
	struct store_user user = { 0 };
	struct name name;
	const char *wrong = name_parse(argument, strlen(argument), &name);

	if (wrong) {
		add_refusal(peer, EX_USAGE, "a name %s", wrong);
		return;
	}
	if (keeper->store)
		result = store_user(keeper->store, &name, &user);
	if (result == STORE_OK)
		result = store_remove_user(keeper->store, user.id);
	if (result == STORE_NONE) {
		add_refusal(peer, EXIT_FAILURE, "there is no user \"%s\"",
			    name.text);
	} else if (result != STORE_OK) {
		add_trouble(peer);
	} else {
		log_event(EVENT_USER_REMOVED, "user", "%s", user.name);
		end_sessions(keeper, user.id);
		add_done(peer, "removed", 1);
	}
}

static void
users_clear(struct operator_peer *peer, const char *argument)
{
	struct keeper *keeper = peer->operators->keeper;
	uint64_t removed;

	(void)argument;
	if (!keeper->store ||
	    store_remove_users(keeper->store, &removed) != STORE_OK) {
		add_trouble(peer);
		return;
	}
	log_event(EVENT_USER_REMOVED, "count", "%" PRIu64, removed);
	end_sessions(keeper, 0);
	add_done(peer, "removed", removed);
}

static void
history(struct operator_peer *peer, const char *argument)
{
	struct keeper *keeper = peer->operators->keeper;
	char *end;
	long count = strtol(argument, &end, 10);

	if (*argument == '\0' || *end || count < 1 ||
	    count > CONTROL_MESSAGES) {
		add_refusal(peer, EX_USAGE, "history: 1 to %d messages",
			    CONTROL_MESSAGES);
		return;
	}
	/* What waits is no older than the question. */
	lines_commit(&keeper->lines);
	peer->list = OPERATOR_HISTORY_LIST;
	peer->wanted = count;
	if (!keeper->store || store_before_last(keeper->store, (uint32_t)count,
						&peer->after) != STORE_OK)
		add_trouble(peer);
}

static void
last_messages(struct operator_peer *peer, const char *argument)
{
	(void)argument;
	history(peer, LAST);
}

static void
history_clear(struct operator_peer *peer, const char *argument)
{
	struct keeper *keeper = peer->operators->keeper;
	uint64_t removed;

	(void)argument;
	lines_commit(&keeper->lines);
	if (!keeper->store ||
	    store_clear_messages(keeper->store, &removed) != STORE_OK) {
		add_trouble(peer);
		return;
	}
	log_event(EVENT_HISTORY_CLEARED, "count", "%" PRIu64, removed);
	add_done(peer, "removed", removed);
}

/* The longer ones first: what follows is the argument. */
static const struct {
	const char *name;
	void (*answer)(struct operator_peer *peer, const char *argument);
} questions[] = {
	{ "users del ", users_del }, { "users clear", users_clear },
	{ "users", users },	     { "history clear", history_clear },
	{ "history ", history },     { "history", last_messages },
};

static void
understand(struct operator_peer *peer, const char *text)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		size_t length = strlen(questions[i].name);

		if (strncmp(text, questions[i].name, length) != 0)
			continue;
		if (questions[i].name[length - 1] != ' ' && text[length])
			continue;
		questions[i].answer(peer, text + length);
		return;
	}
	add_refusal(peer, EX_USAGE, "the keeper does not know that");
}

/* --- peers --- */

static void
drop(struct operator_peer *peer)
{
	if (peer->source.fd < 0)
		return;
	loop_remove(&peer->operators->keeper->loop, &peer->source);
	close(peer->source.fd);
	free(peer->answer);
	peer->answer = NULL;
	peer->source.fd = -1;
}

static void
next_page(struct operator_peer *peer)
{
	peer->length = 0;
	peer->sent = 0;
	if (peer->list == OPERATOR_USERS)
		page_of_users(peer);
	else if (peer->list == OPERATOR_HISTORY_LIST)
		page_of_history(peer);
}

static void
peer_ready(struct loop_source *source, uint32_t events)
{
	struct operator_peer *peer = (struct operator_peer *)source;
	ssize_t n;

	if (events & (EPOLLERR | EPOLLHUP)) {
		drop(peer);
		return;
	}
	if (peer->sent == peer->length)
		next_page(peer);
	if (peer->length == 0) {
		drop(peer);
		return;
	}
	n = send(source->fd, peer->answer + peer->sent,
		 peer->length - peer->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		drop(peer);
		return;
	}
	if (n > 0) {
		peer->sent += (size_t)n;
		peer->deadline = clock_monotonic() +
				 OPERATOR_SECONDS * (uint64_t)CLOCK_SECOND;
	}
	if (peer->sent == peer->length && peer->list == OPERATOR_NOTHING)
		drop(peer);
}

void
operators_ask(struct operators *operators, const char *text, int fd)
{
	static const char busy[] = "{\"ok\":false,\"error\":\"the keeper "
				   "answers others\",\"exit\":75}\n";
	struct operator_peer *peer = operators->peers;
	const struct operator_peer *end = peer + OPERATOR_PEERS;

	while (peer < end && peer->source.fd >= 0)
		peer++;
	if (peer == end) {
		(void)!send(fd, busy, sizeof(busy) - 1,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		return;
	}
	*peer = (struct operator_peer){
		.source = { peer_ready, fd },
		.operators = operators,
		.deadline = clock_monotonic() +
			    OPERATOR_SECONDS * (uint64_t)CLOCK_SECOND,
	};
	if (loop_add(&operators->keeper->loop, &peer->source, EPOLLOUT) < 0) {
		close(fd);
		peer->source.fd = -1;
		return;
	}
	understand(peer, text);
}

void
operators_check(struct operators *operators)
{
	uint64_t now = clock_monotonic();

	for (int i = 0; i < OPERATOR_PEERS; i++)
		if (operators->peers[i].source.fd >= 0 &&
		    now >= operators->peers[i].deadline)
			drop(&operators->peers[i]);
}

void
operators_open(struct operators *operators, struct keeper *keeper)
{
	operators->keeper = keeper;
	for (int i = 0; i < OPERATOR_PEERS; i++)
		operators->peers[i].source.fd = -1;
}

void
operators_close(struct operators *operators)
{
	for (int i = 0; i < OPERATOR_PEERS; i++)
		drop(&operators->peers[i]);
}
