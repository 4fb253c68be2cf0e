/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/bench_order.h"

#include "base/clock.h"

#include <stdlib.h>

enum {
	ROOM_FIRST = 1024
};

void
order_open(struct order *order, uint32_t users)
{
	*order = (struct order){ .users = users };
}

void
order_close(struct order *order)
{
	free(order->lines);
	free(order->sequence);
}

void
order_forget(struct order_reader *reader)
{
	free(reader->heard);
	reader->heard = NULL;
}

/* Room for one more of SIZE bytes in *ARRAY.  False: no memory. */
static bool
make_room(void **array, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : ROOM_FIRST;
	void *larger;

	if (count < *room)
		return true;
	larger = reallocarray(*array, more, size);
	if (!larger)
		return false;
	*array = larger;
	*room = more;
	return true;
}

/* NUMBER after those in *LIST.  Without memory it is left out, and missed. */
static bool
append(uint32_t **list, uint32_t *count, uint32_t *room, uint32_t number)
{
	void *array = *list;
	bool made = make_room(&array, *count, room, sizeof(**list));

	*list = array;
	if (made)
		(*list)[(*count)++] = number;
	return made;
}

uint32_t
order_say(struct order *order, uint32_t author, uint64_t now)
{
	void *lines = order->lines;
	bool made = make_room(&lines, order->line_count, &order->line_room,
			      sizeof(*order->lines));

	order->lines = lines;
	if (!made)
		return UINT32_MAX;
	order->lines[order->line_count] = (struct order_line){
		.said = now,
		.author = author,
		.left = order->users - 1,
		.place = UINT32_MAX,
	};
	return order->line_count++;
}

/* Whether NUMBER is what READER, who is silent, has to get next. */
static bool
is_next(struct order *order, struct order_reader *reader, uint32_t number)
{
	struct order_line *line = &order->lines[number];
	bool first = line->place == UINT32_MAX;
	uint32_t at = reader->at;

	if (first) {
		line->place = order->sequence_count;
		if (!append(&order->sequence, &order->sequence_count,
			    &order->sequence_room, number))
			return false;
	}
	reader->at = line->place + 1;
	return line->place == at;
}

bool
order_hear(struct order *order, struct order_reader *reader, uint32_t number,
	   uint64_t now)
{
	struct order_line *line;
	bool fits;

	order->delivered++;
	if (number >= order->line_count) {
		order->misplaced++;
		return false;
	}
	line = &order->lines[number];
	if (reader->talks)
		fits = append(&reader->heard, &reader->heard_count,
			      &reader->heard_room, number);
	else
		fits = is_next(order, reader, number);
	order->misplaced += !fits || line->left == 0;
	if (line->left == 0 || --line->left > 0)
		return false;
	order->complete++;
	histogram_add(&order->all_have, (now - line->said) / CLOCK_MICROSECOND,
		      1);
	return true;
}

void
order_settle(struct order *order, const struct order_reader *reader)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < order->sequence_count; i++) {
		uint32_t number = order->sequence[i];

		if (order->lines[number].author == reader->number)
			continue;
		if (at < reader->heard_count && reader->heard[at] != number)
			order->misplaced++;
		at++;
	}
	if (reader->heard_count > at)
		order->misplaced += reader->heard_count - at;
}

uint64_t
order_missing(const struct order *order)
{
	uint64_t missing = 0;

	for (uint32_t i = 0; i < order->line_count; i++)
		missing += order->lines[i].left;
	return missing;
}
