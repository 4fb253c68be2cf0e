/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What workers ask of the keeper, and what it answers.
 */
#include "base/clock.h"
#include "keeper/context.h"

#include <string.h>
#include <unictype.h>
#include <unistr.h>

/* --- answers --- */

void
requests_answer(struct channel *channel, uint64_t token,
		enum keeper_outcome outcome, const char *text)
{
	struct keeper_told told = {
		.head = { .token = token,
			  .outcome = (uint16_t)outcome,
			  .text_length = text ? (uint32_t)strlen(text) : 0 },
		.text = text,
	};

	channel_answer(channel, &told);
}

void
requests_trouble(struct keeper *keeper, struct channel *channel, uint64_t token)
{
	requests_answer(channel, token, KEEPER_TROUBLE, keeper->trouble);
}

static void
tell_over(struct channel *channel, uint64_t session, const char *why)
{
	struct keeper_told told = {
		.head = { .outcome = KEEPER_OVER,
			  .session = session,
			  .text_length = (uint32_t)strlen(why) },
		.text = why,
	};

	channel_answer(channel, &told);
}

void
requests_end_session(struct keeper *keeper, struct roster_session *session,
		     const char *why)
{
	tell_over(session->channel, session->id, why);
	lines_leave(&keeper->lines, session);
}

/* --- sessions --- */

/* The session of REQUEST, if the worker that asks has it. */
static struct roster_session *
session_of(struct keeper *keeper, struct channel *channel,
	   const struct keeper_asked *request)
{
	struct roster_session *session =
		roster_find(&keeper->roster, request->head.session);

	return session && session->channel == channel ? session : NULL;
}

static void
attach(struct keeper *keeper, struct channel *channel,
       const struct keeper_asked *request)
{
	const struct keeper_request *head = &request->head;
	struct roster_session *session =
		roster_find(&keeper->roster, head->session);

	if (!session && !keeper->loaded) {
		/* It is looked at as soon as the store is there. */
		session =
			roster_add(&keeper->roster, head->session, head->from);
	}
	if (session && session->key == head->from) {
		/* Of two workers, whoever has it now may have been quicker. */
		if (head->number < session->moves)
			return;
		session->moves = head->number;
		session->channel = channel;
	} else {
		tell_over(channel, head->session, "your session is not known");
	}
}

static void
pass(struct keeper *keeper, struct channel *channel,
     const struct keeper_asked *request)
{
	struct roster_session *session = session_of(keeper, channel, request);

	/* Its new worker may have been quicker. */
	if (!session)
		return;
	session->channel = NULL;
	session->passed = true;
	session->since = clock_monotonic();
}

static void
leave(struct keeper *keeper, struct channel *channel,
      const struct keeper_asked *request)
{
	struct roster_session *session = session_of(keeper, channel, request);

	if (session)
		lines_leave(&keeper->lines, session);
}

static void
password(struct keeper *keeper, struct channel *channel,
	 const struct keeper_asked *request)
{
	struct roster_session *session = session_of(keeper, channel, request);
	const struct keeper_request *head = &request->head;
	const char *wrong;
	struct name name;

	if (!session || !session->user ||
	    name_parse(session->user->name, strlen(session->user->name),
		       &name)) {
		requests_answer(channel, head->token, KEEPER_OVER, NULL);
		return;
	}
	wrong = name_check_password(&name, request->more, head->more_length);
	if (wrong)
		requests_answer(channel, head->token, KEEPER_REFUSED, wrong);
	else
		accounts_ask(&keeper->accounts, channel, request, &name);
}

/* --- names --- */

static void
lookup(struct keeper *keeper, struct channel *channel,
       const struct keeper_asked *request, const struct name *name)
{
	struct store_user user;
	enum store_result result = STORE_FAILED;

	if (keeper->store)
		result = store_user(keeper->store, name, &user);
	explicit_bzero(&user, sizeof(user));
	if (result == STORE_FAILED) {
		supply_failed(keeper);
		requests_trouble(keeper, channel, request->head.token);
	} else {
		requests_answer(channel, request->head.token,
				result == STORE_OK ? KEEPER_OK : KEEPER_UNKNOWN,
				NULL);
	}
}

static void
sign_up(struct keeper *keeper, struct channel *channel,
	const struct keeper_asked *request, const struct name *name)
{
	const struct keeper_request *head = &request->head;
	const char *wrong =
		name_check_password(name, request->text, head->text_length);

	if (!keeper->plan->settings.registration)
		requests_answer(channel, head->token, KEEPER_CLOSED, NULL);
	else if (wrong)
		requests_answer(channel, head->token, KEEPER_REFUSED, wrong);
	else
		accounts_ask(&keeper->accounts, channel, request, name);
}

/* LOOKUP, LOGIN, REGISTER: all begin with a name that has to be one. */
static void
by_name(struct keeper *keeper, struct channel *channel,
	const struct keeper_asked *request)
{
	const struct keeper_request *head = &request->head;
	struct name name;
	const char *wrong = name_parse(request->name, head->name_length, &name);

	if (wrong)
		requests_answer(channel, head->token, KEEPER_REFUSED, wrong);
	else if (head->type == KEEPER_LOOKUP)
		lookup(keeper, channel, request, &name);
	else if (head->type == KEEPER_REGISTER)
		sign_up(keeper, channel, request, &name);
	else
		accounts_ask(&keeper->accounts, channel, request, &name);
}

