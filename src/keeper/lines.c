/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper/lines.h"

#include "base/clock.h"
#include "keeper/context.h"

#include <bsd/string.h>
#include <string.h>
#include <unistd.h>

/* How often, in messages, and how many at a time old ones are removed. */
enum {
	PRUNE_AFTER = 256,
	PRUNE_MOST = 1024,
	/* Lines that a worker may send again have to be known. */
	PRUNE_LEAST = 1024,
};

/* --- publishing --- */

void
lines_append(struct keeper *keeper, const struct store_message *message)
{
	char text[RING_LINE];
	struct ring_entry entry = {
		.seq = message->seq,
		.time = message->time,
		.session = message->session,
		.to = message->to,
		.kind = message->kind,
		.length = (uint32_t)format_message(&keeper->format, message,
						   text),
	};

	ring_append(&keeper->ring, &entry, text);
}

static void
append_notice(struct keeper *keeper, enum ring_kind kind, const char *name,
	      uint64_t session)
{
	char text[RING_LINE];
	struct ring_entry entry = {
		.seq = ring_seq(&keeper->ring),
		.time = clock_realtime() / CLOCK_SECOND,
		.session = session,
		.kind = kind,
		.length = (uint32_t)format_notice(kind, name, text),
	};

	ring_append(&keeper->ring, &entry, text);
}

void
lines_notice(struct keeper *keeper, enum ring_kind kind, const char *name,
	     uint64_t session)
{
	append_notice(keeper, kind, name, session);
	ring_publish(&keeper->ring);
	channels_wake(&keeper->channels);
}

/* --- storing --- */

static enum store_result
store_item(struct store *store, struct lines_item *item)
{
	if (item->said)
		item->result = store_add_message(store, &item->message);
	else
		item->result =
			store_remove_session(store, item->message.session);
	return item->result;
}

static enum store_result
prune(struct lines *lines, struct store *store)
{
	int keep = lines->keeper->plan->settings.history_keep;
	uint64_t removed;

	if (keep == 0 || lines->since_pruned < PRUNE_AFTER)
		return STORE_OK;
	lines->since_pruned = 0;
	return store_prune(store,
			   keep < PRUNE_LEAST ? PRUNE_LEAST : (uint64_t)keep,
			   PRUNE_MOST, &removed);
}

/* All of it, or nothing. */
static bool
store_all(struct lines *lines)
{
	struct store *store;

	if (!supply_there(lines->keeper))
		return false;
	store = lines->keeper->store;
	if (store_begin(store) == STORE_FAILED)
		goto failed;
	for (int i = 0; i < lines->count; i++)
		if (store_item(store, &lines->items[i]) == STORE_FAILED)
			goto failed;
	lines->since_pruned += (uint64_t)lines->count;
	if (prune(lines, store) == STORE_OK &&
	    store_commit(store) == STORE_OK) {
		supply_worked(lines->keeper);
		return true;
	}
failed:
	supply_failed(lines->keeper);
	return false;
}

/* Into the ring, before anybody is told that it is there. */
static void
publish(struct lines *lines, bool stored)
{
	struct keeper *keeper = lines->keeper;

	for (int i = 0; i < lines->count; i++) {
		const struct lines_item *item = &lines->items[i];

		if (item->last)
			append_notice(keeper, RING_LEFT, item->from,
				      item->message.session);
		/* One that was there already was published then. */
		else if (item->said && stored && item->result == STORE_OK)
			lines_append(keeper, &item->message);
	}
	ring_publish(&keeper->ring);
}

static void
acknowledge(struct lines *lines, bool stored)
{
	for (int i = 0; i < lines->count; i++) {
		const struct lines_item *item = &lines->items[i];
		struct keeper_told answer = {
			.head = { .token = item->token,
				  .seq = item->message.seq,
				  .absent = item->absent },
		};

		if (!item->said || !item->channel)
			continue;
		if (stored)
			channel_answer(item->channel, &answer);
		else
			requests_trouble(lines->keeper, item->channel,
					 item->token);
	}
}

/* Sessions that are over stay to be removed; their notice is out. */
static void
keep_ends(struct lines *lines)
{
	int kept = 0;

	for (int i = 0; i < lines->count; i++) {
		if (lines->items[i].said)
			continue;
		if (kept < i)
			lines->items[kept] = lines->items[i];
		lines->items[kept++].last = false;
	}
	/* Without a store nobody comes; half of the room is for lines. */
	lines->count = kept < LINES_BATCH / 2 ? kept : LINES_BATCH / 2;
}

void
lines_commit(struct lines *lines)
{
	bool stored;

	if (lines->count == 0)
		return;
	stored = store_all(lines);
	publish(lines, stored);
	acknowledge(lines, stored);
	channels_wake(&lines->keeper->channels);
	if (stored)
		lines->count = 0;
	else
		keep_ends(lines);
}

static void
due(struct loop_task *task)
{
	lines_commit((struct lines *)task);
}

/* --- what is to be stored --- */

/* A place in the batch, which is stored after what has been read is. */
static struct lines_item *
add(struct lines *lines)
{
	struct lines_item *item;

	if (lines->count == LINES_BATCH)
		lines_commit(lines);
	loop_later(&lines->keeper->loop, &lines->due);
	item = &lines->items[lines->count++];
	item->said = false;
	item->absent = false;
	item->last = false;
	item->channel = NULL;
	item->message = (struct store_message){
		.time = clock_realtime() / CLOCK_SECOND,
		.from_name = item->from,
		.text = item->text,
	};
	return item;
}

void
lines_say(struct lines *lines, struct channel *channel,
	  const struct roster_session *session,
	  const struct keeper_asked *request, uint64_t to, const char *to_name)
{
	struct lines_item *item = add(lines);
	struct store_message *message = &item->message;

	item->said = true;
	item->channel = channel;
	item->token = request->head.token;
	item->absent = to && !roster_user(&lines->keeper->roster, to);
	strlcpy(item->from, session->user->name, sizeof(item->from));
	memcpy(item->text, request->text, request->head.text_length);
	message->kind = request->head.kind;
	message->session = session->id;
	message->number = request->head.number;
	message->from = session->user->id;
	message->to = to;
	message->length = request->head.text_length;
	if (!to)
		return;
	strlcpy(item->to, to_name, sizeof(item->to));
	message->to_name = item->to;
}

void
lines_leave(struct lines *lines, struct roster_session *session)
{
	struct lines_item *item = add(lines);

	item->message.session = session->id;
	if (session->user)
		strlcpy(item->from, session->user->name, sizeof(item->from));
	item->last = roster_remove(&lines->keeper->roster, session);
}

void
lines_forget(struct lines *lines, const struct channel *channel)
{
	for (int i = 0; i < lines->count; i++)
		if (lines->items[i].channel == channel)
			lines->items[i].channel = NULL;
}

void
lines_open(struct lines *lines, struct keeper *keeper)
{
	lines->keeper = keeper;
	lines->count = 0;
	/* So that a keeper that is replaced often prunes, too. */
	lines->since_pruned = PRUNE_AFTER;
	lines->due = (struct loop_task){ .run = due };
}
