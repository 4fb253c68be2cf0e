/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/accounts.h"

#include "base/clock.h"
#include "ipc/events.h"
#include "keeper/context.h"

#include <bsd/string.h>
#include <string.h>
#include <sys/random.h>

static void serve(struct accounts *accounts);

/* --- how it ends --- */

/* The first one is through; he has his answer. */
static void
finish(struct accounts *accounts)
{
	struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);

	TAILQ_REMOVE(&accounts->waiting, one, entry);
	accounts->waiting_count--;
	explicit_bzero(one, sizeof(*one));
	TAILQ_INSERT_HEAD(&accounts->unused, one, entry);
}

static void
answer(struct accounts *accounts, enum keeper_outcome outcome, const char *text)
{
	const struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);

	requests_answer(one->channel, one->token, outcome, text);
	finish(accounts);
}

/* The store failed. */
static void
trouble(struct accounts *accounts)
{
	const struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);

	supply_failed(accounts->keeper);
	requests_trouble(accounts->keeper, one->channel, one->token);
	finish(accounts);
}

/* --- a session --- */

/* What is to be stored of a login; STORE_NONE: he is not there any more. */
static enum store_result
store_login(struct keeper *keeper, struct accounts_case *one, const char *hash,
	    uint64_t key, uint64_t *session)
{
	int64_t now = clock_realtime() / CLOCK_SECOND;
	enum store_result result = STORE_OK;

	if (!keeper->store || store_begin(keeper->store) != STORE_OK)
		return STORE_FAILED;
	if (hash)
		result = store_add_user(keeper->store, &one->name, hash, now,
					&one->user.id);
	if (result == STORE_OK)
		result = store_saw(keeper->store, one->user.id, now);
	if (result == STORE_OK)
		result = store_add_session(keeper->store, one->user.id, key,
					   now, session);
	if (result != STORE_OK) {
		store_rollback(keeper->store);
		return result;
	}
	return store_commit(keeper->store);
}

static struct roster_session *
enter(struct keeper *keeper, const struct accounts_case *one, uint64_t id,
      uint64_t key)
{
	struct roster_session *session = roster_add(&keeper->roster, id, key);
	bool first;

	if (!session)
		return NULL;
	if (!roster_identify(&keeper->roster, session, one->user.id,
			     one->user.name, &first)) {
		roster_remove(&keeper->roster, session);
		return NULL;
	}
	session->channel = one->channel;
	session->since = clock_monotonic();
	if (first)
		lines_notice(keeper, RING_JOINED, one->user.name, id);
	return session;
}

/* He is in.  What the ring has after his own notice is for him. */
static void
welcome(struct keeper *keeper, const struct accounts_case *one,
	const struct roster_session *session)
{
	struct keeper_told told = {
		.head = { .token = one->token,
			  .session = session->id,
			  .key = session->key,
			  .user = one->user.id,
			  .cursor = ring_head(&keeper->ring),
			  .seq = ring_seq(&keeper->ring),
			  .name_length = (uint32_t)strlen(one->user.name) },
		.name = one->user.name,
	};

	channel_answer(one->channel, &told);
}

/* The password is right; with HASH he is new. */
static void
log_in(struct accounts *accounts, const char *hash)
{
	struct keeper *keeper = accounts->keeper;
	struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);
	struct roster_session *session;
	uint64_t key, id = 0;

	/* What was said before he came is published before. */
	lines_commit(&keeper->lines);
	if (getrandom(&key, sizeof(key), 0) != sizeof(key)) {
		answer(accounts, KEEPER_BUSY, NULL);
		return;
	}
	key >>= 1; /* SQLite's numbers have a sign */
	if (hash)
		strlcpy(one->user.name, one->name.text, sizeof(one->user.name));
	switch (store_login(keeper, one, hash, key, &id)) {
	case STORE_OK:
		break;
	case STORE_TWICE:
		answer(accounts, KEEPER_TAKEN, NULL);
		return;
	default:
		trouble(accounts);
		return;
	}
	if (hash)
		log_event(EVENT_USER_REGISTERED, "user", "%s", one->user.name);
	session = enter(keeper, one, id, key);
	if (session) {
		welcome(keeper, one, session);
		finish(accounts);
	} else {
		(void)store_remove_session(keeper->store, id);
		answer(accounts, KEEPER_BUSY, NULL);
	}
}

/* --- a password --- */

static void
set_password(struct accounts *accounts, const char *hash)
{
	struct keeper *keeper = accounts->keeper;
	const struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);

	if (keeper->store &&
	    store_set_hash(keeper->store, one->user.id, hash) == STORE_OK)
		answer(accounts, KEEPER_OK, NULL);
	else
		trouble(accounts);
}

/* Let the hasher do WORK for the first one. */
static void
hash(struct accounts *accounts, enum hasher_work work, const char *password,
     size_t length)
{
	struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);
	struct hasher_job job = { .work = work, .length = (uint32_t)length };

	one->work = work;
	memcpy(job.password, password, length);
	strlcpy(job.hash, one->user.hash, sizeof(job.hash));
	hasher_begin(&accounts->hasher, &job);
	explicit_bzero(&job, sizeof(job));
}

static void
password_done(struct accounts *accounts, const struct hasher_result *result)
{
	struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);

	if (one->work == HASHER_HASH && result->good) {
		set_password(accounts, result->hash);
	} else if (one->work == HASHER_HASH) {
		answer(accounts, KEEPER_BUSY, NULL);
	} else if (one->late) {
		answer(accounts, result->good ? KEEPER_OK : KEEPER_WRONG, NULL);
	} else if (result->good) {
		hash(accounts, HASHER_HASH, one->new_password, one->new_length);
	} else {
		/* It may have been changed, and that was not heard of. */
		one->late = true;
		hash(accounts, HASHER_MATCH, one->new_password,
		     one->new_length);
	}
}

