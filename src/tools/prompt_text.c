/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/prompt_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

void
prompt_text_look(struct prompt_text *text)
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot));
	const char *state = NULL;
	char error[256];
	int status;

	if (!snapshot)
		state = "unknown";
	else if (!operator_look(text->options, snapshot, error, sizeof(error),
				&status))
		state = status == EX_UNAVAILABLE ? "not running" : "unknown";
	else if (snapshot->master.state != MASTER_RUNNING)
		state = snapshot_state_name(snapshot->master.state);
	if (state)
		snprintf(text->text, sizeof(text->text), "timed (%s)> ", state);
	else
		snprintf(text->text, sizeof(text->text), "timed> ");
	free(snapshot);
}
