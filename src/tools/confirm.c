/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/confirm.h"

#include "tools/terminal_text.h"

#include <bsd/string.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

static bool
can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* "QUESTION? y/N "; anything but yes is no. */
static bool
says_yes(const char *question)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	bool yes;

	terminal_text_put(question, stderr);
	fputs("? y/N ", stderr);
	fflush(stderr);
	length = getline(&line, &size, stdin);
	if (length < 0)
		fputc('\n', stderr);
	else
		line[strcspn(line, "\r\n")] = '\0';
	yes = length > 0 &&
	      (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0);
	free(line);
	return yes;
}

/* The option without which somebody has to say yes first; NULL: it is given. */
static const struct control_argument *
missing_consent(const struct control_command *command, const json_t *request)
{
	const struct control_argument *argument = command->arguments;

	for (; argument->key; argument++)
		if (argument->confirms &&
		    !json_object_get(request, argument->key))
			return argument;
	return NULL;
}

bool
confirm_is_due(const struct control_command *command, const json_t *request)
{
	return missing_consent(command, request) != NULL;
}

/* "users del ada: forget one of them, and end his sessions" */
static void
make_question(const struct control_command *command, const json_t *request,
	      char *text, size_t size)
{
	const struct control_argument *argument = command->arguments;

	strlcpy(text, command->name, size);
	for (; argument->key; argument++) {
		if (argument->kind != CONTROL_STRING)
			continue;
		strlcat(text, " ", size);
		strlcat(text,
			json_string_value(
				json_object_get(request, argument->key)),
			size);
	}
	strlcat(text, ": ", size);
	strlcat(text, command->help, size);
}

int
confirm_or_refuse(const struct operator_options *options,
		  const struct control_command *command, json_t *request)
{
	const struct control_argument *consent =
		missing_consent(command, request);
	char text[CONTROL_TEXT + 256];

	if (consent && !can_ask()) {
		snprintf(text, sizeof(text),
			 "%s: there is no terminal to ask on whether you mean "
			 "it; -%c says so",
			 command->name, consent->letter);
		return operator_fail(options, EX_USAGE, text);
	}
	if (consent) {
		make_question(command, request, text, sizeof(text));
		if (!says_yes(text))
			return operator_fail(options, EXIT_FAILURE,
					     "nothing was done");
	}
	/* It is nobody's business but ours. */
	for (consent = command->arguments; consent->key; consent++)
		if (consent->confirms)
			json_object_del(request, consent->key);
	return EX_OK;
}
