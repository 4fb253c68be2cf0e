/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The service's part of worker/keeping.h: sessions, their questions, and how
 * they pass from worker to worker.
 */
#include "worker/keeping_request.h"

#include <string.h>

/* --- coming and going --- */

void
keeping_enter(struct keeping *keeping, struct keeping_session *session)
{
	*session = (struct keeping_session){ .keeping = keeping };
	TAILQ_INIT(&session->requests);
}

/* What was said is stored, though nobody waits for the answer. */
static bool
outlives(const struct keeping_request *one)
{
	return keeping_request_head(one).type == KEEPER_SAY;
}

/* With REMAINS, lines are theirs from now on. */
static void
disown(struct keeping_session *session, struct keeping_remains *remains)
{
	struct keeping *keeping = session->keeping;
	struct keeping_request *one;

	while ((one = TAILQ_FIRST(&session->requests))) {
		keeping_request_leave(one);
		if (remains && outlives(one)) {
			one->remains = remains;
			remains->lines++;
		} else if (one->state != KEEPING_ASKED) {
			keeping_request_free(keeping, one);
		}
	}
}

void
keeping_leave(struct keeping_session *session)
{
	struct keeping *keeping = session->keeping;
	struct keeping_remains *remains = NULL;

	if (session->id && !session->over) {
		remains = keeping_bury(keeping, session->id, session->key);
		if (remains) {
			remains->moves = session->moves;
			remains->attached = session->attached;
		}
	}
	disown(session, remains);
	keeping_list_out(session);
	session->id = 0;
	keeping_flush(keeping);
}

void
keeping_forget(struct keeping_session *session)
{
	disown(session, NULL);
	if (session->id)
		keeping_pass(session->keeping, session->id);
	keeping_list_out(session);
	session->id = 0;
}

/* --- questions --- */

static bool
ask(struct keeping_session *session, const struct keeper_asked *asked)
{
	if (!keeping_request_new(session, asked, false))
		return false;
	keeping_flush(session->keeping);
	return true;
}

bool
keeping_lookup(struct keeping_session *session, const struct name *name)
{
	return ask(
		session,
		&(struct keeper_asked){
			.head = { .type = KEEPER_LOOKUP,
				  .name_length = (uint16_t)strlen(name->text) },
			.name = name->text });
}

static bool
ask_with_password(struct keeping_session *session, enum keeper_type type,
		  const struct name *name, const char *password, size_t length)
{
	struct keeper_asked asked = {
		.head = { .type = (uint16_t)type,
			  .name_length = (uint16_t)strlen(name->text),
			  .text_length = (uint16_t)length },
		.name = name->text,
		.text = password,
	};

	return length <= KEEPER_TEXT && ask(session, &asked);
}

bool
keeping_login(struct keeping_session *session, const struct name *name,
	      const char *password, size_t length)
{
	return ask_with_password(session, KEEPER_LOGIN, name, password, length);
}

bool
keeping_register(struct keeping_session *session, const struct name *name,
		 const char *password, size_t length)
{
	return ask_with_password(session, KEEPER_REGISTER, name, password,
				 length);
}

bool
keeping_password(struct keeping_session *session, const char *old,
		 size_t old_length, const char *new, size_t new_length)
{
	struct keeper_asked asked = {
		.head = { .type = KEEPER_PASSWORD,
			  .session = session->id,
			  .text_length = (uint16_t)old_length,
			  .more_length = (uint16_t)new_length },
		.text = old,
		.more = new,
	};

	return old_length <= KEEPER_TEXT && new_length <= NAME_PASSWORD_MOST &&
	       ask(session, &asked);
}

bool
keeping_say(struct keeping_session *session, enum ring_kind kind,
	    const struct name *to, const char *text, size_t length)
{
	struct keeper_asked asked = {
		.head = { .type = KEEPER_SAY,
			  .session = session->id,
			  .number = session->said + 1,
			  .kind = kind,
			  .name_length = to ? (uint16_t)strlen(to->text) : 0,
			  .text_length = (uint16_t)length },
		.name = to ? to->text : NULL,
		.text = text,
	};

	if (length > KEEPER_TEXT ||
	    !keeping_request_new(session, &asked, false))
		return false;
	session->said++;
	keeping_flush(session->keeping);
	return true;
}

