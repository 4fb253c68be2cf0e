/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/programs.h"

#include "base/trust.h"
#include "config/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* In the order of enum hook_kind. */
static const struct setting kinds[] = {
	{ "ready", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "reload", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "reload_failed", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "pause", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "resume", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "worker_crash", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "stop", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == HOOK_KINDS + 1,
	       "each kind has its name");

const char *
programs_name(enum hook_kind kind)
{
	return kinds[kind].name;
}

static char *
read_argument(config_setting_t *setting, const char *name, int index,
	      struct complaints *complaints)
{
	const char *text = config_setting_get_string(setting);
	char *copy;

	if (!text) {
		complain(complaints, setting, "%s: must be strings in quotes",
			 name);
		return NULL;
	}
	/* A daemon has no PATH and no directory that anybody has in mind. */
	if (index == 0 && *text != '/') {
		complain(complaints, setting,
			 "%s: \"%s\" must begin with a slash", name, text);
		return NULL;
	}
	if (strlen(text) >= PATH_MAX) {
		complain(complaints, setting,
			 "%s: must be shorter than %d bytes", name, PATH_MAX);
		return NULL;
	}
	copy = strdup(text);
	if (!copy)
		complaints->forgot = true;
	return copy;
}

static void
warn(struct config *config, enum hook_kind kind)
{
	const char *path = config->hooks[kind].arguments[0];
	char why[PATH_MAX + 64];

	if (!trust_program(path, why, sizeof(why)))
		config_warn(config, "hook \"%s\" cannot be run: %s",
			    programs_name(kind), why);
}

static void
read_program(struct config *config, config_setting_t *setting,
	     enum hook_kind kind, struct complaints *complaints)
{
	const char *name = programs_name(kind);
	char **arguments = config->hooks[kind].arguments;
	int count = config_setting_length(setting);

	if (!config_setting_is_array(setting) &&
	    !config_setting_is_list(setting)) {
		complain(complaints, setting,
			 "%s: must be a program and its arguments, such as "
			 "[ \"/bin/true\" ]",
			 name);
		return;
	}
	if (count == 0 || count > PROGRAM_ARGUMENTS) {
		complain(complaints, setting,
			 count ? "%s: at most %d strings"
			       : "%s: must name a program",
			 name, PROGRAM_ARGUMENTS);
		return;
	}
	for (int i = 0; i < count; i++) {
		arguments[i] = read_argument(
			config_setting_get_elem(setting, (unsigned)i), name, i,
			complaints);
		if (!arguments[i])
			return;
	}
	warn(config, kind);
}

void
programs_read(struct config *config, config_setting_t *root,
	      struct complaints *complaints)
{
	config_setting_t *group = config_setting_get_member(root, "hooks");

	if (!group)
		return;
	if (!config_setting_is_group(group)) {
		complain(complaints, group, "hooks: must be a group in braces");
		return;
	}
	/* Whoever can change any of them can have any program run. */
	if (*config->doubt)
		complain(complaints, group,
			 "hooks: only in files that nobody else can change: "
			 "%s",
			 config->doubt);
	settings_read(group, kinds, NULL, NULL, NULL, complaints);
	for (int i = 0; i < HOOK_KINDS; i++) {
		config_setting_t *setting =
			config_setting_get_member(group, kinds[i].name);

		if (setting)
			read_program(config, setting, (enum hook_kind)i,
				     complaints);
	}
}

void
programs_free(struct config *config)
{
	for (int i = 0; i < HOOK_KINDS; i++)
		for (int k = 0; k < PROGRAM_ARGUMENTS; k++)
			free(config->hooks[i].arguments[k]);
}
