/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/control.h"

#include <bsd/string.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct control_command control_commands[CONTROL_COUNT] = {
	[CONTROL_STATUS] = {
		"status", "workers, services, connections and lateness",
		CONTROL_FOR_ALL, CONTROL_BY_SCOREBOARD, { { 0 } },
	},
	[CONTROL_TOP] = {
		"top", "the same, live, with the last lines of the log",
		CONTROL_FOR_ALL, CONTROL_BY_SCOREBOARD, { { 0 } },
	},
	[CONTROL_SERVICES] = {
		"services", "the services, and where they listen",
		CONTROL_FOR_ALL, CONTROL_BY_SCOREBOARD, { { 0 } },
	},
	[CONTROL_WORKERS] = {
		"workers", "the workers; with N: have so many from now on",
		CONTROL_FOR_OPERATORS, CONTROL_BY_MASTER,
		{ { .key = "number", .kind = CONTROL_NUMBER, .shown = "N",
		    .minimum = 1, .maximum = 64 } },
	},
	[CONTROL_CLIENTS] = {
		"clients", "who is connected",
		CONTROL_FOR_OPERATORS, CONTROL_BY_CREW,
		{ { .key = "service", .kind = CONTROL_STRING,
		    .shown = "SERVICE" } },
	},
	[CONTROL_KICK] = {
		"kick", "end the connection that clients shows as ID",
		CONTROL_FOR_OPERATORS, CONTROL_BY_CREW,
		{ { .key = "id", .kind = CONTROL_STRING, .shown = "ID",
		    .required = true } },
	},
	[CONTROL_PAUSE] = {
		"pause", "take no new clients; who is connected stays",
		CONTROL_FOR_OPERATORS, CONTROL_BY_MASTER,
		{ { .key = "service", .kind = CONTROL_STRING,
		    .shown = "SERVICE" } },
	},
	[CONTROL_RESUME] = {
		"resume", "take new clients again",
		CONTROL_FOR_OPERATORS, CONTROL_BY_MASTER,
		{ { .key = "service", .kind = CONTROL_STRING,
		    .shown = "SERVICE" } },
	},
	[CONTROL_RELOAD] = {
		"reload", "read timed.conf again, and wait until it serves",
		CONTROL_FOR_OPERATORS, CONTROL_BY_MASTER, { { 0 } },
	},
	[CONTROL_UPGRADE] = {
		"upgrade", "become the program that is installed now",
		CONTROL_FOR_OPERATORS, CONTROL_BY_MASTER, { { 0 } },
	},
	[CONTROL_STOP] = {
		"stop", "stop timed, and wait until it has stopped",
		CONTROL_FOR_OPERATORS, CONTROL_BY_MASTER, { { 0 } },
	},
	[CONTROL_LOG] = {
		"log", "the last lines of the log; -f: and those to come",
		CONTROL_FOR_OPERATORS, CONTROL_BY_JOURNAL,
		{ { .key = "lines", .kind = CONTROL_NUMBER, .letter = 'n',
		    .shown = "N", .maximum = 1000000 },
		  { .key = "follow", .kind = CONTROL_FLAG, .letter = 'f' },
		  { .key = "file", .kind = CONTROL_STRING, .hidden = true },
		  { .key = "at", .kind = CONTROL_NUMBER, .hidden = true,
		    .maximum = INT64_MAX } },
	},
	[CONTROL_LOG_CLEAR] = {
		"log clear", "empty the log",
		CONTROL_FOR_OPERATORS, CONTROL_BY_JOURNAL, { { 0 } },
	},
	[CONTROL_USERS] = {
		"users", "who is registered, and who of them is there",
		CONTROL_FOR_OPERATORS, CONTROL_BY_KEEPER, { { 0 } },
	},
	[CONTROL_USERS_DEL] = {
		"users del", "forget one of them, and end his sessions",
		CONTROL_FOR_OPERATORS, CONTROL_BY_KEEPER,
		{ { .key = "name", .kind = CONTROL_STRING, .shown = "NAME",
		    .required = true },
		  { .key = "yes", .kind = CONTROL_FLAG, .letter = 'y',
		    .confirms = true } },
	},
	[CONTROL_USERS_CLEAR] = {
		"users clear", "forget all users, and end their sessions",
		CONTROL_FOR_OPERATORS, CONTROL_BY_KEEPER,
		{ { .key = "yes", .kind = CONTROL_FLAG, .letter = 'y',
		    .confirms = true } },
	},
	[CONTROL_HISTORY] = {
		"history", "the last messages of the chat",
		CONTROL_FOR_OPERATORS, CONTROL_BY_KEEPER,
		{ { .key = "messages", .kind = CONTROL_NUMBER, .letter = 'n',
		    .shown = "N", .minimum = 1, .maximum = CONTROL_MESSAGES } },
	},
	[CONTROL_HISTORY_CLEAR] = {
		"history clear", "forget all messages of the chat",
		CONTROL_FOR_OPERATORS, CONTROL_BY_KEEPER,
		{ { .key = "yes", .kind = CONTROL_FLAG, .letter = 'y',
		    .confirms = true } },
	},
};
/* clang-format on */