/* --- lines --- */

/* Whether it is one line, and obeyed by no terminal. */
static bool
is_plain(const char *text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)text;

	if (length == 0 || u8_check(bytes, length))
		return false;
	while (length > 0) {
		ucs4_t character;
		int n = u8_mbtouc(&character, bytes, length);

		if (uc_is_general_category_withtable(character,
						     UC_CATEGORY_MASK_Cc) ||
		    character == 0x2028 || character == 0x2029)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

/* To one user: who that is, or an answer.  */
static bool
find_receiver(struct keeper *keeper, struct channel *channel,
	      const struct keeper_asked *request, struct store_user *user)
{
	const struct keeper_request *head = &request->head;
	enum store_result result = STORE_NONE;
	struct name name;

	user->id = 0;
	if (head->name_length == 0)
		return true;
	if (!name_parse(request->name, head->name_length, &name))
		result = keeper->store ? store_user(keeper->store, &name, user)
				       : STORE_FAILED;
	if (result == STORE_FAILED) {
		supply_failed(keeper);
		requests_trouble(keeper, channel, head->token);
	} else if (result == STORE_NONE) {
		requests_answer(channel, head->token, KEEPER_UNKNOWN, NULL);
	}
	return result == STORE_OK;
}

static void
say(struct keeper *keeper, struct channel *channel,
    const struct keeper_asked *request)
{
	const struct keeper_request *head = &request->head;
	struct roster_session *session = session_of(keeper, channel, request);
	struct store_user to;

	if (!session)
		requests_answer(channel, head->token, KEEPER_OVER, NULL);
	else if (!session->user)
		requests_trouble(keeper, channel, head->token);
	else if (!is_plain(request->text, head->text_length) ||
		 (head->kind != RING_MESSAGE && head->kind != RING_ACTION))
		requests_answer(channel, head->token, KEEPER_REFUSED,
				"a line is UTF-8 without control characters");
	else if (find_receiver(keeper, channel, request, &to))
		lines_say(&keeper->lines, channel, session, request, to.id,
			  to.name);
}

/* --- what is asked for --- */

/* A page of the history. */
struct page {
	struct keeper *keeper;
	char *text; /* KEEPER_PAGE */
	uint32_t length;
	uint32_t count;
	uint64_t seq;
};

static bool
add_to_page(void *context, const struct store_message *message)
{
	struct page *page = context;
	char line[RING_LINE];
	size_t length = format_message(&page->keeper->format, message, line);

	if (length > KEEPER_PAGE - page->length)
		return false;
	memcpy(page->text + page->length, line, length);
	page->length += (uint32_t)length;
	page->count++;
	page->seq = message->seq;
	return true;
}

static void
history(struct keeper *keeper, struct channel *channel,
	const struct keeper_asked *request)
{
	const struct keeper_request *head = &request->head;
	struct roster_session *session = session_of(keeper, channel, request);
	char text[KEEPER_PAGE];
	struct page page = { .keeper = keeper, .text = text };
	enum store_result result = STORE_FAILED;
	uint32_t found;

	if (!session) {
		requests_answer(channel, head->token, KEEPER_OVER, NULL);
		return;
	}
	if (keeper->store && session->user)
		result = store_history(
			keeper->store, session->user->id, head->from,
			head->until ? head->until : INT64_MAX,
			head->count < KEEPER_LINES ? head->count : KEEPER_LINES,
			&found, add_to_page, &page);
	if (result != STORE_OK) {
		supply_failed(keeper);
		requests_trouble(keeper, channel, head->token);
		return;
	}
	channel_answer(channel, &(struct keeper_told){
					.head = { .token = head->token,
						  .seq = page.seq,
						  .count = found - page.count,
						  .text_length = page.length },
					.text = text });
}

static void
who(struct keeper *keeper, struct channel *channel,
    const struct keeper_asked *request)
{
	const struct keeper_request *head = &request->head;
	struct keeper_told told = {
		.head = { .token = head->token,
			  .count = keeper->roster.session_count },
	};
	char text[KEEPER_PAGE];
	char after[NAME_SIZE];

	memcpy(after, request->name, head->name_length);
	after[head->name_length] = '\0';
	told.text = text;
	told.head.text_length = (uint32_t)roster_show(
		&keeper->roster, after, text, sizeof(text), &told.name);
	if (told.name)
		told.head.name_length = (uint32_t)strlen(told.name);
	channel_answer(channel, &told);
}

/* --- all of them --- */

static void (*const handlers[KEEPER_TYPES])(
	struct keeper *keeper, struct channel *channel,
	const struct keeper_asked *request) = {
	[KEEPER_LOOKUP] = by_name,   [KEEPER_LOGIN] = by_name,
	[KEEPER_REGISTER] = by_name, [KEEPER_PASSWORD] = password,
	[KEEPER_SAY] = say,	     [KEEPER_HISTORY] = history,
	[KEEPER_WHO] = who,	     [KEEPER_ATTACH] = attach,
	[KEEPER_PASS] = pass,	     [KEEPER_LEAVE] = leave,
};

void
requests_take(void *context, struct channel *channel,
	      const struct keeper_asked *request)
{
	handlers[request->head.type](context, channel, request);
}