static void
login_done(struct accounts *accounts, const struct hasher_result *result)
{
	const struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);

	if (one->work == HASHER_HASH && !result->good)
		answer(accounts, KEEPER_BUSY, NULL);
	else if (result->good)
		log_in(accounts,
		       one->work == HASHER_HASH ? result->hash : NULL);
	else
		answer(accounts,
		       one->type == KEEPER_LOGIN ? KEEPER_WRONG : KEEPER_TAKEN,
		       NULL);
}

/* Whether he is still whom the password was compared with. */
static bool
still_there(struct accounts *accounts)
{
	struct keeper *keeper = accounts->keeper;
	const struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);
	struct store_user user;
	enum store_result result;

	if (!one->user.id || !keeper->store)
		return true;
	result = store_user(keeper->store, &one->name, &user);
	/* If the store failed, what follows will find that out. */
	return result == STORE_FAILED ||
	       (result == STORE_OK && user.id == one->user.id);
}

static void
hash_done(void *context, const struct hasher_result *result)
{
	struct accounts *accounts = context;
	const struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);

	if (!one->channel)
		finish(accounts);
	else if (!still_there(accounts))
		answer(accounts, KEEPER_WRONG, NULL);
	else if (one->type == KEEPER_PASSWORD)
		password_done(accounts, result);
	else
		login_done(accounts, result);
	serve(accounts);
}

/* --- the queue --- */

/* Which work the first one makes; false when he has an answer instead. */
static bool
begin(struct accounts *accounts)
{
	struct keeper *keeper = accounts->keeper;
	struct accounts_case *one = TAILQ_FIRST(&accounts->waiting);
	enum store_result result = STORE_FAILED;

	if (!one->channel) {
		finish(accounts);
		return false;
	}
	if (keeper->store)
		result = store_user(keeper->store, &one->name, &one->user);
	if (result == STORE_FAILED) {
		trouble(accounts);
		return false;
	}
	if (result == STORE_OK)
		hash(accounts, HASHER_MATCH, one->password, one->length);
	else if (one->type == KEEPER_REGISTER)
		hash(accounts, HASHER_HASH, one->password, one->length);
	else
		hash(accounts, HASHER_PRETEND, one->password, one->length);
	return true;
}

static void
serve(struct accounts *accounts)
{
	if (accounts->hasher.busy)
		return;
	while (!TAILQ_EMPTY(&accounts->waiting) && !begin(accounts))
		;
}

static bool
somebody_waits(const struct accounts *accounts, const struct channel *channel)
{
	const struct accounts_case *one;

	for (one = TAILQ_FIRST(&accounts->waiting); one;
	     one = TAILQ_NEXT(one, entry))
		if (one->channel == channel)
			return true;
	return false;
}

/* One worker alone, whoever makes it ask, does not keep all others out. */
static bool
is_full(const struct accounts *accounts, const struct channel *channel)
{
	int room = ACCOUNTS_QUEUE - accounts->waiting_count;

	return room == 0 ||
	       (room <= ACCOUNTS_SPARE && somebody_waits(accounts, channel));
}

void
accounts_ask(struct accounts *accounts, struct channel *channel,
	     const struct keeper_asked *request, const struct name *name)
{
	const struct keeper_request *head = &request->head;
	struct accounts_case *one;

	/* No hash was made of such a one. */
	if (head->text_length > NAME_PASSWORD_MOST) {
		requests_answer(channel, head->token, KEEPER_WRONG, NULL);
		return;
	}
	if (is_full(accounts, channel)) {
		requests_answer(channel, head->token, KEEPER_BUSY, NULL);
		return;
	}
	one = TAILQ_FIRST(&accounts->unused);
	accounts->waiting_count++;
	TAILQ_REMOVE(&accounts->unused, one, entry);
	*one = (struct accounts_case){ .type = (enum keeper_type)head->type,
				       .channel = channel,
				       .token = head->token,
				       .name = *name,
				       .length = head->text_length,
				       .new_length = head->more_length };
	memcpy(one->password, request->text, head->text_length);
	memcpy(one->new_password, request->more, head->more_length);
	TAILQ_INSERT_TAIL(&accounts->waiting, one, entry);
	serve(accounts);
}

void
accounts_forget(struct accounts *accounts, const struct channel *channel)
{
	struct accounts_case *one;

	for (one = TAILQ_FIRST(&accounts->waiting); one;
	     one = TAILQ_NEXT(one, entry)) {
		if (one->channel == channel)
			one->channel = NULL;
	}
}

/* --- life --- */

int
accounts_open(struct accounts *accounts, struct keeper *keeper)
{
	accounts->keeper = keeper;
	TAILQ_INIT(&accounts->waiting);
	TAILQ_INIT(&accounts->unused);
	for (int i = 0; i < ACCOUNTS_QUEUE; i++)
		TAILQ_INSERT_TAIL(&accounts->unused, &accounts->cases[i],
				  entry);
	return hasher_open(&accounts->hasher, &keeper->loop, hash_done,
			   accounts);
}

void
accounts_close(struct accounts *accounts)
{
	hasher_close(&accounts->hasher);
	explicit_bzero(accounts->cases, sizeof(accounts->cases));
}
