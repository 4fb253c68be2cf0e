/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/completion.h"

#include <bsd/string.h>
#include <stdlib.h>
#include <string.h>

const char *const completion_own[] = { "help", "quit", "exit", NULL };

static void
offer(const struct completion *completion, const char *prefix, const char *word)
{
	if (strncmp(word, prefix, strlen(prefix)) == 0)
		completion->found(completion->context, word);
}

/* Whether NAME begins with WORD and a blank, or is WORD. */
static bool
begins_with(const char *name, const char *word, size_t length)
{
	return strncmp(name, word, length) == 0 &&
	       (name[length] == ' ' || name[length] == '\0');
}

/* The first words of commands, each once. */
static void
offer_commands(const struct completion *completion, const char *prefix)
{
	for (int i = 0; i < CONTROL_COUNT; i++) {
		const char *name = control_commands[i].name;
		size_t length = strcspn(name, " ");
		char word[64];
		int k = 0;

		while (k < i &&
		       !begins_with(control_commands[k].name, name, length))
			k++;
		if (k < i || length >= sizeof(word))
			continue;
		strlcpy(word, name, length + 1);
		offer(completion, prefix, word);
	}
}

/* What may follow FIRST in the name of a command. */
static void
offer_second(const struct completion *completion, const char *first,
	     const char *prefix)
{
	size_t length = strlen(first);

	for (int i = 0; i < CONTROL_COUNT; i++) {
		const char *name = control_commands[i].name;

		if (begins_with(name, first, length) && name[length])
			offer(completion, prefix, name + length + 1);
	}
}

static void
offer_services(const struct completion *completion, const char *prefix)
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot));
	int order[SCOREBOARD_SERVICES];
	char error[256];
	int status, count = 0;

	if (snapshot && operator_look(completion->options, snapshot, error,
				      sizeof(error), &status))
		count = snapshot_services(snapshot, order);
	for (int i = 0; i < count; i++)
		offer(completion, prefix,
		      snapshot->master.services[order[i]].name);
	free(snapshot);
}

static void
offer_options(const struct completion *completion,
	      const struct control_command *command, const char *prefix)
{
	const struct control_argument *argument = command->arguments;

	for (; argument->key; argument++) {
		char word[3] = { '-', argument->letter, '\0' };

		if (argument->letter && !argument->hidden)
			offer(completion, prefix, word);
	}
}

/* Whether WORD is an option of COMMAND, and what comes next is its value. */
static bool
wants_value(const struct control_command *command, const char *word)
{
	const struct control_argument *argument = command->arguments;

	for (; argument->key; argument++)
		if (word[0] == '-' && argument->letter &&
		    word[1] == argument->letter && !word[2])
			return argument->kind != CONTROL_FLAG;
	return false;
}

static bool
takes_service(const struct control_command *command)
{
	const struct control_argument *argument = command->arguments;

	for (; argument->key; argument++)
		if (!argument->letter && strcmp(argument->key, "service") == 0)
			return true;
	return false;
}

/* What COMMAND takes; the words behind its name. */
static void
offer_arguments(const struct completion *completion,
		const struct control_command *command, char *const *words,
		int count)
{
	const char *prefix = words[count - 1];

	if (count > 1 && wants_value(command, words[count - 2]))
		return;
	if (prefix[0] == '-')
		offer_options(completion, command, prefix);
	else if (count == 1 && takes_service(command))
		offer_services(completion, prefix);
}

void
completion_find(const struct completion *completion, char *const *words,
		int count)
{
	const char *prefix = words[count - 1];
	const struct control_command *command;
	bool help = count > 1 && strcmp(words[0], completion_own[0]) == 0;
	int used;

	/* Its arguments are names of commands. */
	words += help;
	count -= help;
	if (count == 1) {
		offer_commands(completion, prefix);
		/* A shell has one of them: help, the first. */
		for (int i = 0; completion_own[i] && !help; i++)
			if (completion->prompt || i == 0)
				offer(completion, prefix, completion_own[i]);
		return;
	}
	if (count == 2)
		offer_second(completion, words[0], prefix);
	command = operator_command(words, count - 1, &used);
	if (command && !help)
		offer_arguments(completion, command, words + used,
				count - used);
}
