/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/name.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

static const char NO_MEMORY[] = "cannot be looked at: out of memory";

static bool
is_word(ucs4_t character)
{
	return uc_is_general_category_withtable(
		       character, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_Nd) &&
	       /* Letters that show as nothing: Hangul fillers. */
	       !uc_is_property_default_ignorable_code_point(character);
}

static bool
is_mark(ucs4_t character)
{
	return uc_is_general_category_withtable(character,
						UC_CATEGORY_MASK_M) &&
	       !uc_is_property_default_ignorable_code_point(character);
}

/* Why TEXT (normalised, LENGTH bytes) is no name, or NULL. */
static const char *
check(const uint8_t *text, size_t length)
{
	bool marks = false; /* one may follow */
	bool word = false;
	size_t count = 0;

	while (length > 0) {
		ucs4_t character;
		int bytes = u8_mbtouc(&character, text, length);

		if (++count > NAME_CHARACTERS)
			return "has at most 32 characters";
		if (is_word(character)) {
			word = true;
			marks = true;
		} else if (character == '_' || character == '-' ||
			   character == '.') {
			marks = false;
		} else if (!marks || !is_mark(character)) {
			return "is made of letters, digits, _ - and .";
		}
		text += bytes;
		length -= (size_t)bytes;
	}
	return word ? NULL : "has at least one letter or digit";
}

/* *ROOM of SIZE bytes gets TEXT, terminated.  False if it does not fit. */
static bool
keep(char *room, size_t size, const uint8_t *text, size_t length)
{
	if (length >= size)
		return false;
	memcpy(room, text, length);
	room[length] = '\0';
	return true;
}

static const char *
make_key(const uint8_t *text, size_t length, char key[NAME_KEY_SIZE])
{
	size_t folded_length;
	uint8_t *folded = u8_casefold(text, length, NULL, UNINORM_NFKC, NULL,
				      &folded_length);
	bool fits;

	if (!folded)
		return NO_MEMORY;
	fits = keep(key, NAME_KEY_SIZE, folded, folded_length);
	free(folded);
	return fits ? NULL : "is too long";
}

const char *
name_parse(const char *bytes, size_t length, struct name *name)
{
	struct name made = { 0 };
	uint8_t *text;
	size_t text_length;
	const char *wrong;

	if (length == 0)
		return "has at least one letter or digit";
	/* Of what is written in full, nothing gets shorter by half. */
	if (length > 8 * NAME_SIZE)
		return "has at most 32 characters";
	if (u8_check((const uint8_t *)bytes, length))
		return "must be UTF-8";
	text = u8_normalize(UNINORM_NFKC, (const uint8_t *)bytes, length, NULL,
			    &text_length);
	if (!text)
		return NO_MEMORY;
	wrong = check(text, text_length);
	if (!wrong && !keep(made.text, sizeof(made.text), text, text_length))
		wrong = "is too long";
	if (!wrong)
		wrong = make_key(text, text_length, made.key);
	free(text);
	if (!wrong)
		*name = made;
	return wrong;
}

static bool
has_control(const char *bytes, size_t length)
{
	const uint8_t *text = (const uint8_t *)bytes;

	while (length > 0) {
		ucs4_t character;
		int n = u8_mbtouc(&character, text, length);

		if (character < 0x20 || (character >= 0x7f && character < 0xa0))
			return true;
		text += n;
		length -= (size_t)n;
	}
	return false;
}

const char *
name_check_password(const struct name *name, const char *bytes, size_t length)
{
	struct name same;

	if (length > NAME_PASSWORD_MOST)
		return "has at most 255 bytes";
	if (u8_check((const uint8_t *)bytes, length))
		return "must be UTF-8";
	if (u8_mbsnlen((const uint8_t *)bytes, length) < NAME_PASSWORD_LEAST)
		return "has at least 8 characters";
	if (has_control(bytes, length))
		return "has no control characters";
	if (!name_parse(bytes, length, &same) &&
	    strcmp(same.key, name->key) == 0)
		return "must not be the name";
	return NULL;
}
