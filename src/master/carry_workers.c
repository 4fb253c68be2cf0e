/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/carry_workers.h"

#include <errno.h>
#include <sysexits.h>

/* clang-format off: a name and its value belong together */
static json_t *
member_text(const struct crew_member *member, int slot)
{
	return json_pack(
		"{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, "
		"s:b, s:b, s:b}",
		"slot", slot, "pid", (int)member->pid, "report",
		member->piped ? member->report.fd : -1, "command",
		member->command, "number", (int)member->number, "generation",
		(int)member->generation, "state", (int)member->state, "heirs",
		member->heirs, "last_beat", (json_int_t)member->last_beat,
		"deadline", (json_int_t)member->deadline, "accepted",
		(json_int_t)member->accepted, "beaten", member->beaten,
		"killed", member->killed, "unwanted", member->unwanted);
}
/* clang-format on */

json_t *
carry_workers_text(const struct crew *crew)
{
	json_t *array = json_array();

	for (int i = 0; i < SCOREBOARD_SLOTS; i++)
		if (crew->members[i].pid)
			json_array_append_new(
				array, member_text(&crew->members[i], i));
	return array;
}

/* clang-format off */
static int
unpack_member(json_t *text, int *slot, struct crew_member *member,
	      json_error_t *error)
{
	int number, generation, state, beaten, killed, unwanted, pid, result;
	json_int_t last_beat, deadline, accepted;

	result = json_unpack_ex(
		text, error, 0,
		"{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, "
		"s:b, s:b, s:b}",
		"slot", slot,
		"pid", &pid,
		"report", &member->report.fd,
		"command", &member->command,
		"number", &number,
		"generation", &generation,
		"state", &state,
		"heirs", &member->heirs,
		"last_beat", &last_beat,
		"deadline", &deadline,
		"accepted", &accepted,
		"beaten", &beaten,
		"killed", &killed,
		"unwanted", &unwanted);
	if (result < 0)
		return -1;
	member->pid = pid;
	member->number = (unsigned)number;
	member->generation = (unsigned)generation;
	member->state = (enum worker_state)state;
	member->last_beat = (uint64_t)last_beat;
	member->deadline = (uint64_t)deadline;
	member->accepted = (uint64_t)accepted;
	member->beaten = beaten;
	member->killed = killed;
	member->unwanted = unwanted;
	return 0;
}
/* clang-format on */

static int
read_member(json_t *text, struct crew *crew, struct problem *problem)
{
	struct crew_member member = { 0 };
	json_error_t error;
	int slot;

	if (unpack_member(text, &slot, &member, &error) < 0) {
		problem_set(problem, EX_SOFTWARE, "a worker: %s", error.text);
		return -1;
	}
	if (crew_adopt(crew, slot, &member) == 0)
		return 0;
	problem_errno(problem, errno, "worker %u", member.number);
	return -1;
}

int
carry_workers_read(json_t *array, struct crew *crew, struct problem *problem)
{
	json_t *worker;
	size_t index;
	int result = 0;

	json_array_foreach(array, index, worker)
	{
		if (result == 0)
			result = read_member(worker, crew, problem);
	}
	return result;
}
