/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/settings.h"

#include <bsd/string.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
append(struct complaints *complaints, char *line)
{
	char **lines =
		reallocarray(complaints->lines, (size_t)complaints->count + 1,
			     sizeof(*lines));

	if (!lines)
		return false;
	complaints->lines = lines;
	lines[complaints->count++] = line;
	return true;
}

void
complain(struct complaints *complaints, const config_setting_t *where,
	 const char *format, ...)
{
	char *text = NULL;
	char *line = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (text && where) {
		const char *file = config_setting_source_file(where);

		if (asprintf(&line, "%s:%u: %s", file ? file : "config",
			     config_setting_source_line(where), text) < 0)
			line = NULL;
		free(text);
	} else {
		line = text;
	}
	if (!line || !append(complaints, line)) {
		free(line);
		complaints->forgot = true;
	}
}

void
complaints_free(struct complaints *complaints)
{
	for (int i = 0; i < complaints->count; i++)
		free(complaints->lines[i]);
	free(complaints->lines);
	*complaints = (struct complaints){ 0 };
}

static void
read_bool(config_setting_t *setting, const struct setting *row, bool *into,
	  struct complaints *complaints)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		complain(complaints, setting, "%s: must be true or false",
			 row->name);
	else
		*into = config_setting_get_bool(setting);
}

/* A number of either kind; false when it is none or out of range. */
static bool
read_number(config_setting_t *setting, const struct setting *row,
	    double *number, struct complaints *complaints)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		*number = (double)config_setting_get_int64(setting);
		break;
	case CONFIG_TYPE_FLOAT:
		*number = config_setting_get_float(setting);
		break;
	default:
		*number = NAN;
	}
	if (isnan(*number) ||
	    (row->type == SETTING_INT &&
	     config_setting_type(setting) == CONFIG_TYPE_FLOAT)) {
		complain(complaints, setting, "%s: must be a %snumber",
			 row->name, row->type == SETTING_INT ? "whole " : "");
		return false;
	}
	if (*number < row->minimum || *number > row->maximum) {
		complain(complaints, setting,
			 "%s: must be from %.10g to %.10g, not %.10g",
			 row->name, row->minimum, row->maximum, *number);
		return false;
	}
	return true;
}

static const char *
read_text(config_setting_t *setting, const struct setting *row,
	  struct complaints *complaints)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING)
		return config_setting_get_string(setting);
	complain(complaints, setting, "%s: must be a string in quotes",
		 row->name);
	return NULL;
}

static void
read_string(config_setting_t *setting, const struct setting *row, char *into,
	    struct complaints *complaints)
{
	const char *text = read_text(setting, row, complaints);

	if (!text)
		return;
	if (strlen(text) >= row->size)
		complain(complaints, setting,
			 "%s: must be shorter than %zu bytes", row->name,
			 row->size);
	else if (strlen(text) < (size_t)row->minimum)
		complain(complaints, setting, "%s: must not be empty",
			 row->name);
	else
		strlcpy(into, text, row->size);
}

static void
read_choice(config_setting_t *setting, const struct setting *row, int *into,
	    struct complaints *complaints)
{
	const char *text = read_text(setting, row, complaints);
	char known[256] = "";

	if (!text)
		return;
	for (int i = 0; row->choices[i]; i++) {
		if (strcmp(row->choices[i], text) == 0) {
			*into = i;
			return;
		}
		if (i > 0)
			strlcat(known, ", ", sizeof(known));
		strlcat(known, row->choices[i], sizeof(known));
	}
	complain(complaints, setting, "%s: \"%s\" is none of %s", row->name,
		 text, known);
}

static void
read_one(config_setting_t *setting, const struct setting *row, void *into,
	 struct complaints *complaints)
{
	double number;
	char *place;

	if (row->type == SETTING_OTHER)
		return;
	place = (char *)into + row->offset;
	switch (row->type) {
	case SETTING_BOOL:
		read_bool(setting, row, (bool *)place, complaints);
		break;
	case SETTING_INT:
		if (read_number(setting, row, &number, complaints))
			*(int *)place = (int)number;
		break;
	case SETTING_FLOAT:
		if (read_number(setting, row, &number, complaints))
			*(double *)place = number;
		break;
	case SETTING_STRING:
		read_string(setting, row, place, complaints);
		break;
	case SETTING_CHOICE:
		read_choice(setting, row, (int *)place, complaints);
		break;
	case SETTING_OTHER:
		break;
	}
}

static const struct setting *
find(const struct setting *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

void
settings_read(config_setting_t *group, const struct setting *table, void *into,
	      const struct setting *more, void *into_more,
	      struct complaints *complaints)
{
	int count = config_setting_length(group);

	for (int i = 0; i < count; i++) {
		config_setting_t *setting =
			config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(setting);
		const struct setting *row;

		if ((row = find(table, name)))
			read_one(setting, row, into, complaints);
		else if ((row = find(more, name)))
			read_one(setting, row, into_more, complaints);
		else
			complain(complaints, setting, "unknown setting \"%s\"",
				 name);
	}
}

const config_setting_t *
settings_place(const config_setting_t *group, const char *name)
{
	const config_setting_t *setting =
		group ? config_setting_get_member(group, name) : NULL;

	return setting ? setting : group;
}

struct zone *
settings_zone(const config_setting_t *group, const char *value,
	      struct complaints *complaints)
{
	char error[256];
	struct zone *zone = zone_load(value, error, sizeof(error));

	if (!zone)
		complain(complaints, settings_place(group, "timezone"),
			 "timezone: %s", error);
	return zone;
}
