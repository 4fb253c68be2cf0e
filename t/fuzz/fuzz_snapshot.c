/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scoreboard, whoever wrote it: what is read of it is shown, as JSON and in
 * the table of top, and its text has an end and no number is negative.
 */
#include "ipc/snapshot.h"
#include "ipc/status_json.h"
#include "patches.h"
#include "tools/rates.h"

#include <bsd/string.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char map[SCOREBOARD_SIZE];

/* Two workers and a service. */
static void
prepare(void)
{
	const struct scoreboard board = { .map = map };
	struct scoreboard_master *master = scoreboard_master(&board);

	memset(map, 0, sizeof(map));
	master->magic = SCOREBOARD_MAGIC;
	master->layout = SCOREBOARD_VERSION;
	master->size = SCOREBOARD_SIZE;
	master->state = MASTER_RUNNING;
	master->pid = 1;
	strlcpy(master->services[0].name, "stream", SCOREBOARD_NAME);
	strlcpy(master->services[0].type, "stream",
		sizeof(master->services[0].type));
	master->services[0].active = 1;
	master->listener_count = 1;
	for (int i = 0; i < 2; i++) {
		master->places[i].pid = i + 2;
		master->places[i].state = WORKER_SERVING;
		scoreboard_slot(&board, i)->services[0].accepted = 3;
	}
}

static void
check(json_t *value)
{
	if (!value || (json_is_integer(value) && json_integer_value(value) < 0))
		abort();
	for (void *at = json_object_iter(value); at;
	     at = json_object_iter_next(value, at))
		check(json_object_iter_value(at));
	for (size_t i = 0; i < json_array_size(value); i++)
		check(json_array_get(value, i));
}

static void
show(const struct snapshot *snapshot, const struct snapshot *before)
{
	static struct rates rates;
	json_t *object = status_object(snapshot);
	char *text = json_dumps(object, 0);

	check(object);
	if (!text)
		abort();
	rates_between(&rates, before, snapshot);
	(void)snapshot_alive(snapshot, 10);
	free(text);
	json_decref(object);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct snapshot_source source = { map, sizeof(map) };
	static struct snapshot before, now;
	struct scoreboard board = { .map = map };

	prepare();
	if (!snapshot_take(&source, &before))
		abort();
	patches_apply(map, sizeof(map), data, size);
	/* A step that never ends only takes time. */
	scoreboard_master(&board)->sequence &= ~1U;
	if (!snapshot_take(&source, &now))
		abort();
	show(&now, &before);
	return 0;
}