static bool fail(char *error, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool
fail(char *error, size_t size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, size, format, arguments);
	va_end(arguments);
	return false;
}

const struct control_command *
control_find(const char *name)
{
	for (int i = 0; i < CONTROL_COUNT; i++)
		if (strcmp(control_commands[i].name, name) == 0)
			return &control_commands[i];
	return NULL;
}

static bool
take_number(const struct control_argument *argument, const json_t *json,
	    struct control_value *value, char *error, size_t size)
{
	if (!json_is_integer(json))
		return fail(error, size, "%s: must be a whole number",
			    argument->key);
	value->number = json_integer_value(json);
	if (value->number < argument->minimum ||
	    value->number > argument->maximum)
		return fail(error, size,
			    "%s: %" PRId64 " is not within %" PRId64
			    " and %" PRId64,
			    argument->key, value->number, argument->minimum,
			    argument->maximum);
	return true;
}

static bool
take_string(const struct control_argument *argument, const json_t *json,
	    struct control_value *value, char *error, size_t size)
{
	if (!json_is_string(json) || json_string_length(json) == 0)
		return fail(error, size, "%s: must be a text", argument->key);
	if (strlcpy(value->text, json_string_value(json),
		    sizeof(value->text)) >= sizeof(value->text))
		return fail(error, size, "%s: longer than %d bytes",
			    argument->key, CONTROL_TEXT - 1);
	return true;
}

static bool
take(const struct control_argument *argument, const json_t *json,
     struct control_value *value, char *error, size_t size)
{
	value->given = true;
	switch (argument->kind) {
	case CONTROL_FLAG:
		if (!json_is_boolean(json))
			return fail(error, size, "%s: must be true or false",
				    argument->key);
		value->number = json_is_true(json);
		return true;
	case CONTROL_NUMBER:
		return take_number(argument, json, value, error, size);
	case CONTROL_STRING:
		return take_string(argument, json, value, error, size);
	}
	return false;
}

static const struct control_argument *
argument_of(const struct control_command *command, const char *key)
{
	const struct control_argument *argument = command->arguments;

	while (argument->key &&
	       (argument->confirms || strcmp(argument->key, key) != 0))
		argument++;
	return argument->key ? argument : NULL;
}

static bool
take_all(const struct control_command *command, json_t *object,
	 struct control_request *request, char *error, size_t size)
{
	const struct control_argument *argument;
	const char *key;
	json_t *json;

	json_object_foreach(object, key, json)
	{
		if (strcmp(key, "command") == 0)
			continue;
		argument = argument_of(command, key);
		if (!argument)
			return fail(error, size, "%s takes no \"%.64s\"",
				    command->name, key);
		if (!take(argument, json,
			  &request->values[argument - command->arguments],
			  error, size))
			return false;
	}
	for (argument = command->arguments; argument->key; argument++)
		if (argument->required &&
		    !request->values[argument - command->arguments].given)
			return fail(error, size, "%s: \"%s\" is missing",
				    command->name, argument->key);
	return true;
}

static bool
take_object(json_t *object, struct control_request *request, char *error,
	    size_t size)
{
	const char *name =
		json_string_value(json_object_get(object, "command"));
	const struct control_command *command;

	if (!name)
		return fail(error, size,
			    "a request is an object with \"command\"");
	command = control_find(name);
	if (!command)
		return fail(error, size, "no such command: %.64s", name);
	request->id = (enum control_id)(command - control_commands);
	return take_all(command, object, request, error, size);
}

bool
control_parse(const char *line, size_t length, struct control_request *request,
	      char *error, size_t size)
{
	json_error_t place;
	json_t *object =
		json_loadb(line, length, JSON_REJECT_DUPLICATES, &place);
	bool good;

	memset(request, 0, sizeof(*request));
	if (!object)
		return fail(error, size, "no JSON: %s (column %d)", place.text,
			    place.column);
	good = take_object(object, request, error, size);
	json_decref(object);
	return good;
}

const struct control_value *
control_value(const struct control_request *request, const char *key)
{
	const struct control_command *command = &control_commands[request->id];
	const struct control_argument *argument = argument_of(command, key);
	const struct control_value *value;

	if (!argument)
		return NULL;
	value = &request->values[argument - command->arguments];
	return value->given ? value : NULL;
}

socklen_t
control_address(const char *runtime_dir, const char *name,
		struct sockaddr_un *address)
{
	int length;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	length = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s",
			  runtime_dir, name);
	if (length < 0 || (size_t)length >= sizeof(address->sun_path))
		return 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			   (size_t)length + 1);
}
