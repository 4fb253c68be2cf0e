/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of people: what may be one, and which two are the same.
 *
 * A name has 1 to 32 characters, letters and digits of any script, _ - and .
 * (marks that belong to a letter before them are part of it, and count).  It
 * is normalised (NFKC), so that two spellings of a name are one, and has a
 * key (case folded, normalised) that no two may share, so that nobody looks
 * like another but for the case.
 */
#ifndef TIMED_BASE_NAME_H
#define TIMED_BASE_NAME_H

#include <stddef.h>

enum {
	NAME_CHARACTERS = 32,
	NAME_SIZE = 4 * NAME_CHARACTERS + 1, /* bytes, with the NUL */
	NAME_KEY_SIZE = 3 * NAME_SIZE,	     /* the same; folding may expand */
};

struct name {
	char text[NAME_SIZE];	 /* normalised, as it is shown */
	char key[NAME_KEY_SIZE]; /* equal for names that are the same */
};

/*
 * Make a name of LENGTH bytes.  NULL, or why it is none, to be shown after
 * "a name ": "must be UTF-8", "has at most 32 characters" ...  *name is set
 * only if it is one.
 */
const char *name_parse(const char *bytes, size_t length, struct name *name);

/*
 * Why LENGTH bytes are no password for NAME, or NULL: it has 8
 * characters at least and 255 bytes at most of UTF-8, none of them a control
 * character, and is not the name.  Shown after
 * "a password ".
 */
enum {
	NAME_PASSWORD_LEAST = 8,  /* characters */
	NAME_PASSWORD_MOST = 255, /* bytes */
};
const char *name_check_password(const struct name *name, const char *bytes,
				size_t length);

#endif
