/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/operator.h"

#include <bsd/string.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct control_command *
operator_command(char *const *words, int count, int *used)
{
	const struct control_command *command;
	char name[64];

	for (*used = count < 2 ? count : 2; *used > 0; (*used)--) {
		strlcpy(name, words[0], sizeof(name));
		if (*used == 2) {
			strlcat(name, " ", sizeof(name));
			strlcat(name, words[1], sizeof(name));
		}
		command = control_find(name);
		if (command)
			return command;
	}
	return NULL;
}

void
operator_synopsis(const struct control_command *command, char *text,
		  size_t size)
{
	const struct control_argument *argument = command->arguments;

	strlcpy(text, command->name, size);
	for (; argument->key; argument++) {
		char word[64] = "";

		if (argument->hidden)
			continue;
		if (argument->letter)
			snprintf(word, sizeof(word), "-%c%s", argument->letter,
				 argument->kind == CONTROL_FLAG ? "" : " ");
		if (argument->kind != CONTROL_FLAG)
			strlcat(word, argument->shown, sizeof(word));
		strlcat(text, argument->required ? " " : " [", size);
		strlcat(text, word, size);
		strlcat(text, argument->required ? "" : "]", size);
	}
}

/* An operand when LETTER is '\0'; the first that is not given yet. */
static const struct control_argument *
argument_for(const struct control_command *command, char letter,
	     const json_t *request)
{
	const struct control_argument *argument = command->arguments;

	for (; argument->key; argument++)
		if (!argument->hidden && argument->letter == letter &&
		    (letter || !json_object_get(request, argument->key)))
			return argument;
	return NULL;
}

static bool
set_number(json_t *request, const struct control_argument *argument,
	   const char *word, char *error, size_t size)
{
	char *end;
	intmax_t number;

	errno = 0;
	number = strtoimax(word, &end, 10);
	if (errno || end == word || *end || number < argument->minimum ||
	    number > argument->maximum) {
		snprintf(error, size,
			 "%s: \"%s\" is no number from %" PRId64 " to %" PRId64,
			 argument->shown, word, argument->minimum,
			 argument->maximum);
		return false;
	}
	return json_object_set_new(request, argument->key,
				   json_integer(number)) == 0;
}

static bool
set_string(json_t *request, const struct control_argument *argument,
	   const char *word, char *error, size_t size)
{
	json_t *text = json_string(word);

	if (text && *word && strlen(word) < CONTROL_TEXT)
		return json_object_set_new(request, argument->key, text) == 0;
	json_decref(text);
	snprintf(error, size, "%s: must be a text of 1 to %d bytes in UTF-8",
		 argument->shown, CONTROL_TEXT - 1);
	return false;
}

static bool
set(json_t *request, const struct control_argument *argument, const char *word,
    char *error, size_t size)
{
	if (argument->kind == CONTROL_NUMBER)
		return set_number(request, argument, word, error, size);
	return set_string(request, argument, word, error, size);
}

static bool
take_operand(const struct control_command *command, json_t *request,
	     const char *word, char *error, size_t size)
{
	const struct control_argument *argument =
		argument_for(command, '\0', request);

	if (argument)
		return set(request, argument, word, error, size);
	snprintf(error, size, "%s: too many arguments: %s", command->name,
		 word);
	return false;
}

/* The option or operand words[*at], with its value; *AT is at its last word. */
static bool
take(const struct control_command *command, json_t *request, char *const *words,
     int count, int *at, char *error, size_t size)
{
	const char *word = words[*at];
	char letter = word[0] == '-' && word[1] ? word[1] : '\0';
	const struct control_argument *argument =
		argument_for(command, letter, request);

	if (!letter)
		return take_operand(command, request, word, error, size);
	if (!argument) {
		snprintf(error, size, "%s: no such option: %s%s", command->name,
			 word,
			 strchr("hjrV-", letter)
				 ? " (timedctl's own go before the command)"
				 : "");
		return false;
	}
	if (argument->kind == CONTROL_FLAG && !word[2])
		return json_object_set_new(request, argument->key,
					   json_true()) == 0;
	if (argument->kind != CONTROL_FLAG && word[2])
		return set(request, argument, word + 2, error, size);
	if (argument->kind != CONTROL_FLAG && *at + 1 < count)
		return set(request, argument, words[++*at], error, size);
	snprintf(error, size, "%s: -%c takes %s value", command->name, letter,
		 argument->kind == CONTROL_FLAG ? "no" : "a");
	return false;
}

static bool
take_all(const struct control_command *command, json_t *request,
	 char *const *words, int count, char *error, size_t size)
{
	const struct control_argument *argument = command->arguments;
	int at = 0;

	/* Behind "--" there are operands alone: a name may begin with "-". */
	for (; at < count && strcmp(words[at], "--") != 0; at++)
		if (!take(command, request, words, count, &at, error, size))
			return false;
	while (++at < count)
		if (!take_operand(command, request, words[at], error, size))
			return false;
	for (; argument->key; argument++)
		if (argument->required &&
		    !json_object_get(request, argument->key)) {
			snprintf(error, size, "%s: which %s?", command->name,
				 argument->shown);
			return false;
		}
	return true;
}

json_t *
operator_request(const struct control_command *command, char *const *words,
		 int count, char *error, size_t size)
{
	json_t *request = json_pack("{s:s}", "command", command->name);

	if (request && take_all(command, request, words, count, error, size))
		return request;
	if (!request)
		snprintf(error, size, "out of memory");
	json_decref(request);
	return NULL;
}
