/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/paused.h"

#include <bsd/string.h>
#include <string.h>

bool
paused_has(const struct paused *paused, const char *name)
{
	for (int i = 0; i < paused->count; i++)
		if (strcmp(paused->names[i], name) == 0)
			return true;
	return paused->all;
}

static void
add(struct paused *paused, const char *name)
{
	if (!paused_has(paused, name) && paused->count < SCOREBOARD_SERVICES)
		strlcpy(paused->names[paused->count++], name, SCOREBOARD_NAME);
}

/* By name, those that there are, but for EXCEPT (or NULL). */
static void
spell_out(struct paused *paused, const struct listeners *listeners,
	  const char *except)
{
	struct paused before = *paused;
	const char *name;

	*paused = (struct paused){ .all = false };
	for (int at = 0; (name = listeners_service(listeners, &at));)
		if (paused_has(&before, name) &&
		    (!except || strcmp(name, except) != 0))
			add(paused, name);
}

bool
paused_put_on(struct paused *paused, const char *name)
{
	if (name ? paused_has(paused, name) : paused->all)
		return false;
	if (name)
		add(paused, name);
	else
		*paused = (struct paused){ .all = true };
	return true;
}

bool
paused_take_off(struct paused *paused, const struct listeners *listeners,
		const char *name)
{
	if (name ? !paused_has(paused, name)
		 : !paused->all && paused->count == 0)
		return false;
	if (name)
		spell_out(paused, listeners, name);
	else
		*paused = (struct paused){ .all = false };
	return true;
}

void
paused_prune(struct paused *paused, const struct listeners *listeners)
{
	if (!paused->all)
		spell_out(paused, listeners, NULL);
}

json_t *
paused_save(const struct paused *paused)
{
	json_t *names = json_array();

	for (int i = 0; i < paused->count; i++)
		json_array_append_new(names, json_string(paused->names[i]));
	return json_pack("{s:b, s:o}", "all", paused->all, "names", names);
}

void
paused_restore(struct paused *paused, json_t *text)
{
	json_t *name;
	size_t index;

	*paused = (struct paused){ .all = json_is_true(
					   json_object_get(text, "all")) };
	json_array_foreach(json_object_get(text, "names"), index, name)
	{
		if (json_is_string(name))
			add(paused, json_string_value(name));
	}
}
