/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/show_history.h"

#include "tools/show_users.h"
#include "tools/terminal_text.h"

#include <string.h>

void
show_history_object(const json_t *object, FILE *out)
{
	const json_t *message = json_object_get(object, "message");
	const char *from, *text, *kind, *to = NULL;
	char when[SHOW_USERS_TIME];
	json_int_t second;
	bool action;

	if (json_unpack((json_t *)message, "{s:I, s:s, s:s, s:s, s?s}", "time",
			&second, "kind", &kind, "from", &from, "text", &text,
			"to", &to) < 0)
		return;
	action = !to && strcmp(kind, "action") == 0;
	show_users_time(second, when);
	fprintf(out, "[%s] %s", when, action ? "* " : "");
	terminal_text_put(from, out);
	if (to) {
		fputs(" -> ", out);
		terminal_text_put(to, out);
	}
	fputs(action ? " " : ": ", out);
	terminal_text_put(text, out);
	fputc('\n', out);
}

void
show_history_removed(const json_t *answer, FILE *out)
{
	json_int_t removed =
		json_integer_value(json_object_get(answer, "removed"));

	fprintf(out, "%" JSON_INTEGER_FORMAT " %s gone\n", removed,
		removed == 1 ? "message is" : "messages are");
}
