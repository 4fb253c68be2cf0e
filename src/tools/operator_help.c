/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/operator_help.h"

#include "ipc/control.h"
#include "tools/operator.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static void
describe(const struct control_command *command)
{
	char synopsis[128];

	operator_synopsis(command, synopsis, sizeof(synopsis));
	printf("  %-22s %s\n", synopsis, command->help);
}

void
operator_help_all(void)
{
	for (int i = 0; i < CONTROL_COUNT; i++)
		describe(&control_commands[i]);
	printf("  %-22s %s\n", "help [COMMAND]", "show this");
}

int
operator_help(char *const *words, int count)
{
	bool found = false;

	if (count == 0) {
		operator_help_all();
		return EX_OK;
	}
	for (int i = 0; i < CONTROL_COUNT; i++) {
		size_t length = strlen(words[0]);
		const char *name = control_commands[i].name;

		if (strncmp(name, words[0], length) != 0 ||
		    (name[length] != '\0' && name[length] != ' '))
			continue;
		describe(&control_commands[i]);
		found = true;
	}
	if (found)
		return EX_OK;
	fprintf(stderr, "timedctl: no such command: %s\n", words[0]);
	return EX_USAGE;
}
