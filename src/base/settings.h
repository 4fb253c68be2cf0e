/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of libconfig groups, read through tables: one row a setting, with
 * its type, its range and where its value goes.  An unknown setting, a wrong
 * type and a value out of range are complaints; all are collected, each with
 * file and line, so that a user sees every error of a file at once.
 */
#ifndef TIMED_BASE_SETTINGS_H
#define TIMED_BASE_SETTINGS_H

#include "base/zone.h"

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

struct complaints {
	char **lines;
	int count;
	bool forgot; /* out of memory: there were more */
};

/* Add "FILE:LINE: text"; WHERE may be NULL for a text that names its place. */
void complain(struct complaints *complaints, const config_setting_t *where,
	      const char *format, ...) __attribute__((format(printf, 3, 4)));

void complaints_free(struct complaints *complaints);

/*
 * The place that complains best of what is wrong with the setting NAME of
 * GROUP: its own if it was written, or else the group's; GROUP may be NULL.
 */
const config_setting_t *settings_place(const config_setting_t *group,
				       const char *name);

/*
 * The time zone that the setting `timezone` of GROUP, VALUE, names; as of
 * zone_load().  NULL with a complaint.
 */
struct zone *settings_zone(const config_setting_t *group, const char *value,
			   struct complaints *complaints);

enum setting_type {
	SETTING_BOOL,	/* bool */
	SETTING_INT,	/* int, from minimum to maximum */
	SETTING_FLOAT,	/* double; whole numbers are taken too */
	SETTING_STRING, /* char[size]; at least `minimum` bytes long */
	SETTING_CHOICE, /* int: the index in `choices` */
	SETTING_OTHER,	/* known here, read by somebody else */
};

struct setting {
	const char *name; /* NULL ends a table */
	enum setting_type type;
	size_t offset; /* in the struct that is filled */
	size_t size;   /* of a string's room, with the NUL */
	double minimum;
	double maximum;
	const char *const *choices; /* ends with NULL */
};

/*
 * Read every member of GROUP as TABLE or MORE (may be NULL) says into INTO
 * and INTO_MORE, which hold the defaults already; a setting that is absent
 * leaves its default.  Errors become COMPLAINTS and leave the default too.
 */
void settings_read(config_setting_t *group, const struct setting *table,
		   void *into, const struct setting *more, void *into_more,
		   struct complaints *complaints);

#endif