bool
keeping_history(struct keeping_session *session, uint32_t count, uint64_t from,
		uint64_t until)
{
	struct keeper_asked asked = {
		.head = { .type = KEEPER_HISTORY,
			  .session = session->id,
			  .count = count,
			  .from = from,
			  .until = until },
	};

	return ask(session, &asked);
}

bool
keeping_who(struct keeping_session *session, const char *after)
{
	struct keeper_asked asked = {
		.head = { .type = KEEPER_WHO,
			  .session = session->id,
			  .name_length = (uint16_t)strlen(after) },
		.name = after,
	};

	return ask(session, &asked);
}

/* --- the hand-off --- */

/* Followed by so many requests, each with its length before it. */
struct saved {
	uint64_t id;
	uint64_t key;
	uint64_t user;
	uint64_t said;
	uint32_t requests;
	uint32_t moves;
	char name[NAME_SIZE];
};

_Static_assert(sizeof(struct saved) + KEEPING_BYTES <= KEEPING_STATE,
	       "what is saved has room");

size_t
keeping_save(const struct keeping_session *session, char *room)
{
	struct saved saved = { .id = session->id,
			       .key = session->key,
			       .user = session->user,
			       .said = session->said,
			       .moves = session->moves };
	const struct keeping_request *one;
	char *at = room + sizeof(saved);

	memcpy(saved.name, session->name, sizeof(saved.name));
	for (one = TAILQ_FIRST(&session->requests); one;
	     one = TAILQ_NEXT(one, mine)) {
		memcpy(at, &one->length, sizeof(one->length));
		at += sizeof(one->length);
		memcpy(at, one->bytes, one->length);
		at += one->length;
		saved.requests++;
	}
	memcpy(room, &saved, sizeof(saved));
	return (size_t)(at - room);
}

/* The next question of *LENGTH bytes at *AT. */
static bool
restore_one(struct keeping_session *session, const char **at, size_t *length)
{
	struct keeper_asked asked;
	uint32_t size;

	if (*length < sizeof(size))
		return false;
	memcpy(&size, *at, sizeof(size));
	*at += sizeof(size);
	*length -= sizeof(size);
	/* None at all has length 0, as one that is none. */
	if (size == 0 || size > *length ||
	    keeper_wire_asked(*at, size, &asked) != size ||
	    !keeping_request_new(session, &asked, true))
		return false;
	*at += size;
	*length -= size;
	return true;
}

/* It waits for keeping_resume(). */
static void
hold_all(struct keeping_session *session)
{
	struct keeping_request *one;

	for (one = TAILQ_FIRST(&session->requests); one;
	     one = TAILQ_NEXT(one, mine)) {
		keeping_request_enter(session->keeping, one, KEEPING_HELD);
	}
}

bool
keeping_restore(struct keeping *keeping, struct keeping_session *session,
		const char *state, size_t length)
{
	struct saved saved;
	bool good = length >= sizeof(saved);

	keeping_enter(keeping, session);
	if (!good)
		return false;
	memcpy(&saved, state, sizeof(saved));
	state += sizeof(saved);
	length -= sizeof(saved);
	if (!memchr(saved.name, '\0', sizeof(saved.name)))
		return false;
	for (uint32_t i = 0; good && i < saved.requests; i++)
		good = restore_one(session, &state, &length);
	if (!good || length > 0) {
		disown(session, NULL);
		return false;
	}
	hold_all(session);
	memcpy(session->name, saved.name, sizeof(session->name));
	session->id = saved.id;
	session->key = saved.key;
	session->user = saved.user;
	session->said = saved.said;
	session->moves = saved.moves + 1;
	if (session->id)
		keeping_list_in(session, false);
	return true;
}

void
keeping_resume(struct keeping_session *session)
{
	struct keeping *keeping = session->keeping;
	struct keeping_request *one;

	if (session->over) {
		session->over = false;
		keeping_end(session);
		return;
	}
	for (one = TAILQ_FIRST(&session->requests); one;
	     one = TAILQ_NEXT(one, mine)) {
		if (one->state == KEEPING_HELD)
			keeping_request_enter(keeping, one, KEEPING_WAITING);
	}
	keeping_flush(keeping);
}
