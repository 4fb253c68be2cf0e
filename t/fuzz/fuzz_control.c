/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of the control socket: whatever arrives is understood or refused
 * with a line of text, and what is understood is within its bounds.
 */
#include "ipc/control.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct control_request *request)
{
	const struct control_command *command = &control_commands[request->id];
	const struct control_argument *argument = command->arguments;

	for (int i = 0; argument[i].key; i++) {
		const struct control_value *value = &request->values[i];

		if (argument[i].required && !value->given)
			abort();
		if (value->given && argument[i].kind == CONTROL_NUMBER &&
		    (value->number < argument[i].minimum ||
		     value->number > argument[i].maximum))
			abort();
		if (!memchr(value->text, '\0', sizeof(value->text)))
			abort();
		if (value->given &&
		    control_value(request, argument[i].key) != value)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request request;
	char error[64] = "";

	if (size > CONTROL_LINE)
		return 0;
	if (control_parse((const char *)data, size, &request, error,
			  sizeof(error)))
		check(&request);
	else if (!error[0] || !memchr(error, '\0', sizeof(error)))
		abort();
	return 0;
}
